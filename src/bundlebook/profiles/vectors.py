"""The item vector P (商品特征向量), items hidden to test it, and a shop small enough to do by hand."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.profiles._attributes import _products_of, _training_lines
from bundlebook.shop import Baskets, Shop, Split

#: Most frequent brands that get a column of their own, and words that do.
MAX_BRANDS, MAX_WORDS = 30, 600
#: Parts of the day and the hour at which each begins.
DAY_PARTS = {"night": 0, "morning": 6, "midday": 11, "afternoon": 14, "evening": 18}
_TOKEN = re.compile(r"[一-鿿]{2}|[^\W\d_一-鿿]{3,}")
_ANCHORS = ("low", "middle", "high")


def item_vectors(shop: Shop, split: Split) -> pd.DataFrame:
    """Describe every item of a split by its attributes, from the catalogue and the training weeks alone.

    Parameters
    ----------
    shop : Shop
        Cleaned. Columns it lacks (makers, list prices, departments, text ...) leave their block out.
    split : Split

    Returns
    -------
    DataFrame, shape (n_items, n_features), float32
        Index: ``split.baskets.items`` in order. A column is called ``"block: value"``; all values lie in [0, 1].

        - ``department``, ``category``, ``brand``: share of the item's products, each weighted by its purchases, so
          that a block sums to 1 (a product never sold still counts once).
        - ``price``, ``discount``, ``makers``: rank of the median shelf price, of the mean discount and of the
          concentration of makers among the items, spread over ``low``, ``middle``, ``high`` (they sum to 1).
        - ``hour``: share of the purchases in each part of the day.
        - ``word``: tf-idf of the words of label, name and text, with Euclidean length 1.

    Raises
    ------
    BundlebookError
        If the catalogue tells no item from another.

    Notes
    -----
    An item without a purchase in the training weeks is known from the catalogue alone: blocks that come from
    purchases hold the mean of the other items.
    """
    items = pd.Index(split.baskets.items, name=split.baskets.level)
    products, lines = _products_of(shop, split), _training_lines(shop, split)
    sold = lines["item_id"].value_counts().reindex(products["item_id"]).fillna(0).to_numpy() + 1.0
    blocks = [
        _shares(products, column, sold, items, most)
        for column, most in (("department", None), ("category", None), ("brand", MAX_BRANDS))
        if column in products and len(products[column].dropna().unique()) > 1 and column != items.name
    ]
    blocks += [
        _ranks(lines.groupby("label", observed=True)["shelf"].median().reindex(items), "price"),
        _ranks(lines.groupby("label", observed=True)["cut"].mean().reindex(items), "discount"),
        _ranks(_concentration(products, sold).reindex(items), "makers"),
        _hours(lines, items),
        _words(products, items),
    ]
    blocks = [block for block in blocks if block.shape[1]]
    if not blocks:
        raise BundlebookError(
            "the catalogue tells no item from another",
            where="product_data",
            remedy="add a column category, brand, price or name",
        )
    return pd.concat(blocks, axis=1).astype(np.float32)


def _blocks(vectors: pd.DataFrame) -> dict[str, list[int]]:
    """Positions of the columns of every block of :func:`item_vectors`, in their order.

    >>> _blocks(pd.DataFrame(columns=["price: low", "price: high", "word: milk"]))
    {'price': [0, 1], 'word': [2]}
    """
    found: dict[str, list[int]] = {}
    for place, column in enumerate(vectors.columns):
        found.setdefault(str(column).partition(": ")[0], []).append(place)
    return found


def _shares(products: pd.DataFrame, column: str, weight: np.ndarray, items: pd.Index, most: int | None) -> pd.DataFrame:
    table = pd.DataFrame({"label": products["label"], "value": products[column].astype(object), "weight": weight})
    if most:
        total = table.groupby("value")["weight"].sum().sort_index().sort_values(ascending=False, kind="stable")
        table.loc[~table["value"].isin(total.index[:most]) & table["value"].notna(), "value"] = "other"
    wide = table.pivot_table(index="label", columns="value", values="weight", aggfunc="sum", fill_value=0.0)
    wide = wide.reindex(items).fillna(0.0).sort_index(axis=1)
    shares = wide.div(wide.sum(axis=1).replace(0, 1), axis=0)
    return shares.rename(columns=lambda value: f"{column}: {value}")


def _concentration(products: pd.DataFrame, sold: np.ndarray) -> pd.Series:
    """Herfindahl index of the makers: 1 if one makes all that is bought, 1/m if m share it equally."""
    maker = next((c for c in ("maker_id", "brand") if c in products and products[c].nunique() > MAX_BRANDS / 2), None)
    if maker is None:
        return pd.Series(dtype=float)
    table = pd.DataFrame({"label": products["label"], "maker": products[maker], "sold": sold}).dropna()
    by_maker = table.groupby(["label", "maker"])["sold"].sum()
    share = by_maker / by_maker.groupby("label").transform("sum")
    return (share**2).groupby("label").sum()


def _ranks(value: pd.Series, block: str) -> pd.DataFrame:
    """Spread each item's rank r in [0, 1] linearly over low (0), middle (½) and high (1); unknown: the mean."""
    if value.nunique() < 2:
        return pd.DataFrame(index=value.index)
    rank = ((value.rank() - 1) / (value.count() - 1)).to_numpy()[:, np.newaxis]
    spread = np.clip(1 - np.abs(rank - np.array([0, 0.5, 1])) / 0.5, 0, 1)
    table = pd.DataFrame(spread, index=value.index, columns=[f"{block}: {anchor}" for anchor in _ANCHORS])
    return table.fillna(table.mean())


def _hours(lines: pd.DataFrame, items: pd.Index) -> pd.DataFrame:
    hour = lines["time"].dt.hour
    if hour.nunique() < 2:  # a log of dates
        return pd.DataFrame(index=items)
    part = np.searchsorted(list(DAY_PARTS.values()), hour, side="right") - 1
    table = pd.crosstab(lines["label"], part, normalize="index").reindex(columns=range(len(DAY_PARTS)), fill_value=0.0)
    table.columns = [f"hour: {name}" for name in DAY_PARTS]
    return table.reindex(items).fillna(table.mean())


def _words(products: pd.DataFrame, items: pd.Index) -> pd.DataFrame:
    """Tf-idf of the distinct words of an item; a word of one item alone says nothing about others and is left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words: dict[str, set[str]] = {label: set() for label in items}
    for column in ("label", "name", "product_type", "text"):
        if column in products:
            known = products[["label", column]].dropna().drop_duplicates().astype(str)
            for label, text in zip(known.iloc[:, 0], known.iloc[:, 1], strict=True):
                words[label].update(_tokens(text))
    documents = [sorted(words[label]) for label in items]
    if max(Counter(word for document in documents for word in document).values(), default=0) < 2:
        return pd.DataFrame(index=items)
    vectorizer = TfidfVectorizer(analyzer=list, min_df=2, max_features=MAX_WORDS)
    table = vectorizer.fit_transform(documents).toarray()
    return pd.DataFrame(table, index=items, columns=[f"word: {word}" for word in vectorizer.get_feature_names_out()])


def _tokens(text: str) -> set[str]:
    """Distinct words of three letters and more, plural s off; Chinese in pairs of characters."""
    words = (word.lower() for word in _TOKEN.findall(text))
    return {word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] not in "isu" else word for word in words}


def hide_items(shop: Shop, split: Split, share: float = 0.2, *, seed: int) -> tuple[Shop, Split, np.ndarray]:
    """Erase every purchase of some items before the validation window; their attributes stay known.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    split : Split
        The split of that shop.
    share : float
        Part of the items that is hidden, in (0, 1); at least one item.
    seed : int
        Seed for the choice of items.

    Returns
    -------
    shop : Shop
        Without those purchases.
    split : Split
        The split without them; baskets that held nothing else stay as empty ones, so that every user keeps the same
        visits.
    hidden : ndarray of bool, shape (n_items,)
    """
    if not 0 < share < 1:
        raise BundlebookError(f"share is {share}", where="hide_items", remedy="use a number between 0 and 1")
    b = split.baskets
    hidden = np.zeros(b.n_items, dtype=bool)
    hidden[np.random.default_rng(seed).permutation(b.n_items)[: max(1, round(share * b.n_items))]] = True
    products = shop.products["item_id"]
    members = products[shop.products[b.level].isin(b.items[hidden])]
    early = shop.events["time"].to_numpy() < np.datetime64(split.train_end)
    erased = early & shop.events["item_id"].isin(members).to_numpy()
    entries = b.quantities.tocoo()
    kept = ~(hidden[entries.col] & (b.day < split.train_end)[entries.row])
    left = sparse.csr_matrix((entries.data[kept], (entries.row[kept], entries.col[kept])), shape=entries.shape)
    return (
        shop.with_tables(events=shop.events[~erased]),
        replace(split, baskets=replace(b, quantities=left)),
        hidden,
    )


#: The purchases of four users, two baskets each.
_BASKETS = {
    "Ann": ("tea milk", "tea"),
    "Bob": ("tea milk bread", "milk"),
    "Cem": ("milk bread nappies", "bread"),
    "Dee": ("nappies toy", "nappies"),
}
_ITEMS = ("bread", "milk", "nappies", "tea", "toy")
#: The day after the last basket.
TODAY = np.datetime64("2021-01-18")


def four_users() -> Baskets:
    """Make two weekly baskets for each of four users, the last one week before :data:`TODAY`.

    >>> pd.DataFrame(four_users().user_item().toarray(), list(_BASKETS), _ITEMS).astype(int)
         bread  milk  nappies  tea  toy
    Ann      0     1        0    2    0
    Bob      1     2        0    1    0
    Cem      2     1        1    0    0
    Dee      0     0        2    0    1
    """
    rows = [[float(item in basket.split()) for item in _ITEMS] for pair in _BASKETS.values() for basket in pair]
    user = np.repeat(np.arange(len(_BASKETS)), 2)
    day = TODAY - np.tile([14, 7], len(_BASKETS))
    return Baskets(sparse.csr_matrix(rows, dtype=np.float32), user, day, np.array(list(_BASKETS)), np.array(_ITEMS))


def five_vectors() -> pd.DataFrame:
    """Make two blocks of attributes for the five items: what kind a thing is, and how dear.

    >>> five_vectors().loc["tea"].tolist()
    [1.0, 0.0, 0.5, 0.5]
    """
    values = [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0.5, 0.5], [0, 1, 0.5, 0.5]]
    columns = ["kind: food", "kind: baby", "price: low", "price: high"]
    return pd.DataFrame(values, index=pd.Index(_ITEMS, name="item"), columns=columns, dtype=float)
