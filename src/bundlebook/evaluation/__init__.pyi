from .arena import Arena as Arena, judging as judging, prepare as prepare
from .arrivals import newcomers as newcomers, single_lines as single_lines
from .board import (
    Options as Options,
    make_board as make_board,
    outside as outside,
    settings_of as settings_of,
    split_for as split_for,
)
from .calibration import log_loss as log_loss, pair_losses as pair_losses, reliability_curve as reliability_curve
from .calibration_groups import (
    calibration_by_group as calibration_by_group,
    ece_by_chance as ece_by_chance,
    ece_interval as ece_interval,
    history_bands as history_bands,
    popularity_bands as popularity_bands,
)
from .completion import hide_one as hide_one
from .contenders import CONTENDERS as CONTENDERS, Contender as Contender, Ground as Ground
from .judged import Judged as Judged, averaged as averaged
from .last_basket import (
    last_baskets_in_time as last_baskets_in_time,
    leave_last_out as leave_last_out,
    seen_later as seen_later,
)
from .leaderboard import Evaluation as Evaluation
from .leakage import (
    composition_leak as composition_leak,
    future_influence as future_influence,
    truth_in_features as truth_in_features,
)
from .metrics import hit_rate as hit_rate, ndcg as ndcg, recall as recall
from .needs import Size as Size
from .planning import Plan as Plan, plan as plan
from .protocol import evaluate as evaluate
from .ranking import rank as rank, three_rows as three_rows
from .resources import watch as watch
from .sealed import Sealed as Sealed
from .significance import (
    bootstrap_interval as bootstrap_interval,
    holm as holm,
    paired_differences as paired_differences,
    resampled_means as resampled_means,
)
from .stored import Stored as Stored, summary as summary
from .tracks import everyone as everyone
