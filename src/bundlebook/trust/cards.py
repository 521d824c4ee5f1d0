"""Cards of models and of data: what they learned from, where they fail, what they cost, all of it measured."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import Method, MethodInputs, Result, judge_cached, prepare, resampled_means, settings_of
from bundlebook.recommenders import Recommender
from bundlebook.shop import SEGMENTS, Shop, Task, customer_segments
from bundlebook.trust.differential import Ledger

#: Groups of fewer users are not shown.
FEWEST = 5
#: Identifiers, and what is known about single users: no value of theirs stands on a page.
_PERSONAL = ("user_id", "basket_id", "session_id")
_KINDS = ("best-sellers", "middle", "others")
_ALL, _BEFORE, _NEW = ("users", "all of them"), ("items", "bought before"), ("items", "new to the user")


@dataclass(frozen=True)
class Groups:
    """Groups of the users and items of one task, in which models are judged.

    Attributes
    ----------
    task : Task
    users : dict of str to Series of str
        For each question, for example ``"segment"``, the answer for every user of the task, in the task's order.
    bands : ndarray of str, shape (n_items,)
        Band of popularity of each item.
    """

    task: Task
    users: dict[str, pd.Series]
    bands: np.ndarray

    @classmethod
    def of(cls, shop: Shop, task: Task) -> "Groups":
        """Group users by segment and by the length of their history, and items by popularity.

        Histories are cut into thirds of the users. The bands of items hold a third of the purchases each: a few
        best-sellers, the middle, and the many others.
        """
        ids, visible = task.histories.user_ids, task.visible
        segment = customer_segments(shop, visible.day.min(), task.at)["segment"].reindex(ids).fillna("lapsed")
        segment = pd.Series(pd.Categorical(segment, list(SEGMENTS), ordered=True), ids)
        length = pd.Series(task.histories.counts_by_user(), ids)
        return cls(task, {"segment": segment, "baskets before": _thirds(length)}, _bands(visible.user_item()))


def _thirds(values: pd.Series) -> pd.Series:
    """Cut whole numbers into thirds of the rows, each named by its smallest and largest value."""
    cuts = np.unique(np.quantile(values, [1 / 3, 2 / 3], method="higher"))
    part = np.searchsorted(cuts, values, side="left")
    names = {one: f"{values[part == one].min():,} to {values[part == one].max():,}" for one in np.unique(part)}
    return pd.Series(pd.Categorical([names[one] for one in part], list(names.values()), ordered=True), values.index)


def _bands(pairs: Any) -> np.ndarray:
    buyers = np.bincount(pairs.indices, minlength=pairs.shape[1])
    order = np.argsort(-buyers, kind="stable")
    before = np.cumsum(buyers[order]) - buyers[order]
    part = np.minimum(3 * before // max(buyers.sum(), 1), 2).astype(int)
    names = [f"{kind} ({n:,} items)" for kind, n in zip(_KINDS, np.bincount(part, minlength=3), strict=True)]
    bands = np.empty(len(buyers), dtype=object)
    bands[order] = np.array(names, dtype=object)[part]
    return bands


@dataclass(frozen=True)
class ModelCard:
    """One model, as measured on one task.

    Attributes
    ----------
    name, family : str
    about : str
        First sentence of the documentation of its class.
    settings : str
        What it was fitted with.
    k : int
        Length of the lists.
    found : DataFrame, shape (n_users, n_groups)
        Per user and group: what of it the user's list found. For groups of users the share of the user's purchases
        (recall), for bands of items the number of purchases of the band.
    sought : DataFrame, shape (n_users, n_groups)
        What there was to find: 1 or 0 for groups of users, numbers of purchases for bands.
    costs : Series
        ``fit, CPU s``, ``fit, MB``, ``p50, ms``, ``p99, ms``: of the fit, and of one list.
    ledger : Ledger or None
        The privacy that the fit has spent; None for a fit without noise.
    """

    name: str
    family: str
    about: str
    settings: str
    k: int
    found: pd.DataFrame
    sought: pd.DataFrame
    costs: pd.Series
    ledger: Ledger | None = None

    def by_group(self, reference: "ModelCard | None" = None, resamples: int = 2000, *, seed: int) -> pd.DataFrame:
        r"""Share of the purchases that the lists find in each group, with 95 % intervals by the bootstrap over users.

        .. math:: \frac{\sum_u f_{ug}}{\sum_u s_{ug}}

        with f what was found of user u in group g, and s what was sought.

        Parameters
        ----------
        reference : ModelCard, optional
            A model judged on the same users. The draws are shared, so the differences are paired.
        resamples, seed : int

        Returns
        -------
        DataFrame
            Index ``(by, group)``. ``users``, ``finds``, ``low``, ``high``; with a reference ``ahead``, ``ahead low``
            and ``ahead high``: the difference to it. Groups of fewer than five users have no row.
        """
        parts = {"found": self.found, "sought": self.sought}
        if reference is not None:
            if not self.sought.equals(reference.sought):
                raise BundlebookError(f"{self.name} and {reference.name} were judged on different users", where="card")
            parts["reference"] = reference.found
        wide = pd.concat(parts, axis=1)
        users = (self.sought > 0).sum()
        kept = users.index[users >= FEWEST]
        draws = pd.DataFrame(resampled_means(wide.to_numpy(), resamples, seed=seed), columns=wide.columns)
        sought = draws["sought"][kept].replace(0, np.nan)
        share = draws["found"][kept] / sought
        table = pd.DataFrame({"users": users[kept], "finds": self.found[kept].sum() / self.sought[kept].sum()})
        table["low"], table["high"] = share.quantile(0.025), share.quantile(0.975)
        if reference is not None:
            ahead = share - draws["reference"][kept] / sought
            table["ahead"] = table["finds"] - reference.found[kept].sum() / self.sought[kept].sum()
            table["ahead low"], table["ahead high"] = ahead.quantile(0.025), ahead.quantile(0.975)
        return table.rename_axis(["by", "group"])

    def failures(self, table: pd.DataFrame, reference: str) -> list[str]:
        """Say in sentences where the model is weak: its worst group of each kind, and where another model is ahead.

        Parameters
        ----------
        table : DataFrame
            From :meth:`by_group`, against the reference.
        reference : str
            The reference's name.
        """
        said = []
        for by, part in table.drop(index=[_ALL], errors="ignore").groupby(level="by", sort=False):
            if len(part) > 1:
                worst, best = part["finds"].idxmin()[1], part["finds"].idxmax()[1]
                low, high = part.loc[(by, worst), "finds"], part.loc[(by, best), "finds"]
                said.append(f"By {by}: least for “{worst}” ({low:.1%}), most for “{best}” ({high:.1%}).")
        behind = table[table["ahead high"] < 0].sort_values("ahead", kind="stable")
        points = (-100 * behind["ahead"])[:3]
        worst = ", ".join(f"{by} “{group}” ({lost:.1f} points)" for (by, group), lost in points.items())
        if len(behind) == len(table):
            said.append(f"It finds less than {reference} in every group, most so in {worst}.")
        elif len(behind):
            many = f"{len(behind)} of {len(table)} groups, most in" if len(behind) > 3 else "these groups:"
            said.append(f"It finds less than {reference}, by more than chance, in {many} {worst}.")
        elif self.name != reference:
            said.append(f"In no group does it find less than {reference} by more than chance.")
        return said

    @property
    def privacy(self) -> str:
        """What the fit has spent of the users' privacy, in a sentence."""
        if self.ledger is None:
            return "Learned without noise: no ε bounds what it may give away about a single user."
        ledger = self.ledger
        return (
            f"Spent ε = {ledger.spent:.3g} at δ = {ledger.delta:g} of a budget of {ledger.epsilon:g}, "
            f"in {len(ledger.entries)} releases."
        )


def model_card(method: Method, inputs: MethodInputs, groups: Groups, k: int = 10, *, seed: int) -> ModelCard | None:
    """Fit a model of the leaderboard, judge it group by group, and keep the result on disk.

    Parameters
    ----------
    method : Method
    inputs : MethodInputs
    groups : Groups
        Of a task of the same split.
    k : int
        Length of the lists.
    seed : int
        Of a model that draws, and of the choice of the lists that are timed.

    Returns
    -------
    ModelCard or None
        None for a network that was never trained on this task: a card is not worth a training.

    Raises
    ------
    BundlebookError
        If the model cannot learn from this shop.
    """
    recommender = method.recommender(inputs, seed)
    if method.family == "network":
        vars(getattr(recommender, "inner", recommender))["model"].fit = _refuse
    prepared = prepare(groups.task, ks=(k,), requests=20, probabilities=False, seed=seed)
    try:
        result = judge_cached(recommender, {"window": prepared}, seed=seed, kind="card")["window"]
    except _NotTrained:
        return None
    return _card(recommender, method.family, result, groups, k)


def private_card(recommender: Recommender, groups: Groups, k: int = 10, *, seed: int) -> ModelCard:
    """Make the card of a model that learns with noise: fitted here, for its noise has no seed, and with its ledger."""
    from bundlebook.evaluation import evaluate

    found = evaluate([recommender], groups.task, ks=(k,), requests=20, probabilities=False, seed=seed)
    card = _card(recommender, "private", found.judged[recommender.name], groups, k)
    return ModelCard(**{**vars(card), "ledger": vars(recommender).get("ledger_")})


class _NotTrained(Exception):
    pass


def _refuse(*_: Any, **__: Any) -> None:
    raise _NotTrained


def _card(recommender: Recommender, family: str, result: Result, groups: Groups, k: int) -> ModelCard:
    settings = settings_of(recommender)
    inner = recommender
    while hasattr(inner, "inner") or hasattr(inner, "model"):
        inner = vars(inner).get("inner") or vars(inner)["model"]
    found, sought = _parts(result, groups, k)
    latency = result.latency_ms
    costs = {"fit, CPU s": result.fit_seconds, "fit, MB": result.fit_mb}
    costs |= {f"p{q}, ms": float(np.percentile(latency, q)) if len(latency) else np.nan for q in (50, 99)}
    about = (inspect.getdoc(type(inner)) or "").split("\n\n")[0].replace("\n", " ")
    return ModelCard(recommender.name, family, about, _in_words(settings), k, found, sought, pd.Series(costs))


def _in_words(settings: Mapping[str, Any]) -> str:
    """Settings that a reader could choose: those of the innermost model, or of every part of a mixture."""
    for name in ("inner", "model", "settings"):
        if isinstance(settings.get(name), Mapping):
            return _in_words(settings[name])
    parts = []
    for name, value in settings.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            parts += [f"{part.get('name', name)} ({_in_words(part)})" for part in value]
        elif name not in ("class", "name", "seed") and isinstance(value, bool | int | float):
            parts.append(f"{name} = {value:g}" if not isinstance(value, bool) else f"{name} = {value}")
    return ", ".join(parts)


def _parts(result: Result, groups: Groups, k: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was found and what was sought, for each user and each group."""
    ids = pd.Index(groups.task.histories.user_ids)
    found: dict[tuple[str, str], Any] = {}
    sought: dict[tuple[str, str], Any] = {}

    def add(key: tuple[str, str], values: pd.Series, weight: np.ndarray) -> None:
        found[key], sought[key] = np.where(weight > 0, values, 0.0), weight.astype(float)

    recall = {track: table[f"Recall@{k}"].reindex(ids) for track, table in result.values.items() if track != "everyone"}
    add(_ALL, recall["all"], recall["all"].notna().to_numpy())
    for by, answers in groups.users.items():
        for group in answers.cat.categories:
            add((by, str(group)), recall["all"], (answers == group).to_numpy() & recall["all"].notna().to_numpy())
    for key, track in ((_BEFORE, "repeat"), (_NEW, "explore")):
        if track in recall:
            add(key, recall[track], recall[track].notna().to_numpy())
    ranking, truth = result.rankings["all"], groups.task.truth.tocsr()
    items, hits = ranking.items[:, :k], ranking.hits[:, :k]
    for band in sorted(set(groups.bands), key=lambda band: _KINDS.index(band.split(" (")[0])):
        inside = groups.bands == band
        hit = (hits & inside[np.maximum(items, 0)] & (items >= 0)).sum(axis=1)
        key = ("popularity", str(band))
        found[key], sought[key] = hit.astype(float), (truth[:, np.flatnonzero(inside)] > 0).sum(axis=1).A1.astype(float)
    return pd.DataFrame(found, ids), pd.DataFrame(sought, ids)


def data_card(shop: Shop) -> dict[str, pd.DataFrame]:
    """Describe every column of a shop's tables.

    Parameters
    ----------
    shop : Shop
        As loaded.

    Returns
    -------
    dict of str to DataFrame
        Per table one row per column: ``kind``, ``missing`` (share), ``different`` (number of different values),
        ``from`` and ``to`` (smallest and largest number or day). Of identifiers of users and baskets, and of what is
        known about single users, no value is given.

    Examples
    --------
    >>> days = pd.to_datetime(["2021-03-01", "2021-03-02"])
    >>> events = pd.DataFrame({"user_id": ["a", "b"], "item_id": "i", "time": days, "event": "purchase"})
    >>> shop = Shop("tiny", events.assign(quantity=1, price=[5.0, float("nan")]), pd.DataFrame({"item_id": ["i"]}))
    >>> data_card(shop)["events"].loc[["user_id", "time", "price"]]
              kind  missing  different        from          to
    column
    user_id   text      0.0          2
    time       day      0.0          2  2021-03-01  2021-03-02
    price   number      0.5          1           5           5
    """
    tables = {"events": shop.events, "products": shop.products, "users": shop.users, "bundles": shop.bundles}
    return {name: _columns(table, name) for name, table in tables.items() if table is not None and len(table)}


def _columns(table: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = {}
    for column in table:
        values = table[column].dropna()
        kind = "text"
        low = high = ""
        if pd.api.types.is_datetime64_any_dtype(values):
            kind = "day"
        elif pd.api.types.is_bool_dtype(values):
            kind = "yes or no"
        elif pd.api.types.is_numeric_dtype(values):
            kind = "number"
        if len(values) and name != "users" and str(column) not in _PERSONAL:
            if kind == "day":
                low, high = f"{values.min():%Y-%m-%d}", f"{values.max():%Y-%m-%d}"
            elif kind == "number":
                low, high = f"{values.min():,.6g}", f"{values.max():,.6g}"
        rows[column] = (kind, float(table[column].isna().mean()), values.nunique(), low, high)
    heads = ["kind", "missing", "different", "from", "to"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=heads).rename_axis("column")
