from .adjusted import adjusted_lift as adjusted_lift, lift_table as lift_table
from .configuration import ConfigurationModel as ConfigurationModel, fit_configuration as fit_configuration
from .corrections import CORRECTIONS as CORRECTIONS, fisher_greater as fisher_greater, significance as significance
from .counting import count_itemsets as count_itemsets
from .engines import by_mlxtend as by_mlxtend, by_pyfim as by_pyfim
from .hierarchy import parents as parents, surprise as surprise
from .itemsets import ENGINES as ENGINES, frequent_itemsets as frequent_itemsets
from .matrix import (
    BasketMatrix as BasketMatrix,
    check_support as check_support,
    encode as encode,
    least_count as least_count,
)
from .measures import MEASURES as MEASURES, measure as measure
from .null import shuffled as shuffled
from .redundancy import (
    closed_and_maximal as closed_and_maximal,
    mark_redundant as mark_redundant,
    productivity as productivity,
)
from .revenue import revenue_baskets as revenue_baskets, utility as utility
from .rules import association_rules as association_rules
from .similarity import item_cosine as item_cosine
from .sized import FixedSizeModel as FixedSizeModel, fit_sizes as fit_sizes
from .stability import held_out_lift as held_out_lift, remeasure as remeasure, survival as survival
from .storage import load as load, save as save
from .use import rules_for as rules_for
