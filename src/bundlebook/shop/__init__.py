"""The data rooms: load a shop, clean it, group it into baskets, cut it by time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
