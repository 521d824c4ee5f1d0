from ._batch import (
    PlanError as PlanError,
    declared_parameters as declared_parameters,
    find_batch as find_batch,
    load_batch as load_batch,
)
from ._drawings import find_chromium as find_chromium
from ._leaderboard import evaluate_shop as evaluate_shop
from ._run import BatchRun as BatchRun, report as report
from ._uplift import write_uplift_page as write_uplift_page
