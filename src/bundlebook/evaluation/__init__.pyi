from . import bundle_pages as bundle_pages, calibration as calibration, metrics as metrics
from .calibration import log_loss as log_loss, pair_losses as pair_losses, reliability_curve as reliability_curve
from .judge import (
    PreparedTask as PreparedTask,
    Result as Result,
    averaged as averaged,
    prepare as prepare,
)
from .leaderboard import (
    HeldOutTest as HeldOutTest,
    Leaderboard as Leaderboard,
    Options as Options,
    judge_cached as judge_cached,
    make_leaderboard as make_leaderboard,
    outside_vocabulary as outside_vocabulary,
    settings_of as settings_of,
    split_for as split_for,
    within as within,
)
from .leakage import (
    benchmark_leaks as benchmark_leaks,
    composition_leak as composition_leak,
    future_influence as future_influence,
    truth_in_features as truth_in_features,
)
from .methods import (
    METHODS as METHODS,
    Method as Method,
    MethodInputs as MethodInputs,
    Size as Size,
    plan as plan,
)
from .metrics import METRICS as METRICS, Metric as Metric, hit_rate as hit_rate, ndcg as ndcg, recall as recall
from .ranking import Ranking as Ranking, rank as rank, three_rows as three_rows
from .results import Evaluation as Evaluation, evaluate as evaluate
from .statistics import (
    bootstrap_interval as bootstrap_interval,
    design_effect as design_effect,
    detectable_lift as detectable_lift,
    paired_differences as paired_differences,
    resampled_means as resampled_means,
    sample_size as sample_size,
)
from .stored import (
    Stored as Stored,
    stored_calibration as stored_calibration,
    stored_newcomers as stored_newcomers,
    summary as summary,
    write_figures as write_figures,
)
from .tasks import (
    everyone as everyone,
    hide_one as hide_one,
    last_baskets_in_time as last_baskets_in_time,
    leave_last_out as leave_last_out,
    newcomers as newcomers,
    tracks as tracks,
)
