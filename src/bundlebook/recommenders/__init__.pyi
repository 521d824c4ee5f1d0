from ._keras import (
    device_report as device_report,
    devices as devices,
    import_keras as import_keras,
    seed_everything as seed_everything,
)
from .base import ProbabilisticRecommender as ProbabilisticRecommender, Recommender as Recommender
from .calibrated import Calibrated as Calibrated, PlattScaled as PlattScaled, Replay as Replay, platt as platt
from .cnn import HistoryCNN as HistoryCNN
from .completing import BasketCompleter as BasketCompleter
from .content import ContentBased as ContentBased
from .counting import (
    DecayedFrequency as DecayedFrequency,
    PersonalFrequency as PersonalFrequency,
    Popularity as Popularity,
    TransitionCounts as TransitionCounts,
)
from .deep_factorization import DeepMF as DeepMF
from .embedding import EmbeddingNetwork as EmbeddingNetwork
from .factors import BPR as BPR, ImplicitALS as ImplicitALS
from .from_cache import FromCache as FromCache
from .hybrid import Ensemble as Ensemble, Stacked as Stacked, Switching as Switching, Weighted as Weighted
from .linear import EASE as EASE, ItemCosine as ItemCosine
from .mlp import InterestMLP as InterestMLP
from .neighbours import UPCF as UPCF, ItemKNN as ItemKNN, TifuKNN as TifuKNN, UserKNN as UserKNN
from .next_basket import NextBasketRecommender as NextBasketRecommender
from .periods import PeriodPanel as PeriodPanel, period_panel as period_panel, periods_covered as periods_covered
from .recurrent import (
    LiteralRNN as LiteralRNN,
    RecurrentRecommender as RecurrentRecommender,
    Settings as Settings,
    fit_cached as fit_cached,
)
from .rules import RuleRecommender as RuleRecommender
from .speed import (
    PIPELINES as PIPELINES,
    Speed as Speed,
    examples_per_second as examples_per_second,
    measure as measure,
)
from .training import (
    MOST_PERIODS as MOST_PERIODS,
    Examples as Examples,
    shuffled_batches as shuffled_batches,
    train as train,
)
from .tuning import Range as Range, search as search
