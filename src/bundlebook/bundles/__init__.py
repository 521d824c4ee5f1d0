"""From probabilities to an offer: sets that go together, their price, their worth, and the reasons."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
