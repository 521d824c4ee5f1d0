"""Load a shop by name or folder. (First cut.)"""

from bundlebook.shop import completejourney
from bundlebook.shop.shop import Shop


def load_shop(source: str) -> Shop:
    if source == "completejourney":
        return completejourney.load()
    raise NotImplementedError(source)
