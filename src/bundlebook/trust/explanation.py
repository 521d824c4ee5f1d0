"""Why is this item recommended? The purchases without which it would not be, and the test that this is true."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import bootstrap_interval
from bundlebook.recommenders import Recommender
from bundlebook.shop import Baskets

#: Most words of a reason, and of one name in it.
_WORDS, _NAME_WORDS = 25, 4


@dataclass(frozen=True)
class Counterfactual:
    """Purchases whose removal was tested on one recommended item.

    Attributes
    ----------
    item : int
        Column of the recommended item.
    cited : tuple of int
        Columns of the purchases that are named as its reason, the weightiest first.
    place, place_without : int
        Place of the item in the list, from 1: with the whole history, and without the cited purchases.
    k : int
        Length of the list.
    """

    item: int
    cited: tuple[int, ...]
    place: int
    place_without: int
    k: int

    @property
    def holds(self) -> bool:
        """Whether the item leaves the list when the cited purchases are taken away."""
        return self.place <= self.k < self.place_without


def from_weights(
    weights: np.ndarray, history: np.ndarray, candidates: np.ndarray, item: int, k: int = 10, most: int = 3
) -> Counterfactual:
    r"""Explain one item of a linear or counting model's list in closed form.

    The score is :math:`s_i = \sum_j x_j B_{ji}`. Without purchase j the item's lead over a rival r shrinks by exactly

    .. math:: c_j = x_j\,(B_{ji} - B_{jr})

    with r the first item behind the list, which would move up. The purchases with the largest c are cited, and then
    really taken away.

    Parameters
    ----------
    weights : ndarray, shape (n_items, n_items)
        B, from purchases (rows) to scores (columns).
    history : ndarray, shape (n_items,)
        x: what the user bought, as the model reads it; 0 where nothing.
    candidates : ndarray of bool, shape (n_items,)
        What may be listed. It stays the same without the cited purchases.
    item : int
        A candidate.
    k, most : int
        Length of the list, and purchases to cite.

    Returns
    -------
    Counterfactual

    Examples
    --------
    Bread (0) speaks for butter (2) and jam (3), tea (1) for jam alone. The list has one place, and jam has it:

    >>> weights = np.array([[0, 0, 0.5, 0.4], [0, 0, 0, 0.3], [0, 0, 0, 0], [0, 0, 0, 0]])
    >>> candidates = np.array([False, False, True, True])
    >>> why = from_weights(weights, np.array([1.0, 1, 0, 0]), candidates, item=3, k=1, most=1)
    >>> why.cited, why.place, why.place_without, why.holds
    ((1,), 1, 2, True)
    """
    have = np.flatnonzero(history)
    scores = history[have] @ weights[have]
    rival = _rival(scores, candidates, item, k)
    lost = history[have] * (weights[have, item] - weights[have, rival])
    cited = have[np.argsort(-lost, kind="stable")[:most]]
    left = scores - history[cited] @ weights[cited]
    return Counterfactual(
        item, tuple(int(j) for j in cited), _place(scores, candidates, item), _place(left, candidates, item), k
    )


def by_deletion(
    model: Recommender,
    history: Baskets,
    at: np.datetime64,
    candidates: np.ndarray,
    item: int,
    k: int = 10,
    most: int = 3,
) -> Counterfactual:
    """Explain one item of any model's list: take every purchased item out of the history, one at a time, and ask again.

    Parameters
    ----------
    model : Recommender
        Fitted: a network, trees, neighbours.
    history : Baskets
        One user's baskets before *at*, over the items of the fit.
    at : datetime64[D]
    candidates : ndarray of bool, shape (n_items,)
    item, k, most : int
        As in :func:`from_weights`.

    Returns
    -------
    Counterfactual
        What is cited is what the lead over the first item behind the list depends on most, taken alone. Whether the
        cited purchases *together* move the item out is then asked as well.
    """
    have = np.unique(history.quantities.indices)
    gone = [(), *((int(j),) for j in have)]
    scores = _asked(model, history, at, gone)
    rival = _rival(scores[0], candidates, item, k)
    lead = scores[:, item] - scores[:, rival]
    cited = have[np.argsort(lead[1:], kind="stable")[:most]]
    left = _asked(model, history, at, [tuple(cited)])[0]
    return Counterfactual(
        item, tuple(int(j) for j in cited), _place(scores[0], candidates, item), _place(left, candidates, item), k
    )


def without(history: Baskets, gone: Sequence[tuple[int, ...]]) -> Baskets:
    """Return one user's history several times, each time without some items.

    Parameters
    ----------
    history : Baskets
        Of one user.
    gone : sequence of tuple of int
        For each copy, the columns that are taken out.

    Returns
    -------
    Baskets
        One user per entry of *gone*. A basket that loses all of its items is gone, too.
    """
    if history.n_users != 1:
        raise BundlebookError(
            f"{history.n_users} users", where="without", remedy="pass one user's baskets, for example Baskets.one"
        )
    copies = history.of_users(np.zeros(len(gone), dtype=np.int64))
    taken = np.zeros((len(gone), history.n_items), dtype=bool)
    for row, columns in enumerate(gone):
        taken[row, list(columns)] = True
    cells = copies.quantities.tocsr(copy=True)
    basket = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))
    cells.data[taken[copies.user[basket], cells.indices]] = 0
    cells.eliminate_zeros()
    return replace(copies, quantities=cells).where(np.diff(cells.indptr) > 0)


#: From one user's history, the purchased columns (n,), the listed items (k,) and the first item behind the list: how
#: much each purchase is said to hold up each item, shape (k, n).
Weighing = Callable[[Baskets, np.ndarray, np.ndarray, int], np.ndarray]


def one_out(model: Recommender, at: np.datetime64) -> Weighing:
    """Weigh a purchase by what the item's lead over the first item behind the list loses without it alone."""

    def weigh(history: Baskets, have: np.ndarray, listed: np.ndarray, rival: int) -> np.ndarray:
        lead = _leads(model, history, at, [(), *((int(j),) for j in have)], listed, rival)
        return (lead[0] - lead[1:]).T

    return weigh


def shapley(model: Recommender, at: np.datetime64, rounds: int = 2, *, seed: int) -> Weighing:
    r"""Weigh a purchase by its Shapley value (SHAP) for the item's lead v over the first item behind the list.

    .. math:: \phi_j = \mathbb{E}_\pi\bigl[v(S_\pi^j \cup \{j\}) - v(S_\pi^j)\bigr]

    with π a random order of the purchases and :math:`S_\pi^j` those before j in it. The mean is taken over drawn
    orders, each of them also backwards. A user's values add up to the lead with the whole history less that with none.

    Parameters
    ----------
    model : Recommender
        Fitted.
    at : datetime64[D]
    rounds : int
        Orders to draw; each costs two scorings per purchase.
    seed : int

    References
    ----------
    E. Štrumbelj, I. Kononenko: Explaining prediction models and individual predictions with feature contributions,
    2014. S. Lundberg, S.-I. Lee: A unified approach to interpreting model predictions, NeurIPS 2017.
    """
    rng = np.random.default_rng(seed)

    def weigh(history: Baskets, have: np.ndarray, listed: np.ndarray, rival: int) -> np.ndarray:
        total = np.zeros((len(listed), len(have)))
        for _ in range(rounds):
            drawn = rng.permutation(len(have))
            for order in (drawn, drawn[::-1]):
                gone = [tuple(have[order[there:]]) for there in range(len(have) + 1)]
                total[:, order] += np.diff(_leads(model, history, at, gone, listed, rival), axis=0).T
        return total / (2 * rounds)

    return weigh


@dataclass(frozen=True)
class DeletionTest:
    """Explanations of many recommended items, beside random purchases taken away instead.

    Attributes
    ----------
    why : list of Counterfactual
    random : ndarray of bool, shape (n,)
        Whether as many random purchases moved the item out as well.
    user : ndarray of int, shape (n,)
        Whose list it was: items of one user hang together.
    """

    why: list[Counterfactual]
    random: np.ndarray
    user: np.ndarray

    @classmethod
    def linear(
        cls,
        weights: np.ndarray,
        histories: np.ndarray,
        k: int = 10,
        most: int = 3,
        places: Sequence[int] | None = None,
        *,
        seed: int,
    ) -> "DeletionTest":
        """Test a linear or counting model on items that are new to each user.

        Parameters
        ----------
        weights : ndarray, shape (n_items, n_items)
        histories : ndarray, shape (n_users, n_items)
            As the model reads them. Users with fewer than *most* purchases are left out.
        k, most : int
        places : sequence of int, optional
            Places of the list to explain, from 1; all of them by default.
        seed : int
            For the random purchases.
        """
        rng, why, random, user = np.random.default_rng(seed), [], [], []
        for row, history in enumerate(histories):
            have, candidates = np.flatnonzero(history), history == 0
            if len(have) < most or candidates.sum() <= k:
                continue
            scores = history[have] @ weights[have]
            listed = _order(scores, candidates)[:k]
            for place in places or range(1, k + 1):
                found = from_weights(weights, history, candidates, int(listed[place - 1]), k, most)
                drawn = rng.choice(have, most, replace=False)
                left = scores - history[drawn] @ weights[drawn]
                why.append(found)
                random.append(_place(left, candidates, found.item) > k)
                user.append(row)
        if not why:
            raise BundlebookError("nobody has enough purchases to explain anything", where="DeletionTest.linear")
        return cls(why, np.array(random), np.array(user))

    @classmethod
    def asked(
        cls,
        model: Recommender,
        histories: Baskets,
        at: np.datetime64,
        k: int = 10,
        most: int = 3,
        cite: Weighing | None = None,
        repeats: bool = False,
        *,
        seed: int,
    ) -> "DeletionTest":
        """Test any model by asking it again: a network, trees, neighbours.

        Parameters
        ----------
        model : Recommender
            Fitted.
        histories : Baskets
            Users with fewer than *most* purchases are left out.
        at : datetime64[D]
        k, most, seed
            As in :meth:`linear`.
        cite : callable, optional
            How purchases are weighed, the heaviest are cited: :func:`one_out` by default, :func:`shapley`, or what else
            is said to explain the model.
        repeats : bool
            Whether the lists hold what the user bought before as well.
        """
        cite = one_out(model, at) if cite is None else cite
        rng, why, random, user = np.random.default_rng(seed), [], [], []
        for row in range(histories.n_users):
            history = histories.of_users(np.array([row]))
            have = np.unique(history.quantities.indices)
            candidates = np.full(history.n_items, True) if repeats else ~np.isin(np.arange(history.n_items), have)
            if len(have) < most or candidates.sum() <= k:
                continue
            order = _order(_asked(model, history, at, [()])[0], candidates)
            weight = cite(history, have, order[:k], int(order[k]))
            cited = have[np.argsort(-weight, axis=1, kind="stable")[:, :most]]
            drawn = [rng.choice(have, most, replace=False) for _ in range(k)]
            after = _asked(model, history, at, [tuple(gone) for gone in (*cited, *drawn)])
            for place, item in enumerate(order[:k], start=1):
                left = (_place(after[n], candidates, int(item)) for n in (place - 1, k + place - 1))
                without_cited, without_drawn = left
                why.append(Counterfactual(int(item), tuple(map(int, cited[place - 1])), place, without_cited, k))
                random.append(without_drawn > k)
                user.append(row)
        if not why:
            raise BundlebookError("nobody has enough purchases to explain anything", where="DeletionTest.asked")
        return cls(why, np.array(random), np.array(user))

    def table(self, *, seed: int) -> pd.DataFrame:
        """Share of items that leave the list when ``cited`` or ``random`` purchases are taken away.

        With 95 % intervals by the bootstrap over users, drawn from *seed*; a user's items count as one value, their
        mean.
        """
        left = pd.DataFrame({"cited": [found.holds for found in self.why], "random": self.random}).astype(float)
        by_user = left.groupby(self.user).mean()
        found = bootstrap_interval(by_user, seed=seed)
        return found.rename(columns={"mean": "leaves the list"})

    def by_place(self) -> pd.DataFrame:
        """The same shares for each place of the list."""
        table = pd.DataFrame(
            {
                "place": [found.place for found in self.why],
                "cited": [found.holds for found in self.why],
                "random": self.random,
            }
        )
        return table.groupby("place").mean()


def reason(why: Counterfactual, called: Callable[[int], str]) -> str:
    """Say why an item is recommended, in at most 25 words; nothing if the test did not hold.

    Parameters
    ----------
    why : Counterfactual
    called : callable
        What to call the item of a column.

    Returns
    -------
    str
        Only the user's own purchases are named.

    Examples
    --------
    >>> names = ["bread", "tea", "butter", "jam"]
    >>> reason(Counterfactual(3, (1,), 1, 2, 1), names.__getitem__)
    'You are shown jam because you bought tea; without it, jam would not be in your list.'
    >>> reason(Counterfactual(3, (1,), 1, 1, 1), names.__getitem__)
    ''
    """
    if not why.holds:
        return ""
    item, *cited = (" ".join(called(column).split()[:_NAME_WORDS]) for column in (why.item, *why.cited))
    listed = cited[0] if len(cited) == 1 else f"{', '.join(cited[:-1])} and {cited[-1]}"
    it = "it" if len(cited) == 1 else "them"
    text = f"You are shown {item} because you bought {listed}; without {it}, {item} would not be in your list."
    if len(text.split()) <= _WORDS:
        return text
    return f"You see {item} because you bought {listed}."


def _order(scores: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    return np.argsort(-np.where(candidates, scores, -np.inf), kind="stable")


def _place(scores: np.ndarray, candidates: np.ndarray, item: int) -> int:
    """Place of an item among the candidates, from 1; of equal scores the smaller column stands first."""
    mine = scores[item]
    ahead = candidates & ((scores > mine) | ((scores == mine) & (np.arange(len(scores)) < item)))
    return int(ahead.sum()) + 1


def _rival(scores: np.ndarray, candidates: np.ndarray, item: int, k: int) -> int:
    """The first item behind the list."""
    if not candidates[item] or candidates.sum() <= k:
        raise BundlebookError(
            f"item {item} among {candidates.sum()} candidates for {k} places",
            where="explanation",
            remedy="explain a candidate, and allow more candidates than the list has places",
        )
    order = _order(scores, candidates)
    return int(order[k]) if order[k] != item else int(order[k - 1])


def _leads(
    model: Recommender,
    history: Baskets,
    at: np.datetime64,
    gone: Sequence[tuple[int, ...]],
    listed: np.ndarray,
    rival: int,
) -> np.ndarray:
    """Leads of the listed items over the rival without each of some sets of purchases, shape (n_sets, k)."""
    scores = _asked(model, history, at, gone)
    return scores[:, listed] - scores[:, [rival]]


def _asked(model: Recommender, history: Baskets, at: np.datetime64, gone: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Scores of one user's history without each of some sets of items, shape (n_sets, n_items), float64."""
    return np.asarray(model.scores(without(history, gone), at), dtype=np.float64)
