"""The data rooms: load a shop, clean it, group it into baskets, cut it by time."""

from bundlebook.shop.baskets import Baskets, baskets
from bundlebook.shop.cleaning import clean
from bundlebook.shop.shop import Shop
from bundlebook.shop.sources import load_shop
from bundlebook.shop.splits import Split, Task, time_split

__all__ = ["Baskets", "Shop", "Split", "Task", "baskets", "clean", "load_shop", "time_split"]
