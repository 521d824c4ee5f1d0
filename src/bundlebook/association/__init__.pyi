from ._engines import ENGINES as ENGINES
from .adjusted import (
    adjusted_lift as adjusted_lift,
    held_out_lift as held_out_lift,
    lift_table as lift_table,
    linked_pairs as linked_pairs,
)
from .hierarchy import (
    representatives as representatives,
    revenue_baskets as revenue_baskets,
    surprise as surprise,
    utility as utility,
)
from .itemsets import (
    closed_and_maximal as closed_and_maximal,
    count_itemsets as count_itemsets,
    frequent_itemsets as frequent_itemsets,
)
from .matrix import (
    BasketMatrix as BasketMatrix,
    encode as encode,
    item_cosine as item_cosine,
    least_count as least_count,
)
from .null_models import (
    ConfigurationModel as ConfigurationModel,
    FixedSizeModel as FixedSizeModel,
    fit_configuration as fit_configuration,
    fit_sizes as fit_sizes,
    fit_users as fit_users,
    shuffled as shuffled,
    sizes_of_counts as sizes_of_counts,
)
from .rules import (
    MEASURES as MEASURES,
    association_rules as association_rules,
    load as load,
    remeasure as remeasure,
    rules_for as rules_for,
    save as save,
    survival as survival,
)
from .testing import (
    mark_redundant as mark_redundant,
    productivity as productivity,
    significance as significance,
)
