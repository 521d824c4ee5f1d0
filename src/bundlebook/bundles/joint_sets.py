"""Whole sets in one period: the joint probability that goes with given probabilities and given odds ratios."""

from dataclasses import dataclass

import numpy as np

from bundlebook.errors import BundlebookError

#: Probabilities are kept this far from 0 and 1, where the odds are still numbers.
_EDGE = 1e-6


def joint_probability(p: np.ndarray, psi: np.ndarray) -> np.ndarray:
    r"""P(all of a set) from each item's probability and the odds ratio of each pair.

    Of all distributions over the 2^k combinations of "bought" and "not bought" take the log-linear one without
    interactions of three items or more,

    .. math:: P(\mathbf{x}) = \frac{1}{Z} \exp\Bigl(\sum_i a_i x_i + \sum_{i<j} x_i x_j \ln \psi_{ij}\Bigr),
              \qquad \mathbf{x} \in \{0, 1\}^k,

    whose :math:`a_i` are set so that every item keeps its probability. ψ is then the odds ratio of a pair whatever the
    other items do. For two items this is Plackett's formula, for ψ = 1 the product of the probabilities. The
    :math:`a_i` come from iterative proportional fitting: scale the cells with item i to p_i, item after item, until
    nothing moves.

    Parameters
    ----------
    p : ndarray, shape (n_sets, k)
        P(bought) of each item, in [0, 1]; k from 1 to 8.
    psi : ndarray, shape (n_sets, k, k)
        Odds ratios, symmetric, > 0; the diagonal is not looked at.

    Returns
    -------
    ndarray, shape (n_sets,), float64

    References
    ----------
    Y. M. M. Bishop, S. E. Fienberg, P. W. Holland: Discrete Multivariate Analysis. MIT Press 1975, chapter 3.

    Examples
    --------
    Three items of probability ½, any two of them with odds ratio 4:

    >>> psi = np.full((1, 3, 3), 4.0)
    >>> joint_probability(np.full((1, 3), 0.5), psi).round(4), joint_probability(np.full((1, 3), 0.5), psi**0).round(4)
    (array([0.2857]), array([0.125]))
    """
    from bundlebook.bundles._counting import fit_tables  # numba costs half a second to import

    p, psi = np.asarray(p, dtype=np.float64), np.asarray(psi, dtype=np.float64)
    if p.ndim != 2 or psi.shape != (*p.shape, p.shape[1]) or not 1 <= p.shape[1] <= 8:
        raise BundlebookError(
            f"probabilities of shape {p.shape} and odds ratios of shape {psi.shape}",
            where="joint_probability",
            remedy="pass (n_sets, k) and (n_sets, k, k), with 1 ≤ k ≤ 8",
        )
    if not ((p >= 0) & (p <= 1)).all() or not (psi > 0).all():
        raise BundlebookError("p must lie in [0, 1] and psi above 0", where="joint_probability")
    joint = fit_tables(np.clip(p, _EDGE, 1 - _EDGE), psi)
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

    def __call__(self, joint: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return corrected probabilities, shape (n_sets,), from raw ones and sizes."""
        size = np.asarray(size)
        table = np.array([[self.alpha.get(k, 0.0), self.beta.get(k, 1.0)] for k in range(int(size.max(initial=0)) + 1)])
        joint = np.asarray(joint, dtype=np.float64)
        inside = np.clip(joint, _EDGE, 1 - _EDGE)
        line = table[size, 0] + table[size, 1] * np.log(inside / (1 - inside))
        return np.where(joint > 0, 1 / (1 + np.exp(-line)), 0.0)


def fit_calibration(joint: np.ndarray, size: np.ndarray, came_true: np.ndarray, least: int = 30) -> SetCalibration:
    """Fit :class:`SetCalibration` by maximum likelihood.

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
        y = came_true[chosen].astype(np.float64)
        if min(y.sum(), (1 - y).sum()) < least:
            continue
        inside = np.clip(joint[chosen], _EDGE, 1 - _EDGE)
        x = np.column_stack([np.ones(len(y)), np.log(inside / (1 - inside))])
        coefficient = _logistic(x, y)
        alpha[k], beta[k] = map(float, coefficient)
    return SetCalibration(alpha, beta)


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Maximum likelihood of a logistic regression by Newton's method, every step halved until it is one forward."""

    def likelihood(coefficient: np.ndarray) -> float:
        line = x @ coefficient
        return float((y * line - np.logaddexp(0, line)).sum())

    coefficient = np.array([0.0, 1.0])
    for _ in range(100):
        fitted = 1 / (1 + np.exp(-np.clip(x @ coefficient, -500, 500)))
        hessian = (x * (fitted * (1 - fitted))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (y - fitted))
        now = likelihood(coefficient)
        while likelihood(coefficient + step) < now and np.abs(step).max() > 1e-12:
            step = step / 2
        coefficient = coefficient + step
        if np.abs(step).max() < 1e-10:
            break
    return coefficient
