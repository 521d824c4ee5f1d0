"""Shops made of NumPy draws that lack one thing or another, and a design that holds every pair of such choices."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

#: What a shop may have or lack; the first choice of each is the usual one.
CHOICES = {
    "names": ("names", "none"),
    "money": ("discounts", "prices", "catalogue", "none"),
    "levels": ("all", "category", "none"),
    "quantities": ("counted", "none"),
    "browsing": ("none", "views"),
    "users": ("none", "table"),
    "size": ("usual", "40 users", "2 items"),
    "span": ("60 weeks", "5 weeks", "5 years"),
    "customers": ("return", "once", "unknown"),
    "closed": ("never", "Saturdays", "a month"),
}


def design(seed: int = 4) -> list[dict[str, str]]:
    """Return a short list of shops in which every two choices of different kinds occur together (pairwise cover)."""
    names = list(CHOICES)
    pairs = {((a, x), (b, y)) for a, b in itertools.combinations(names, 2) for x in CHOICES[a] for y in CHOICES[b]}
    rng, rows = np.random.default_rng(seed), []
    while pairs:
        tried = []
        for _ in range(200):
            row = {name: str(rng.choice(CHOICES[name])) for name in names}
            covered = pairs & set(itertools.combinations(row.items(), 2))
            tried.append((len(covered), row, covered))
        _, row, covered = max(tried, key=lambda found: found[0])
        rows.append(row)
        pairs -= covered
    return rows


def write(folder: Path, names, money, levels, quantities, browsing, users, size, span, customers, closed) -> None:
    """Draw a shop with these choices and write its files, as :func:`bundlebook.shop.load_shop` reads them."""
    rng = np.random.default_rng(5)
    n_items = 2 if size == "2 items" else 60
    n_users = {"usual": 200, "2 items": 200, "40 users": 40}[size]
    days = {"5 weeks": 35, "60 weeks": 420, "5 years": 1826}[span]
    n_baskets = min(n_users * max(3, days // 21), 2000)
    calendar = pd.date_range("2019-01-07", periods=days)
    if closed == "Saturdays":
        calendar = calendar[calendar.day_name() != "Saturday"]
    elif closed == "a month":
        calendar = calendar[
            (calendar < calendar[days // 3]) | (calendar >= calendar[days // 3] + pd.Timedelta(days=30))
        ]
    popular = 1 / np.arange(1, n_items + 1) ** 0.8
    basket = np.repeat(np.arange(n_baskets), rng.integers(1, 5, n_baskets))
    who = rng.integers(0, n_users, n_baskets)
    taste = (who[basket] * 7) % n_items
    drawn = rng.choice(n_items, len(basket), p=popular / popular.sum())
    item = np.where(rng.random(len(basket)) < 0.3, taste, drawn)
    follows = (np.diff(basket, prepend=-1) == 0) & (rng.random(len(basket)) < 0.3)
    item[1:] = np.where(follows[1:], item[:-1] ^ 1, item[1:])
    on = np.sort(np.concatenate([calendar, rng.choice(calendar, n_baskets - len(calendar))]))  # open on every day
    at = on + rng.integers(9 * 60, 18 * 60, n_baskets).astype("timedelta64[m]")
    user = {"return": who, "once": np.arange(n_baskets), "unknown": np.zeros(n_baskets, int)}[customers]
    log = pd.DataFrame({
        "user_id": pd.Series(user[basket]).map("U{:04d}".format),
        "item_id": pd.Series(item).map("A-{:03d}".format),
        "time": pd.Series(at[basket]).dt.strftime("%Y-%m-%d %H:%M"),
        "basket_id": pd.Series(basket).map("R{:05d}".format),
    })  # fmt: skip
    products = pd.DataFrame({"item_id": [f"A-{number:03d}" for number in range(n_items)]})
    shelf = np.round(2 + rng.gamma(2, 4, n_items), 2)
    if names == "names":
        products["name"] = [f"Article {number}, $5 & <b>" for number in range(n_items)]
    if levels == "all":
        products["product_type"] = [f"type {number // 2}" for number in range(n_items)]
        products["department"] = [f"department {number % 3}" for number in range(n_items)]
    if levels != "none":
        products["category"] = [f"shelf {number % 7}" for number in range(n_items)]
    if money == "catalogue":
        products["price"] = shelf
    if quantities == "counted":
        log["quantity"] = rng.integers(1, 4, len(log))
    if money in ("prices", "discounts"):
        log["price"] = shelf[item]
    if money == "discounts":
        log["list_price"] = shelf[item]
        log["price"] = np.round(shelf[item] * np.where(rng.random(len(log)) < 0.3, 0.8, 1), 2)
    if browsing == "views":
        seen = log.sample(frac=0.5, random_state=1).drop(columns=["price", "list_price", "quantity"], errors="ignore")
        log = pd.concat([log.assign(event="purchase"), seen.assign(event="view")], ignore_index=True)
        if quantities == "counted":
            log["quantity"] = log["quantity"].fillna(0)
    log.to_csv(folder / "user_data.csv", index=False)
    products.to_csv(folder / "product_data.csv", index=False)
    if users == "table":
        ids = pd.unique(log["user_id"])
        pd.DataFrame({"user_id": ids, "city": np.where(np.arange(len(ids)) % 2, "north", "south")}).to_csv(
            folder / "users.csv", index=False
        )
    (folder / "shop.yaml").write_text('name: corner shop\ncurrency: "€"\nuser_word: customer\n', encoding="utf-8")
