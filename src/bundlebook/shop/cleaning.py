"""The cleaning steps, each a named function that reports what it changed. (First cut.)"""

import pandas as pd

from bundlebook.shop.shop import Shop


def clean(shop: Shop, policy=None) -> tuple[Shop, pd.DataFrame]:
    events = shop.events
    if shop.timezone and shop.timezone != shop.local_timezone:
        local = events["time"].dt.tz_localize(shop.timezone).dt.tz_convert(shop.local_timezone).dt.tz_localize(None)
        events = events.assign(time=local)
    catalogue = shop.products.set_index("item_id")
    drop = (events["quantity"] <= 0) | ~(events["price"] > 0)
    if "product_type" in catalogue:
        kind = events["item_id"].map(catalogue["product_type"])
        department = events["item_id"].map(catalogue["department"])
        drop |= kind.str.contains("GASOLINE|COUPON", na=True) | department.isin(["MISCELLANEOUS", "FUEL", "COUPON"])
    kept = shop.with_tables(events=events[~drop].reset_index(drop=True), timezone=shop.local_timezone)
    return kept, pd.DataFrame()
