"""The stated privacy attacked: invented users are put in or left out, and the release is asked which."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from bundlebook.errors import BundlebookError


def binomial_bounds(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper–Pearson interval of a share: exact, and never too narrow.

    Parameters
    ----------
    successes, trials : int
        0 ≤ successes ≤ trials, trials ≥ 1.
    level : float
        Chance that the interval holds the true share, at least.

    References
    ----------
    C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits. Biometrika, 1934.

    Examples
    --------
    >>> [round(float(bound), 4) for bound in binomial_bounds(8, 10)]
    [0.4439, 0.9748]
    >>> [round(float(bound), 4) for bound in binomial_bounds(0, 10)]
    [0.0, 0.3085]
    """
    if not 0 <= successes <= trials or trials < 1 or not 0 < level < 1:
        raise BundlebookError(
            f"{successes} of {trials} at level {level}",
            where="binomial_bounds",
            remedy="give 0 ≤ successes ≤ trials and a level between 0 and 1",
        )
    from statsmodels.stats.proportion import proportion_confint  # half a second to import

    low, high = proportion_confint(successes, trials, alpha=1 - level, method="beta")
    return float(low), float(high)


def gaussian_epsilon(mu: float, delta: float) -> float:
    r"""Return the exact ε of Gaussian noise whose standard deviation is 1/μ of the sensitivity.

    .. math:: \delta(\varepsilon) = \Phi\!\left(-\frac{\varepsilon}{\mu} + \frac{\mu}{2}\right)
              - e^{\varepsilon}\,\Phi\!\left(-\frac{\varepsilon}{\mu} - \frac{\mu}{2}\right)

    solved for ε at the given δ; 0 where δ covers everything.

    References
    ----------
    B. Balle, Y.-X. Wang: Improving the Gaussian mechanism for differential privacy. ICML 2018.

    Examples
    --------
    >>> round(gaussian_epsilon(1.0, 1e-5), 3)
    4.377
    """
    if mu <= 0:
        return 0.0

    def excess(epsilon: float) -> float:
        tail = np.exp(epsilon + norm.logcdf(-epsilon / mu - mu / 2))
        return float(norm.cdf(-epsilon / mu + mu / 2) - tail) - delta

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, mu**2 / 2 + mu * np.sqrt(2 * np.log(1 / delta)) + 1))


def canary_scores(
    release: Callable[[sparse.csr_matrix], np.ndarray],
    rows: sparse.csr_matrix,
    canaries: int = 500,
    releases: int = 10,
    baskets: float = 1000.0,
    *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Publish a statistic again and again, each time with another random half of some invented users in it.

    Every canary is alone in buying an item of its own, so the released number of that item shows whether it was there.
    It buys in very many baskets: a release that forgets to clip is the first thing this finds.

    Parameters
    ----------
    release : callable
        Takes rows of shape (n, m + canaries), one per user, and returns what is published for the columns.
    rows : csr_matrix, shape (n_users, m)
        The real users' rows.
    canaries, releases : int
    baskets : float
        What a canary's row holds in its own column.
    seed : int
        For who is in. The noise of the release itself has no seed.

    Returns
    -------
    inside, outside : ndarray of float
        Released numbers of the canaries that were in, and of those that were not, in the order of the releases.
    """
    if canaries < 2 or releases < 1:
        raise BundlebookError(
            f"{canaries} canaries in {releases} releases", where="canary_scores", remedy="use at least 2 in 1"
        )
    rng = np.random.default_rng(seed)
    wider = sparse.hstack([rows, sparse.csr_matrix((rows.shape[0], canaries))], format="csr")
    inside, outside = [], []
    for _ in range(releases):
        there = rng.random(canaries) < 0.5
        own = np.flatnonzero(there)
        place = (np.arange(len(own)), rows.shape[1] + own)
        added = sparse.csr_matrix((np.full(len(own), baskets), place), shape=(len(own), wider.shape[1]))
        published = np.asarray(release(sparse.vstack([wider, added], format="csr")), dtype=float)[-canaries:]
        inside.append(published[there])
        outside.append(published[~there])
    return np.concatenate(inside), np.concatenate(outside)


@dataclass(frozen=True)
class Audit:
    """What an attack shows: the true ε is at least this, with 95 % confidence.

    Attributes
    ----------
    epsilon : float
        For noise known to be Gaussian, from its μ.
    any_noise : float
        Without that knowledge, from one pair of error rates. Valid for every mechanism, and far weaker.
    mu : float
        Lower bound of μ.
    true_positive, false_positive : float
        Rates of the attack on the trials that were not used to choose the threshold.
    trials : int
        How many those are.
    """

    epsilon: float
    any_noise: float
    mu: float
    true_positive: float
    false_positive: float
    trials: int


def audited(inside: np.ndarray, outside: np.ndarray, delta: float, level: float = 0.95) -> Audit:
    r"""Bound the true ε from below by what an attacker achieves.

    Every test of "was this user in?" against an (ε, δ)-private release obeys TPR ≤ e^ε FPR + δ, so

    .. math:: \varepsilon \ge \ln \frac{\text{TPR} - \delta}{\text{FPR}}, \qquad
              \mu \ge \Phi^{-1}(\text{TPR}) - \Phi^{-1}(\text{FPR}) \text{ for Gaussian noise}

    with the lower Clopper–Pearson bound of TPR and the upper one of FPR. The first half of the trials chooses the
    thresholds, the second half is counted.

    Parameters
    ----------
    inside, outside : ndarray
        From :func:`canary_scores`; large numbers mean "was in".
    delta : float
        The stated δ, in (0, 1).
    level : float
        Confidence that both bounds hold together, at least.

    Returns
    -------
    Audit

    Raises
    ------
    BundlebookError
        If either group has fewer than four scores, or δ is out of range.

    References
    ----------
    M. Nasr et al.: Tight auditing of differentially private machine learning. USENIX Security 2023.
    """
    if min(len(inside), len(outside)) < 4 or not 0 < delta < 1:
        raise BundlebookError(
            f"{len(inside)} and {len(outside)} scores, δ = {delta}",
            where="audited",
            remedy="give at least four scores of each kind, and 0 < δ < 1",
        )
    (choose_in, count_in), (choose_out, count_out) = np.array_split(inside, 2), np.array_split(outside, 2)
    middle = (choose_in.mean() + choose_out.mean()) / 2

    def rates(threshold: float, positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
        # Each bound alone holds at (1 + level) / 2, so both together at `level`.
        low = binomial_bounds(int((positive > threshold).sum()), len(positive), level)[0]
        return low, binomial_bounds(int((negative > threshold).sum()), len(negative), level)[1]

    def bound(low: float, high: float) -> float:
        return float(np.log((low - delta) / high)) if low > delta else -np.inf

    thresholds = np.quantile(choose_out, [0.5, 0.75, 0.9, 0.95, 0.98, 0.99])
    best = max(thresholds, key=lambda value: bound(*rates(value, choose_in, choose_out)))
    low, high = rates(middle, count_in, count_out)
    mu = max(0.0, float(norm.ppf(low) - norm.ppf(high))) if low > 0 and high < 1 else 0.0
    return Audit(
        epsilon=gaussian_epsilon(mu, delta),
        any_noise=max(0.0, bound(*rates(best, count_in, count_out))),
        mu=mu,
        true_positive=float((count_in > middle).mean()),
        false_positive=float((count_out > middle).mean()),
        trials=len(count_in) + len(count_out),
    )


def membership(losses_in: np.ndarray, losses_out: np.ndarray, resamples: int = 1000, *, seed: int) -> pd.Series:
    r"""Measure how well a model's loss tells users it learned from apart from users it did not.

    .. math:: \text{AUC} = P(\ell_{\text{out}} > \ell_{\text{in}}) + \tfrac12 P(\ell_{\text{out}} = \ell_{\text{in}})

    One half is guessing, 1 is certainty.

    Parameters
    ----------
    losses_in, losses_out : ndarray, shape (n_in,) and (n_out,)
        One loss per user: of those the model learned from, and of others like them.
    resamples : int
        Of the users of both groups, for the interval.
    seed : int

    Returns
    -------
    Series
        ``auc``, and ``low`` and ``high``, its 95 % bootstrap interval.

    References
    ----------
    R. Shokri et al.: Membership inference attacks against machine learning models. IEEE S&P 2017; the attack by
    loss is that of S. Yeom et al., CSF 2018.

    Examples
    --------
    >>> membership(np.array([1.0, 2.0]), np.array([2.0, 3.0]), seed=0)["auc"].item()
    0.875
    """
    if min(len(losses_in), len(losses_out)) < 2:
        raise BundlebookError(
            f"{len(losses_in)} and {len(losses_out)} users", where="membership", remedy="give two or more of each kind"
        )
    rng = np.random.default_rng(seed)

    def area(inside: np.ndarray, outside: np.ndarray) -> float:
        rank = rankdata(np.concatenate([inside, outside]))[len(inside) :].sum()
        return float((rank - len(outside) * (len(outside) + 1) / 2) / (len(inside) * len(outside)))

    drawn = [
        area(rng.choice(losses_in, len(losses_in)), rng.choice(losses_out, len(losses_out))) for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return pd.Series({"auc": area(losses_in, losses_out), "low": float(low), "high": float(high)})
