"""Profiles: what an item is, who a user is, and how well the two match.

* ``profile``: fit the profiles of a shop (readable attributes of users and items, counted in ``_attributes``), show a
  portrait, match a user with items
* ``vectors``: the item vector P, items hidden to test it, and a shop of four users to do by hand
* ``weights``: weights by hand or learned, and what people with the same social attributes buy
* ``matching``: the match C = U·P as a recommender
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
