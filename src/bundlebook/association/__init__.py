"""Association analysis: itemsets, rules, significance, stability, and lift that knows how large baskets are.

Heavy parts (numba, statsmodels, mlxtend) are imported when first used.
"""

from bundlebook.association.adjusted import adjusted_lift, lift_table
from bundlebook.association.configuration import ConfigurationModel, fit_configuration
from bundlebook.association.hierarchy import parents, surprise
from bundlebook.association.itemsets import ENGINES, frequent_itemsets
from bundlebook.association.matrix import BasketMatrix, encode, least_count
from bundlebook.association.measures import MEASURES, measure
from bundlebook.association.redundancy import closed_and_maximal, mark_redundant, productivity
from bundlebook.association.rules import association_rules
from bundlebook.association.significance import CORRECTIONS, fisher_greater, significance
from bundlebook.association.similarity import item_cosine
from bundlebook.association.sized import FixedSizeModel, fit_sizes
from bundlebook.association.stability import held_out_lift, remeasure, survival
from bundlebook.association.storage import load, save
from bundlebook.association.use import rules_for
from bundlebook.association.utility import revenue_baskets, utility

__all__ = [
    "CORRECTIONS",
    "ENGINES",
    "MEASURES",
    "BasketMatrix",
    "ConfigurationModel",
    "FixedSizeModel",
    "adjusted_lift",
    "association_rules",
    "closed_and_maximal",
    "encode",
    "fisher_greater",
    "fit_configuration",
    "fit_sizes",
    "frequent_itemsets",
    "held_out_lift",
    "item_cosine",
    "least_count",
    "lift_table",
    "load",
    "mark_redundant",
    "measure",
    "parents",
    "productivity",
    "remeasure",
    "revenue_baskets",
    "rules_for",
    "save",
    "significance",
    "surprise",
    "survival",
    "utility",
]
