"""Association analysis: what is bought together, and is it more than chance?

* ``matrix``: baskets as a sparse 0/1 matrix (`encode`), thresholds as whole counts, cosine similarity of items
* ``itemsets``: frequent itemsets by any engine, counts of given ones, closed and maximal ones
* ``rules``: rules with their measures, also on later baskets; the answer to "what goes with these items?"; files
* ``testing``: Fisher's exact test, corrections for many tests, redundant and productive rules
* ``null_models``, ``adjusted``: what baskets of these sizes, or of each user's taste, hold by chance; the lift over it
* ``hierarchy``: levels of the catalogue, and the money that an itemset brings

Heavy parts (numba, statsmodels, mlxtend) are imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
