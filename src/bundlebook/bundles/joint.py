"""Two items in one period: how strongly they go together, and the joint probability that follows from it."""

from dataclasses import dataclass

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import period_panel
from bundlebook.shop import Baskets


def plackett(p: np.ndarray, q: np.ndarray, psi: np.ndarray) -> np.ndarray:
    r"""P(both) of two events with given probabilities and a given odds ratio (Plackett's copula).

    Of all 2×2 tables with margins p and q exactly one has the odds ratio (优势比) ψ. Its first cell is

    .. math:: p_{11} = \frac{S - \sqrt{S^2 - 4\psi(\psi-1)pq}}{2(\psi-1)}
                     = \frac{2\psi\,p\,q}{S + \sqrt{S^2 - 4\psi(\psi-1)pq}}, \qquad S = 1 + (p+q)(\psi-1)

    The second form needs no special case at ψ = 1, where it is the product p·q of independent events.

    Parameters
    ----------
    p, q : float or ndarray
        P(first) and P(second), in [0, 1].
    psi : float or ndarray
        Odds ratio, p11·p00 / (p10·p01), > 0: above 1 the items come together, below 1 they replace each other.

    Returns
    -------
    float or ndarray, shape of the three broadcast together
        Within Fréchet's bounds max(0, p + q − 1) ≤ p11 ≤ min(p, q).

    References
    ----------
    R. L. Plackett, "A class of bivariate distributions", JASA 60 (1965), 516–522.

    Examples
    --------
    >>> round(float(plackett(0.4, 0.5, 1.0)), 4), round(float(plackett(0.4, 0.5, 6.0)), 4)
    (0.2, 0.3)
    """
    p, q, psi = (np.asarray(x, dtype=np.float64) for x in (p, q, psi))
    if not ((p >= 0) & (p <= 1)).all() or not ((q >= 0) & (q <= 1)).all() or not (psi > 0).all():
        raise BundlebookError("p and q must lie in [0, 1] and psi above 0", where="plackett")
    s = 1 + (p + q) * (psi - 1)
    root = np.sqrt(np.maximum(s * s - 4 * psi * (psi - 1) * p * q, 0))
    return np.clip(2 * psi * p * q / (s + root), np.maximum(p + q - 1, 0), np.minimum(p, q))


@dataclass(frozen=True)
class CoPurchase:
    """How strongly pairs of items go together, in household-periods.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
        Columns of the matrices, as in the baskets they come from.
    psi : ndarray, shape (n_items, n_items), float64
        Odds ratio of each pair *within* a household; symmetric, 1 on the diagonal.
    crude : ndarray, shape (n_items, n_items), float64
        Odds ratio over all household-periods thrown together; symmetric, 1 on the diagonal.
    together : ndarray, shape (n_items, n_items), int64
        Household-periods with both items; on the diagonal, with the item.
    n_household_periods : int
    """

    items: np.ndarray
    psi: np.ndarray
    crude: np.ndarray
    together: np.ndarray
    n_household_periods: int


def co_purchase(
    histories: Baskets, at: np.datetime64, items: np.ndarray | None = None, prior: float = 10.0
) -> CoPurchase:
    r"""Measure for every pair of items how strongly they go together in a period of 28 days.

    Thrown together, household-periods show nearly every pair as positively associated, since those who shop much buy
    more of everything. A model that knows the household has that in its two probabilities already; what it still lacks
    is whether the items come in the *same* periods of one household. That is Mantel and Haenszel's odds ratio, pooled
    over 2×2 tables, one a household h, with cells a (both), b, c (one of them), d (neither) and total T:

    .. math:: \psi = \frac{k + \sum_h a_h d_h / T_h}{k + \sum_h b_h c_h / T_h}

    Parameters
    ----------
    histories : Baskets
        Baskets on or after *at* are not looked at. Every period from a household's first basket on in which it shopped
        counts.
    at : datetime64[D]
        Periods are counted back from this day.
    items : ndarray of str, optional
        Items to compare, all if None. Memory grows with their number squared: 40 bytes a pair.
    prior : float
        k > 0, in effective household-periods: pulls pairs that were seen seldom towards 1.

    Returns
    -------
    CoPurchase

    References
    ----------
    N. Mantel and W. Haenszel, "Statistical aspects of the analysis of data from retrospective studies of disease",
    Journal of the National Cancer Institute 22 (1959), 719–748.
    """
    from bundlebook.bundles._counting import count_pairs  # numba costs half a second to import

    if not prior > 0:
        raise BundlebookError(f"prior must be positive, got {prior}", where="co_purchase")
    # A period counts for a household that shopped in it, whatever it bought: shopping is read off all items.
    n_periods = (period_panel(histories, at).trips > 0).sum(axis=1)
    compared = histories if items is None else histories.with_items(items)
    panel = period_panel(compared, at)
    m, bought = panel.n_items, panel.baskets > 0
    together = np.zeros((m, m), dtype=np.int64)
    agree, differ = np.zeros((m, m)), np.zeros((m, m))
    count_pairs(panel.first_pair, panel.item, bought, n_periods, together, agree, differ)
    together, agree, differ = together + together.T, agree + agree.T, differ + differ.T
    np.fill_diagonal(together, np.bincount(panel.item, weights=bought.sum(axis=1), minlength=m).astype(np.int64))
    psi = (agree + prior) / (differ + prior)
    np.fill_diagonal(psi, 1)
    total = int(n_periods.sum())
    return CoPurchase(compared.items, psi, _crude(together, total, prior), together, total)


def _crude(together: np.ndarray, total: int, prior: float) -> np.ndarray:
    buys = np.diag(together).astype(np.float64)
    alone = buys[:, None] - together
    neither = total - together - alone - alone.T
    crude = (together * neither / total + prior) / (alone * alone.T / total + prior)
    np.fill_diagonal(crude, 1)
    return crude
