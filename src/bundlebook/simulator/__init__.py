"""What no log tells, simulated: seeded, versioned, and named so.

- :mod:`~bundlebook.simulator.behaviour` — browsing and shown bundles around real baskets: columns ``sim_``. Its
  customers (``_customers``) have the taste, price response and lift that a shop's purchases show before a day.
- :mod:`~bundlebook.simulator.sample` — the sample shop, visit by visit, and its files. What is planted in it
  (``_planted``) stands in numbers in its truth.
- :mod:`~bundlebook.simulator.responses` — how users answer offers, with a planted uplift.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
