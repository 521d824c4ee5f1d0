"""Models that take in one night and then equal those of a full fit, without reading what came before.

============================  ========================================================================
:class:`RunningCounts`        decayed counts of every user, without a stored history
:class:`RunningEASE`          EASE over baskets, its inverse changed by the rows that came or went
:func:`rank_update`           the formula behind it, for any ridge regression
:func:`gradient_step`         one step of gradient descent on EASE's loss, which only comes near
============================  ========================================================================

No update changes what it is given: it returns the new state, so going back is keeping the old one.
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd
from scipy import linalg, sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


@dataclass(frozen=True, eq=False)
class RunningCounts:
    r"""Decayed counts (衰减计数) of every user and item that need no history.

    .. math:: c_t = 2^{-(t - s)/H}\, c_s + \sum_{b:\, s \le t_b < t} 2^{-(t - t_b)/H}\, x_b

    with :math:`c_s` the counts of an earlier day s and x_b the 0/1 row of basket b. That is the sum over the whole
    history, whatever s is: weights that halve every H days multiply.

    Parameters
    ----------
    items : ndarray of str, shape (n_items,)
        Columns.
    half_life : float
        H, in days; ``numpy.inf`` never forgets.
    units : bool
        Count units bought, for a forecast of demand, in place of baskets: x_b then holds quantities.

    Attributes
    ----------
    user_ids : ndarray of str, shape (n_users,)
        Sorted labels of the users who have come so far.
    counts : csr_matrix, shape (n_users, n_items), float64
        Counts as they stand at `day`.
    day : datetime64[D] or None
        First day after the last one that was taken in; None before the first update.
    shop_counts : ndarray, shape (n_items,), float64
        Sum of `counts` over all users.
    shop_baskets : float
        All baskets, decayed in the same way.

    Examples
    --------
    A basket of day 0 has lost half of its weight after one half-life:

    >>> bought = sparse.csr_matrix(np.array([[1, 0], [1, 1]], dtype=np.float32))
    >>> day = np.array(["2021-01-04", "2021-01-06"], dtype="datetime64[D]")
    >>> two = Baskets(bought, np.zeros(2, dtype=int), day, np.array(["ann"]), np.array(["milk", "tea"]))
    >>> counts = RunningCounts(two.items, half_life=2)
    >>> for when in day:
    ...     counts = counts.updated(two.between(when, when + 1))
    >>> counts.at("2021-01-08").toarray()
    array([[0.75, 0.5 ]])
    """

    items: np.ndarray
    half_life: float = 90.0
    units: bool = False
    user_ids: np.ndarray = field(default_factory=lambda: np.array([], dtype=str))
    counts: sparse.csr_matrix = None
    day: np.datetime64 | None = None
    shop_counts: np.ndarray = field(default_factory=lambda: np.zeros(0))
    shop_baskets: float = 0.0

    def __post_init__(self) -> None:
        if not self.half_life > 0:
            raise BundlebookError(f"half_life must be positive, got {self.half_life!r}", where="RunningCounts")
        if self.counts is None:
            object.__setattr__(self, "counts", sparse.csr_matrix((0, len(self.items)), dtype=np.float64))
            object.__setattr__(self, "shop_counts", np.zeros(len(self.items)))

    def updated(self, baskets: Baskets) -> Self:
        """Take in some baskets, of one night or of several.

        Parameters
        ----------
        baskets : Baskets
            Over the same `items`. Those that come late, from a day that was taken in before, get the weight of their
            own day; a user who was not known becomes a row.

        Returns
        -------
        RunningCounts
            This one is left as it is.
        """
        _same_items(baskets.items, self.items)
        if not baskets.n_baskets:
            return self
        last = baskets.day.max() + np.timedelta64(1, "D")
        day = last if self.day is None else max(self.day, last)
        came = baskets.of_users(np.flatnonzero(baskets.counts_by_user()))
        user_ids = np.union1d(self.user_ids, came.user_ids)
        fade, weight = self._fading(day), came.decay(day, self.half_life)
        gather = sparse.csr_matrix(
            (weight, (_rows(came.user_ids, user_ids)[came.user], np.arange(came.n_baskets))),
            shape=(len(user_ids), came.n_baskets),
        )
        rows = self._rows_of(came)
        counts = (self._over(user_ids) * fade + gather @ rows).tocsr()
        counts.sort_indices()
        return replace(
            self,
            user_ids=user_ids,
            counts=counts,
            day=day,
            shop_counts=self.shop_counts * fade + weight @ rows,
            shop_baskets=self.shop_baskets * fade + float(weight.sum()),
        )

    def without(self, user: str, baskets: Baskets) -> Self:
        """Forget a user: the state of a shop that this user had never entered, up to rounding.

        Parameters
        ----------
        user : str
        baskets : Baskets
            The user's own baskets, whose number the shop's sums have to lose; other users' are not looked at.
        """
        gone = baskets.one(user)
        kept = np.flatnonzero(self.user_ids != user)
        if self.day is None or len(kept) == len(self.user_ids):
            raise BundlebookError(
                f"there is no user {user!r} among {len(self.user_ids)}",
                where="RunningCounts.without",
                remedy="use a label of user_ids",
            )
        weight = gone.decay(self.day, self.half_life)
        return replace(
            self,
            user_ids=self.user_ids[kept],
            counts=self.counts[kept],
            shop_counts=np.maximum(self.shop_counts - weight @ self._rows_of(gone), 0),
            shop_baskets=self.shop_baskets - float(weight.sum()),
        )

    def at(self, when, user_ids: np.ndarray | None = None) -> sparse.csr_matrix:
        """Return the counts as they stand on a day; shape (n_users, n_items), float64.

        Parameters
        ----------
        when : str or datetime64
            Not before `day`: what has been taken in cannot be left out again.
        user_ids : array of str, optional
            Rows to return, in this order; one that has not come yet is a row of zeros. All known users if None.
        """
        when = np.datetime64(when, "D")
        if self.day is not None and when < self.day:
            raise BundlebookError(
                f"the counts of {when} are asked for, but baskets up to {self.day - 1} have been taken in",
                where="RunningCounts.at",
                remedy="ask for a later day, or keep the state of that day",
            )
        return self._over(self.user_ids if user_ids is None else np.asarray(user_ids)) * self._fading(when)

    def scores(self, user_ids: np.ndarray, when, prior_baskets: float = 8.0) -> np.ndarray:
        """Rank items by the user's own counts and by what all users buy; (n_users, n_items), float32.

        The prior acts as if some baskets of an average user had been added to the history, as in
        :class:`~bundlebook.recommenders.DecayedFrequency`; here the average forgets at the same rate.
        """
        own = self.at(when, user_ids).toarray()
        # The share of decayed baskets that hold an item does not change while nothing comes in.
        share = self.shop_counts / max(self.shop_baskets, np.finfo(float).tiny)
        return np.asarray(own + prior_baskets * share, dtype=np.float32)

    def _rows_of(self, baskets: Baskets) -> sparse.csr_matrix:
        return (baskets.quantities if self.units else baskets.incidence).astype(np.float64)

    def _fading(self, when: np.datetime64) -> float:
        return 1.0 if self.day is None else float(np.exp2(-int((when - self.day).astype(int)) / self.half_life))

    def _over(self, user_ids: np.ndarray) -> sparse.csr_matrix:
        """The counts with the rows *user_ids*; a user who is not known has none."""
        row = _rows(user_ids, self.user_ids)
        known = np.flatnonzero(row >= 0)
        pick = sparse.csr_matrix(
            (np.ones(len(known)), (known, row[known])), shape=(len(user_ids), len(self.user_ids)), dtype=np.float64
        )
        return (pick @ self.counts).tocsr()


def rank_update(
    inverse: np.ndarray, added: sparse.csr_matrix | None = None, removed: sparse.csr_matrix | None = None
) -> np.ndarray:
    r"""Change the inverse of a ridge regression by rows that come or go (Sherman–Morrison–Woodbury).

    .. math:: (G + A^\top A)^{-1} = P - P A^\top (I_k + A P A^\top)^{-1} A P, \qquad P = G^{-1}

    and with both signs turned for rows that go. The price is a product of k · m² instead of an inverse of m³, so it
    pays while the k rows are much fewer than the m items.

    Parameters
    ----------
    inverse : ndarray, shape (n_items, n_items), float64
        P, symmetric and positive definite. It is not changed.
    added, removed : sparse matrix, shape (k, n_items), optional
        Rows that come in, and rows that were in it and go.

    Returns
    -------
    ndarray, shape (n_items, n_items), float64

    Raises
    ------
    BundlebookError
        If the shapes do not fit, a number is not finite, or rows go that cannot have been in it.

    References
    ----------
    W. W. Hager: Updating the inverse of a matrix. SIAM Review 31, 1989.

    Examples
    --------
    >>> night = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0]]))
    >>> changed = rank_update(np.eye(3), added=night)
    >>> np.allclose(changed, np.linalg.inv(np.eye(3) + night.T @ night))
    True
    """
    # Up before down: the matrix between the two steps is then never nearer to singular than both ends.
    for rows, sign in ((added, 1.0), (removed, -1.0)):
        if rows is None or not rows.shape[0]:
            continue
        if rows.shape[1] != len(inverse):
            problem = f"rows of {rows.shape[1]} items do not fit an inverse of {len(inverse)}"
            raise BundlebookError(problem, where="rank_update", remedy="bring them to the same items")
        if not np.isfinite(rows.data).all():
            raise BundlebookError("a row holds a number that is not finite", where="rank_update")
        rows = rows.astype(np.float64)
        seen = rows @ inverse
        inner = np.eye(rows.shape[0]) + sign * (rows @ seen.T)
        try:
            factor = linalg.cholesky(inner, lower=True, check_finite=False)
        except linalg.LinAlgError as error:
            raise BundlebookError(
                "rows are taken out that were never taken in",
                where="rank_update",
                remedy="remove only rows that were added before, with the same values",
            ) from error
        half = linalg.solve_triangular(factor, seen, lower=True, check_finite=False)
        inverse = inverse - sign * (half.T @ half)
    return inverse


@dataclass(eq=False)
class RunningEASE:
    r"""EASE over baskets (浅层线性自编码器), which takes in a night exactly.

    After any number of updates it equals a fit on all baskets that are in it, up to rounding: 10⁻¹⁵ after twenty nights
    of a real shop.

    Parameters
    ----------
    l2 : float
        λ > 0, in baskets.
    name : str
        Name in tables and figures.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    inverse_ : ndarray, shape (n_items, n_items), float64
        :math:`P = (X^\top X + \lambda I)^{-1}`, X with one 0/1 row per basket.

    See Also
    --------
    bundlebook.recommenders.EASE : the same model with ``rows="baskets"``, fitted from all baskets each time.
    """

    l2: float = 200.0
    name: str = "running EASE"

    def __post_init__(self) -> None:
        if not self.l2 > 0:
            raise BundlebookError(f"l2 must be positive, got {self.l2!r}", where="RunningEASE")

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Begin with everything before *at*: one inverse."""
        past = visible.between(end=at)
        rows = past.incidence.astype(np.float64)
        gram = (rows.T @ rows).toarray()
        gram[np.diag_indices_from(gram)] += self.l2
        self.items, self.inverse_ = past.items, linalg.inv(gram, assume_a="pos", check_finite=False)
        return self

    def updated(self, added: Baskets | None = None, removed: Baskets | None = None) -> Self:
        """Take baskets in, take others out, or both; this one is left as it is.

        Parameters
        ----------
        added : Baskets, optional
            Tonight's, over the same items.
        removed : Baskets, optional
            Baskets that are in it: those of a user who asks to be forgotten, or those that are a year old.
        """
        if not hasattr(self, "inverse_"):
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        for baskets in (added, removed):
            if baskets is not None:
                _same_items(baskets.items, self.items)
        after = replace(self)
        after.items = self.items
        rows = (None if baskets is None else baskets.incidence for baskets in (added, removed))
        after.inverse_ = rank_update(self.inverse_, *rows)
        return after

    @property
    def weights_(self) -> np.ndarray:
        """Return B, shape (n_items, n_items), float64: how much a purchase of j says about i, in row j."""
        weights = self.inverse_ / -np.diag(self.inverse_)
        np.fill_diagonal(weights, 0)
        return weights

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Multiply 0/1 histories with the item weights, shape (n_users, n_items), float32."""
        _same_items(histories.items, self.items)
        history = histories.between(end=at).user_item().astype(np.float64)
        history.data[:] = 1
        return np.asarray(history @ self.weights_, dtype=np.float32)


def gradient_step(weights: np.ndarray, rows: sparse.csr_matrix, rate: float, l2: float = 0.0) -> np.ndarray:
    r"""Take one step of stochastic gradient descent on EASE's loss, on some rows alone.

    .. math:: B \leftarrow B - \eta \Bigl(\tfrac1k A^\top (A B - A) + \tfrac{\lambda}{k} B\Bigr),
              \qquad \operatorname{diag}(B) = 0

    Parameters
    ----------
    weights : ndarray, shape (n_items, n_items)
        B. It is not changed.
    rows : sparse matrix, shape (k, n_items)
        A, tonight's rows.
    rate : float
        η > 0. Above 2 / (largest eigenvalue of AᵀA / k) the step overshoots.
    l2 : float
        λ, this night's share of the regularisation.

    Returns
    -------
    ndarray, shape (n_items, n_items), float64
    """
    if not rate > 0:
        raise BundlebookError(f"rate must be positive, got {rate!r}", where="gradient_step")
    if not rows.shape[0]:
        return np.array(weights, dtype=np.float64)
    rows = rows.astype(np.float64)
    error = rows @ weights - rows.toarray()
    changed = weights - rate / rows.shape[0] * (rows.T @ error + l2 * weights)
    np.fill_diagonal(changed, 0)
    return changed


def _rows(user_ids: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Place of each label among others; −1 where it is none of them."""
    return pd.Index(among).get_indexer(user_ids) if len(among) else np.full(len(user_ids), -1)


def _same_items(found: np.ndarray, wanted: np.ndarray) -> None:
    if not np.array_equal(found, wanted):
        raise BundlebookError(
            f"the baskets count {len(found)} items, the model holds {len(wanted)} others",
            where="update",
            remedy="bring them to the model's items with baskets.over(model.items)",
        )
