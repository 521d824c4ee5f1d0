"""What the feed-forward networks read: the decayed history as a vector, and the examples of the latest periods."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bundlebook.recommenders.periods import PeriodPanel, period_panel
from bundlebook.recommenders.training import Examples

#: Weight of a period against the one after it.
DECAY = 0.8
#: What a rate of one basket a period is multiplied by before its logarithm is taken, c.
STEEPNESS = 50.0


def over_items(panel: PeriodPanel, users: np.ndarray, of_pairs: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Spread what is said of the (user, item) pairs of some users over all items, 0 elsewhere.

    Parameters
    ----------
    panel : PeriodPanel
    users : ndarray of int, shape (B,)
    of_pairs : callable
        From numbers of pairs, shape (n,), to a row of T values for each, shape (n, T).

    Returns
    -------
    ndarray, shape (B, T, n_items), float32
    """
    counts = panel.pairs_by_user()[users]
    row = np.repeat(np.arange(len(users)), counts)
    pair = np.repeat(panel.first_pair[users] - (np.cumsum(counts) - counts), counts) + np.arange(len(row))
    values = of_pairs(pair)
    dense = np.zeros((len(users), values.shape[1], panel.n_items), dtype=np.float32)
    dense[row, :, panel.item[pair]] = values
    return dense


def decayed_rates(panel: PeriodPanel, users: np.ndarray, periods: int, decay: float = DECAY) -> dict[str, np.ndarray]:
    r"""Decayed frequency of every item, and of visits, at the end of each of the last periods, on a logarithmic scale.

    .. math:: x_{ui}(t) = \log\Bigl(1 + c \frac{\sum_{s \le t} \lambda^{t-s} n_{ui}(s)}{K_u(t)}\Bigr), \qquad
              v_u(t) = \log\frac{0.1 + \sum_{s \le t} \lambda^{t-s} n_u(s)}{K_u(t)}, \qquad
              K_u(t) = 1 + \sum_{s \le t} \lambda^{t-s} [u \text{ was known in } s]

    with n_u the baskets of u in period s, n_ui those that hold i, λ = `decay` and c = :data:`STEEPNESS`. One purchase
    more counts less than the one before, as it does for the odds of another.

    Returns
    -------
    dict of str to ndarray, float32
        ``x`` (B, periods, n_items) and ``v`` (B, periods, 1).
    """
    age = np.arange(panel.n_periods)[-periods:] - np.arange(panel.n_periods)[:, None]
    weight = np.where(age >= 0, decay ** np.maximum(age, 0), 0).astype(np.float32)  # (T, periods)
    known = (1 + panel.seen[users].astype(np.float32) @ weight)[:, :, None]
    counts = over_items(panel, users, lambda pair: panel.baskets[pair] @ weight)
    visits = np.log((0.1 + (panel.trips[users] @ weight)[:, :, None]) / known)
    return {"x": np.log1p(STEEPNESS * counts / known), "v": visits}


@dataclass(frozen=True)
class Latest(Examples):
    """Examples whose targets are the latest periods only, read in the way of one network."""

    read: Callable[..., dict[str, np.ndarray]]
    known: np.ndarray

    @classmethod
    def of(cls, examples: Examples, periods: int, read: Callable[..., dict[str, np.ndarray]]) -> "Latest":
        visible, at = examples.visible, examples.targets.at
        periods = min(periods, examples.inputs.n_periods)
        known = examples.weights[:, -periods:]  # the targets alone do not know who was there before them
        return cls(examples.inputs, period_panel(visible, at, periods + 1), visible, read, known)

    @property
    def periods(self) -> int:
        return self.targets.n_periods - 1

    @property
    def weights(self) -> np.ndarray:
        return self.known

    def batch(self, users: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Inputs as the network reads them, what came one period later, and weights."""
        ids = np.asarray(users, dtype=np.int32) + 1
        inputs = self.read(self.inputs, users, ids, self.periods)
        return inputs, self.targets.bought(users)[:, 1:], self.weights[users]
