from .base import ProbabilisticRecommender as ProbabilisticRecommender, Recommender as Recommender
from .boosted import (
    FEATURE_GROUPS as FEATURE_GROUPS,
    BoostedTrees as BoostedTrees,
    counting_features as counting_features,
)
from .calibrated import Calibrated as Calibrated, PlattScaled as PlattScaled, platt as platt
from .completing import (
    BasketCompleter as BasketCompleter,
    SummedCompleter as SummedCompleter,
    decayed_shares as decayed_shares,
    item_shares as item_shares,
)
from .content import ContentBased as ContentBased
from .counting import (
    DecayedFrequency as DecayedFrequency,
    PersonalFrequency as PersonalFrequency,
    Popularity as Popularity,
    TransitionCounts as TransitionCounts,
)
from .factors import BPR as BPR, ImplicitALS as ImplicitALS, initial_factors as initial_factors
from .hybrid import Ensemble as Ensemble, Stacked as Stacked, Switching as Switching, Weighted as Weighted
from .linear import EASE as EASE, ItemCosine as ItemCosine
from .neighbours import UPCF as UPCF, ItemKNN as ItemKNN, TifuKNN as TifuKNN, UserKNN as UserKNN
from .networks.backend import (
    device_report as device_report,
    devices as devices,
    import_keras as import_keras,
    seed_everything as seed_everything,
)
from .networks.base import (
    FromCache as FromCache,
    NetworkRecommender as NetworkRecommender,
    NetworkSettings as NetworkSettings,
    fit_cached as fit_cached,
)
from .networks.feedforward import (
    DeepMF as DeepMF,
    EmbeddingNetwork as EmbeddingNetwork,
    FeedforwardRecommender as FeedforwardRecommender,
    FeedforwardSettings as FeedforwardSettings,
    HistoryCNN as HistoryCNN,
    InterestMLP as InterestMLP,
)
from .networks.periods import (
    PeriodPanel as PeriodPanel,
    period_panel as period_panel,
    periods_covered as periods_covered,
)
from .networks.recurrent import (
    LiteralRNN as LiteralRNN,
    NextBasketRecommender as NextBasketRecommender,
    NextBasketSettings as NextBasketSettings,
    RecurrentRecommender as RecurrentRecommender,
    RecurrentSettings as RecurrentSettings,
)
from .networks.training import (
    MOST_PERIODS as MOST_PERIODS,
    Examples as Examples,
    examples_per_second as examples_per_second,
    shuffled_batches as shuffled_batches,
    train as train,
)
from .networks.transformer import (
    TransformerCompleter as TransformerCompleter,
    TransformerSettings as TransformerSettings,
)
from .rules import RuleRecommender as RuleRecommender
from .tuning import Range as Range, search as search
