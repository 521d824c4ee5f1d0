"""Association analysis: itemsets, rules, significance, stability, and lift that knows how large baskets are.

Heavy parts (numba, statsmodels, mlxtend) are imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
