from ._drawings import find_chromium as find_chromium
from .batch import (
    Batch as Batch,
    Job as Job,
    Parameter as Parameter,
    PlanError as PlanError,
    declared_parameters as declared_parameters,
    find_batch as find_batch,
    load_batch as load_batch,
)
from .leaderboard import evaluate_shop as evaluate_shop
from .run import (
    ENGINES as ENGINES,
    BatchRun as BatchRun,
    Engine as Engine,
    ThreadEngine as ThreadEngine,
    report as report,
)
