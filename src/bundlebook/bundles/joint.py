"""How strongly items go together within a period, and the joint probability of pairs and sets that follows."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import expit, logit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import period_panel, platt
from bundlebook.shop import Baskets

#: Probabilities are kept this far from 0 and 1, where the odds are still numbers.
_EDGE = 1e-6


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
    """How strongly pairs of items go together, in user-periods.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
        Columns of the matrices, as in the baskets they come from.
    psi : ndarray, shape (n_items, n_items), float64
        Odds ratio of each pair *within* a user; symmetric, 1 on the diagonal.
    crude : ndarray, shape (n_items, n_items), float64
        Odds ratio over all user-periods thrown together; symmetric, 1 on the diagonal.
    together : ndarray, shape (n_items, n_items), int64
        User-periods with both items; on the diagonal, with the item.
    n_user_periods : int
    """

    items: np.ndarray
    psi: np.ndarray
    crude: np.ndarray
    together: np.ndarray
    n_user_periods: int


def co_purchase(
    histories: Baskets, at: np.datetime64, items: np.ndarray | None = None, prior: float = 10.0
) -> CoPurchase:
    r"""Measure for every pair of items how strongly they go together in a period of 28 days.

    Thrown together, user-periods show nearly every pair as positively associated, since those who shop much buy
    more of everything. A model that knows the user has that in its two probabilities already; what it still lacks
    is whether the items come in the *same* periods of one user. That is Mantel and Haenszel's odds ratio, pooled
    over 2×2 tables, one per user h, with cells a (both), b, c (one of them), d (neither) and total T:

    .. math:: \psi = \frac{k + \sum_h a_h d_h / T_h}{k + \sum_h b_h c_h / T_h}

    Parameters
    ----------
    histories : Baskets
        Baskets on or after *at* are not looked at. Every period from a user's first basket on in which he or she
        shopped counts.
    at : datetime64[D]
        Periods are counted back from this day.
    items : ndarray of str, optional
        Items to compare, all if None. Memory grows with their number squared: 40 bytes per pair.
    prior : float
        k > 0, in effective user-periods: pulls pairs that were seen seldom towards 1.

    Returns
    -------
    CoPurchase

    References
    ----------
    N. Mantel and W. Haenszel, "Statistical aspects of the analysis of data from retrospective studies of disease",
    Journal of the National Cancer Institute 22 (1959), 719–748.
    """
    from bundlebook.bundles._compiled import count_pairs  # numba costs half a second to import

    if not prior > 0:
        raise BundlebookError(f"prior must be positive, got {prior}", where="co_purchase")
    # A period counts for a user who shopped in it, whatever it bought: shopping is read off all items.
    n_periods = (period_panel(histories, at).trips > 0).sum(axis=1)
    compared = histories if items is None else histories.over(items)
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


def joint_probability(p: np.ndarray, psi: np.ndarray, pairwise: bool = False) -> np.ndarray:
    r"""P(all of a set) from each item's probability and the odds ratio of each pair.

    Of all distributions over the 2^k combinations of "bought" and "not bought" take the log-linear one without
    interactions of three items or more,

    .. math:: P(\mathbf{x}) = \frac{1}{Z} \exp\Bigl(\sum_i a_i x_i + \sum_{i<j} x_i x_j \ln \psi_{ij}\Bigr),
              \qquad \mathbf{x} \in \{0, 1\}^k,

    whose :math:`a_i` are set so that every item keeps its probability. For two items this is Plackett's formula, for
    ψ = 1 the product of the probabilities. The :math:`a_i` come from iterative proportional fitting: scale the cells
    with item i to p_i, item after item, until nothing moves.

    ψ stands here for the odds ratio of a pair *given* the other items. The odds ratios that :func:`co_purchase`
    measures leave the other items open; they are larger where a third item goes with both. With *pairwise*, ψ is taken
    as that: every pair gets its P(both) by Plackett's formula, and the bonds of the log-linear model are fitted to
    these. It is the consistent reading, and not the default, because sets of three and more come true more often than
    it says: purchases of one period share a cause (a large shop, guests) that no table of pairs holds, and
    counting a part of each bond twice happens to stand in for it (chapter 09 measures both).

    Parameters
    ----------
    p : ndarray, shape (n_sets, k)
        P(bought) of each item, in [0, 1]; k from 1 to 8.
    psi : ndarray, shape (n_sets, k, k)
        Odds ratios, symmetric, > 0; the diagonal is not looked at.
    pairwise : bool
        Keep the probability of each pair instead of its conditional odds ratio.

    Returns
    -------
    ndarray, shape (n_sets,), float64

    References
    ----------
    Y. M. M. Bishop, S. E. Fienberg, P. W. Holland: Discrete Multivariate Analysis. MIT Press 1975, chapter 3.

    Examples
    --------
    Three items of probability ½. Any two of them have odds ratio 4 given the third, or 4 over everything:

    >>> p, psi = np.full((1, 3), 0.5), np.full((1, 3, 3), 4.0)
    >>> joint_probability(p, psi).round(4), joint_probability(p, psi, pairwise=True).round(4)
    (array([0.2857]), array([0.25]))
    """
    from bundlebook.bundles._compiled import fit_items, fit_pairs  # numba costs half a second to import

    p, psi = np.asarray(p, dtype=np.float64), np.asarray(psi, dtype=np.float64)
    if p.ndim != 2 or psi.shape != (*p.shape, p.shape[1]) or not 1 <= p.shape[1] <= 8:
        raise BundlebookError(
            f"probabilities of shape {p.shape} and odds ratios of shape {psi.shape}",
            where="joint_probability",
            remedy="pass (n_sets, k) and (n_sets, k, k), with 1 ≤ k ≤ 8",
        )
    if not ((p >= 0) & (p <= 1)).all() or not (psi > 0).all():
        raise BundlebookError("p must lie in [0, 1] and psi above 0", where="joint_probability")
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    if pairwise:
        joint = fit_pairs(inside, plackett(inside[:, :, None], inside[:, None, :], psi))
    else:
        joint = fit_items(inside, psi)
    return np.where((p == 0).any(axis=1), 0.0, np.clip(joint, 0, p.min(axis=1)))


@dataclass(frozen=True)
class SetCalibration:
    r"""Correct joint probabilities by what became of sets in the past, each size on its own (Platt scaling).

    .. math:: \operatorname{logit} P = \alpha_k + \beta_k \operatorname{logit} \hat P

    Attributes
    ----------
    alpha, beta : dict of int to float
        By size k of the set. A size without an entry stays as it is.
    """

    alpha: dict[int, float]
    beta: dict[int, float]

    @classmethod
    def fit(cls, joint: np.ndarray, size: np.ndarray, came_true: np.ndarray, least: int = 30) -> Self:
        """Learn the corrections by maximum likelihood (:func:`~bundlebook.recommenders.platt`).

        Parameters
        ----------
        joint : ndarray, shape (n_sets,)
            Raw joint probabilities.
        size : ndarray of int, shape (n_sets,)
        came_true : ndarray of bool, shape (n_sets,)
            Whether all of the set was bought.
        least : int
            A size with fewer sets that came true, or that did not, is left as it is.
        """
        alpha, beta = {}, {}
        for k in np.unique(size).tolist():
            chosen = size == k
            came = int(came_true[chosen].sum())
            if min(came, int(chosen.sum()) - came) >= least:
                alpha[k], beta[k] = platt(np.clip(joint[chosen], _EDGE, 1 - _EDGE), came_true[chosen])
        return cls(alpha, beta)

    def __call__(self, joint: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return corrected probabilities, shape (n_sets,), from raw ones and sizes."""
        size = np.asarray(size)
        table = np.array([[self.alpha.get(k, 0.0), self.beta.get(k, 1.0)] for k in range(int(size.max(initial=0)) + 1)])
        joint = np.asarray(joint, dtype=np.float64)
        corrected = expit(table[size, 0] + table[size, 1] * logit(np.clip(joint, _EDGE, 1 - _EDGE)))
        return np.where(joint > 0, corrected, 0.0)
