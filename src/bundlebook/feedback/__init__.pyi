from .bandit import BanditRuns as BanditRuns, play_bandit as play_bandit, regret_bound as regret_bound
from .counts import Counts as Counts
from .drift import page_hinkley as page_hinkley, stream_facts as stream_facts, surprises as surprises
from .exposure import ExposureRuns as ExposureRuns, exposure_loop as exposure_loop, tastes as tastes
from .guard import Guard as Guard, Taken as Taken, take_in as take_in
from .offers import (
    Offers as Offers,
    held_out as held_out,
    offers_by_bundle as offers_by_bundle,
    read_offers as read_offers,
    write_offers as write_offers,
)
from .online import (
    RunningCounts as RunningCounts,
    RunningEASE as RunningEASE,
    gradient_step as gradient_step,
    rank_update as rank_update,
)
from .prequential import (
    REGIMES as REGIMES,
    Prequential as Prequential,
    judge_scores as judge_scores,
    prequential_tasks as prequential_tasks,
    run_prequential as run_prequential,
    update_days as update_days,
)
from .store import Busy as Busy, EventStore as EventStore, Intake as Intake
from .uplift import Uplift as Uplift, measure as measure
from .weekly import (
    Forgotten as Forgotten,
    NotPromoted as NotPromoted,
    Update as Update,
    baskets_of as baskets_of,
    forget as forget,
    has_store as has_store,
    held_shop as held_shop,
    rollback as rollback,
    state_folder as state_folder,
    update as update,
)
