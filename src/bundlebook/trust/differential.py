"""Noise for sums over users, drawn by OpenDP, and the ledger of the privacy that was spent.

The unit of privacy is one *user* with everything he or she bought, not one line of the log.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import false_discovery_control, norm as norm_distribution

from bundlebook.association import sizes_of_counts
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import DecayedFrequency
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Steps per unit of the grid on which sums are noised: whole numbers leave no rounding for an attacker to read.
_GRID = 1024
#: Part of a budget that goes to the number of users; the rest goes to the items.
_FOR_COUNT = 0.02


@cache
def _opendp() -> Any:
    """The library, which costs seconds at its import; "contrib" marks what its authors have not yet proved on paper."""
    import opendp.prelude as opendp

    opendp.enable_features("contrib")
    return opendp


def _checked(epsilon: float, delta: float) -> None:
    if not (np.isfinite(epsilon) and epsilon > 0):
        raise BundlebookError(
            f"ε = {epsilon}", where="privacy budget", remedy="use a finite ε above 0; 1 is strong, 10 promises little"
        )
    if not 0 < delta < 1:
        raise BundlebookError(
            f"δ = {delta}", where="privacy budget", remedy="use δ between 0 and 1, well below 1 / number of users"
        )


def epsilon_of(rho: float, delta: float) -> float:
    r"""Return the ε that a zero-concentrated budget ρ guarantees at δ.

    .. math:: \varepsilon = \min_{\alpha > 1}\ \rho\alpha + \frac{\ln(1/(\alpha\delta))}{\alpha - 1}
              + \ln\Bigl(1 - \frac1\alpha\Bigr)

    References
    ----------
    C. Canonne, G. Kamath, T. Steinke: The discrete Gaussian for differential privacy. NeurIPS 2020, proposition 12.

    Examples
    --------
    >>> round(epsilon_of(0.03, 1e-5), 3)
    0.99
    """
    if rho <= 0:
        return 0.0

    def at(log_order: float) -> float:
        above = np.exp(log_order)  # α − 1
        return float(rho * (1 + above) - np.log(delta * (1 + above)) / above + np.log(above / (1 + above)))

    found = minimize_scalar(at, bounds=(np.log(1e-3), np.log(1e6)), method="bounded", options={"xatol": 1e-9})
    return max(0.0, float(found.fun))


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest ρ whose :func:`epsilon_of` is at most ε.

    Raises
    ------
    BundlebookError
        If ε is not a finite number above 0, or δ is not between 0 and 1.
    """
    _checked(epsilon, delta)
    return float(brentq(lambda rho: epsilon_of(rho, delta) - epsilon, 1e-12, epsilon + 1, xtol=1e-13, rtol=1e-12))


@dataclass
class Ledger:
    """What has been spent of a privacy budget; nothing is released that would overdraw it.

    Gaussian releases add up in ρ of zero-concentrated differential privacy, which is tighter than adding their ε.

    Attributes
    ----------
    epsilon, delta : float
        The whole budget: (ε, δ) for everything released about the same users.
    entries : list of (str, float)
        What was released, and its ρ.
    """

    epsilon: float
    delta: float = 1e-5
    entries: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        _checked(self.epsilon, self.delta)

    @property
    def rho(self) -> float:
        """ρ spent so far."""
        return sum(rho for _, rho in self.entries)

    @property
    def left(self) -> float:
        """ρ that can still be spent."""
        return max(0.0, rho_of(self.epsilon, self.delta) - self.rho)

    @property
    def spent(self) -> float:
        """ε spent so far, at the ledger's δ."""
        return epsilon_of(self.rho, self.delta)

    def charge(self, what: str, rho: float) -> None:
        """Enter a release before it is made.

        Raises
        ------
        BundlebookError
            If the budget would be overdrawn; then nothing is entered.
        """
        after = epsilon_of(self.rho + rho, self.delta)
        if rho <= 0 or after > self.epsilon * (1 + 1e-6):
            raise BundlebookError(
                f"{what!r} would bring the spent ε to {after:.3g}, and the budget is {self.epsilon:.3g}",
                where="ledger",
                remedy="ask for less, add more noise, or agree on a larger budget before the data is read",
            )
        self.entries.append((what, rho))

    def table(self) -> pd.DataFrame:
        """One row per release: ``release``, ``rho``, and ``epsilon``, what is spent in all after it."""
        running = np.cumsum([rho for _, rho in self.entries])
        return pd.DataFrame(
            {
                "release": [what for what, _ in self.entries],
                "rho": [rho for _, rho in self.entries],
                "epsilon": [epsilon_of(total, self.delta) for total in running],
            }
        )


def clipped(rows: sparse.csr_matrix, norm: float) -> sparse.csr_matrix:
    r"""Shrink every row that is longer than *norm*, so that no user can move a sum further than that.

    .. math:: \bar{\mathbf{x}}_u = \mathbf{x}_u \min\bigl(1, C / \lVert \mathbf{x}_u \rVert_2\bigr)

    Parameters
    ----------
    rows : csr_matrix, shape (n_users, m)
    norm : float
        C > 0.

    Returns
    -------
    csr_matrix of float64, shape (n_users, m)
    """
    if not (np.isfinite(norm) and norm > 0):
        raise BundlebookError(f"C = {norm}", where="clipped", remedy="use a finite length above 0")
    rows = sparse.csr_matrix(rows, dtype=np.float64)
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags(np.minimum(1.0, norm / np.maximum(length, norm))) @ rows


def noisy_sum(
    rows: sparse.csr_matrix, norm: float, rho: float, ledger: Ledger, what: str, clip: bool = True
) -> np.ndarray:
    r"""Add up the users' rows, and noise that hides any one of them.

    .. math:: \sum_u \bar{\mathbf{x}}_u + \mathcal{N}(0, \sigma^2 I), \qquad \sigma = \frac{C}{\sqrt{2\rho}}

    The noise is OpenDP's discrete Gaussian on whole multiples of 1/1024. It comes from the machine's secure source and
    has no seed: noise that can be drawn again can be taken off again.

    Parameters
    ----------
    rows : csr_matrix, shape (n_users, m)
        One row per user: no user may have two.
    norm : float
        C, to which rows are clipped.
    rho : float
        What the release may cost.
    ledger : Ledger
        Charged before the noise is drawn.
    what : str
        Name of the release in the ledger.
    clip : bool
        False leaves the rows as they are: a bug, planted so that an audit can find it.

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    rows = clipped(rows, norm) if clip else sparse.csr_matrix(rows, dtype=np.float64)
    whole = sparse.csr_matrix((np.trunc(rows.data * _GRID), rows.indices, rows.indptr), shape=rows.shape)
    total = np.asarray(whole.sum(axis=0)).ravel().astype(np.int64)
    return _noised(total, norm, rho, ledger, what)


def noisy_gram(rows: sparse.csr_matrix, norm: float, rho: float, ledger: Ledger, what: str) -> np.ndarray:
    r"""Add up the products of the users' rows with themselves, and noise: the matrix that linear models learn from.

    .. math:: \sum_u \bar{\mathbf{x}}_u \bar{\mathbf{x}}_u^\top + \mathcal{N}, \qquad
              \lVert \bar{\mathbf{x}}_u \bar{\mathbf{x}}_u^\top \rVert_F = \lVert \bar{\mathbf{x}}_u \rVert_2^2 \le C^2

    Only the upper triangle is drawn and mirrored; it is no longer than the whole matrix, so C² covers it.

    Returns
    -------
    ndarray of float64, shape (m, m), symmetric
    """
    rows = clipped(rows, norm)
    # Rounding to the grid can move each entry by one step when a user joins, which the reach below covers.
    gram = (rows.T @ rows).toarray()
    above = np.triu_indices(gram.shape[0])
    total = np.round(gram[above] * _GRID).astype(np.int64)
    noised = _noised(total, norm**2 + len(total) ** 0.5 / _GRID, rho, ledger, what)
    result = np.zeros_like(gram)
    result[above] = noised
    return result + np.triu(result, 1).T


def private_pairs(
    baskets: Baskets, norm: float, rho: float, ledger: Ledger, alpha: float = 0.05, largest: int = 40
) -> pd.DataFrame:
    r"""Find pairs that meet more often than the sizes of baskets explain, from counts with noise.

    Of each user three things are counted, in one vector that is clipped as a whole and released once: the baskets that
    held each pair, those that held each item, and the baskets of each size. The noisy counts of items and sizes fit the
    model of :func:`~bundlebook.association.fit_sizes`, which expects E of each pair. That costs nothing more, and

    .. math:: z = \frac{\tilde n_{ij} - E_{ij}}{\sqrt{E_{ij} + \sigma^2}}, \qquad \sigma = \frac{C}{\sqrt{2\rho}}

    is compared with the normal distribution: chance *and* the noise have to be exceeded.

    Parameters
    ----------
    baskets : Baskets
        Over items that are public, or that a release named: not over those that enough users bought.
    norm : float
        C, to which a user's vector is clipped; users who are clipped count less in all three.
    rho : float
        What the release may cost.
    ledger : Ledger
        Charged before the noise is drawn.
    alpha : float
        Share of false discoveries accepted (Benjamini–Hochberg over all pairs).
    largest : int
        Baskets with more of these items count as one of this size.

    Returns
    -------
    DataFrame
        One row per discovered pair: ``itemset``, ``count``, ``expected`` (both noisy, and smaller than without the
        clip), ``adjusted_lift`` and ``p_adjusted``, the smallest first.
    """
    m, lines = baskets.n_items, baskets.quantities.tocsr().copy()
    lines.data = np.ones_like(lines.data)
    above = np.triu_indices(m, 1)
    place = np.zeros((m, m), dtype=np.int64)
    place[above] = np.arange(len(above[0]))
    parts = []
    for user in np.split(np.arange(baskets.n_baskets), np.cumsum(baskets.counts_by_user())[:-1]):
        both = sparse.triu(lines[user].T @ lines[user], 1).tocoo()
        held = (both.data, (np.zeros(both.nnz, np.int64), place[both.row, both.col]))
        parts.append(sparse.csr_matrix(held, shape=(1, len(above[0]))))
    size = np.minimum(baskets.sizes(), largest)
    ones = np.ones(baskets.n_baskets)
    sizes = sparse.csr_matrix((ones, (baskets.user, size)), shape=(baskets.n_users, largest + 1))
    owner = sparse.csr_matrix((ones, (baskets.user, np.arange(len(size)))), shape=(baskets.n_users, len(size)))
    items = owner @ lines
    rows = sparse.hstack([sparse.vstack(parts), items, sizes], format="csr")
    total = noisy_sum(rows, norm, rho, ledger, f"pairs of {m} items")
    count, bought, number = np.split(total, [len(above[0]), len(above[0]) + m])
    noise = norm / np.sqrt(2 * rho)
    # What lies within the noise of nothing is nothing: half of such counts would be below 0.
    bought, number = np.where(bought > noise, bought, 0.0), np.where(number > noise, number, 0.0)
    number[0] = 0
    p = np.ones(len(count))
    expected = np.zeros(len(count))
    with suppress(BundlebookError):  # counts that no baskets can have are all noise, and tell of no pair
        expected = sizes_of_counts(baskets.items, bought, number).expected(np.stack(above, axis=1))
        p = norm_distribution.sf((count - expected) / np.sqrt(expected + noise**2))
    adjusted = false_discovery_control(p)
    found = np.flatnonzero(adjusted <= alpha)
    found = found[np.lexsort((found, p[found]))]
    first, second = above[0][found], above[1][found]
    table = pd.DataFrame({"count": count[found], "expected": expected[found]})
    table.insert(0, "itemset", list(zip(baskets.items[first].tolist(), baskets.items[second].tolist(), strict=True)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return table.assign(adjusted_lift=table["count"] / table["expected"], p_adjusted=adjusted[found])


def _noised(total: np.ndarray, norm: float, rho: float, ledger: Ledger, what: str) -> np.ndarray:
    """Charge, then add noise to whole multiples of 1/1024 that one user can move by *norm* at most."""
    if not (np.isfinite(rho) and rho > 0):
        raise BundlebookError(f"ρ = {rho}", where=what, remedy="use a finite ρ above 0, for example ledger.left")
    opendp, reach = _opendp(), int(np.ceil(norm * _GRID))
    space = opendp.vector_domain(opendp.atom_domain(T=int)), opendp.l2_distance(T=int)
    mechanism = opendp.m.make_gaussian(*space, scale=reach / np.sqrt(2 * rho))
    ledger.charge(what, mechanism.map(reach))
    return np.asarray(mechanism(total.tolist()), dtype=np.float64) / _GRID


@dataclass(eq=False)
class PrivateFrequency(DecayedFrequency):
    r"""A user's own history without noise, and what everybody buys with noise.

    .. math:: s_{ui} = \sum_{b \in B_u} 2^{-(t - t_b)/H}\,[i \in b] + \alpha\,\tilde p_i

    :math:`\tilde p_i` is the released share of users who bought item i lately. The first term is shown to nobody but
    the user whose history it is, so it needs no noise.

    Parameters
    ----------
    half_life, prior_baskets, days : float, float, int
        H in days, α in baskets, and the look-back of the shared part in days.
    epsilon, delta : float
        The budget of one fit, for each user.
    norm : float
        C: a user who bought more than C² different items counts less for each of them.
    name : str
        Name in tables and figures.

    Attributes
    ----------
    ledger_ : Ledger
        What the fit has spent.

    Notes
    -----
    The columns of the baskets must be public, for example all product types of the catalogue. A list of the items that
    enough users bought would itself tell something about the users.
    """

    prior_baskets: float = 3.0
    days: int = 2 * PERIOD_DAYS
    epsilon: float = 1.0
    delta: float = 1e-5
    norm: float = 5.0
    name: str = "own history + noisy popularity"

    def __post_init__(self) -> None:
        super().__post_init__()
        _checked(self.epsilon, self.delta)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Release the number of users and of buyers of each item, with noise."""
        since = np.asarray(at, "datetime64[D]") - np.timedelta64(self.days, "D")
        bought = visible.between(since, at).user_item()
        bought.data[:] = 1
        self.ledger_ = Ledger(self.epsilon, self.delta)
        budget = self.ledger_.left
        ones = sparse.csr_matrix(np.ones((visible.n_users, 1)))
        users = noisy_sum(ones, 1.0, _FOR_COUNT * budget, self.ledger_, "number of users")[0]
        rest = (1 - _FOR_COUNT) * budget
        buyers = noisy_sum(bought, self.norm, rest, self.ledger_, f"buyers of {visible.n_items:,} items")
        self.share_ = (buyers / max(users, 1.0)).astype(np.float32)
        return self
