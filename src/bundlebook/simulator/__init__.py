"""What no log tells, simulated: seeded, versioned, and named so.

- :mod:`~bundlebook.simulator.customers` — taste, price response and lift, learnt from a shop's purchases before a day.
- :mod:`~bundlebook.simulator.behaviour` — browsing and shown bundles around real baskets: columns ``sim_``.
- :mod:`~bundlebook.simulator.planted` — what is planted in the sample shop, and its truth in numbers.
- :mod:`~bundlebook.simulator.sample` — the sample shop, visit by visit, and its files.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
