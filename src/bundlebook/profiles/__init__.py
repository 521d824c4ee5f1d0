"""Profiles: what an item is, who a customer is, and how well the two match."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
