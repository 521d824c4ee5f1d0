"""The training loop: batches of users, one pass per epoch, checkpoints, and a seed for every draw.

An example is a user and a period t: the network reads the periods up to t and is judged on what was bought in
period t + 1. One pass through a user's sequence gives one example per period.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import as_day, before
from bundlebook.recommenders.networks.backend import seed_everything
from bundlebook.recommenders.networks.periods import PeriodPanel, period_panel, periods_covered
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Periods a history may reach back: a year.
MOST_PERIODS = 13
#: Shares of the thinned users who start late, lose baskets, and lose lines.
WAYS = {"mixed": (2 / 3, 1 / 6, 1 / 6), "late": (1.0, 0.0, 0.0), "lost": (0.0, 1 / 2, 1 / 2)}


@dataclass(frozen=True)
class Examples:
    """The examples of a training, made of everything before `at`.

    Attributes
    ----------
    inputs : PeriodPanel
        Periods 1 … T of all users: the last one ends one period before `at`.
    targets : PeriodPanel
        Periods 1 … T + 1: the last one ends at `at`.
    visible : Baskets
        The baskets both are made of.
    """

    inputs: PeriodPanel
    targets: PeriodPanel
    visible: Baskets

    @classmethod
    def before(cls, visible: Baskets, at: np.datetime64) -> "Examples":
        """Make the examples of all periods that are complete before *at*.

        Raises
        ------
        BundlebookError
            If no user has a basket that is followed by a complete period.
        """
        at = as_day(at)
        visible = before(visible, at)
        n_periods = max(2, periods_covered(visible, at, MOST_PERIODS))
        inputs = period_panel(visible, at - PERIOD_DAYS, n_periods - 1)
        examples = cls(inputs, period_panel(visible, at, n_periods), visible)
        if not examples.weights.any():
            raise BundlebookError(
                f"no user has a basket that is followed by a complete period before {at}",
                remedy="fit on a log of at least two periods of four weeks",
            )
        return examples

    @property
    def weights(self) -> np.ndarray:
        """1 where an example counts, shape (n_users, T): from the period of a user's first basket on."""
        return self.targets.seen[:, :-1].astype(np.float32)

    @property
    def n_items(self) -> int:
        return self.targets.n_items

    @property
    def n_steps(self) -> int:
        """Steps of the sequence that ends at `at`: T + 1."""
        return self.inputs.n_periods + 1

    @property
    def sizes(self) -> np.ndarray:
        """Number of pairs of each user, shape (n_users,)."""
        return self.inputs.pairs_by_user()

    def thinned(self, share: float, rng: np.random.Generator, ways: str = "mixed") -> Self:
        """Return the same targets, predicted from histories in which a share of the users look newer than they are.

        A new user's history is short, and almost all that are visible are long: a network that never saw a short one
        takes it for a user who hardly buys. Of the chosen users two thirds start late (only their latest baskets are
        kept, n^U of n with U uniform, so that few are as likely as many), a sixth lose baskets at random, and a sixth
        lose single lines. These are the crop and the mask of sequence augmentation. The third usual one, another order
        within a basket, would change nothing here, because a period is a sum.

        Parameters
        ----------
        share : float
            Share of the users whose history is thinned, in [0, 1].
        rng : Generator
        ways : str
            Key of :data:`WAYS`: the mixture, late starts only, or losses only.
        """
        if not share:
            return self
        histories = _thinned(self.visible, share, rng, ways)
        return replace(self, inputs=period_panel(histories, self.inputs.at, self.inputs.n_periods))

    def batch(self, users: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Return the inputs of some users, what they bought one period later (B, T, n_items), and weights (B, T)."""
        return self.inputs.batch(users), self.targets.bought(users)[:, 1:], self.weights[users]

    def item_log_odds(self) -> np.ndarray:
        """Log-odds that a known user buys the item in a period, shape (n_items,), float32.

        Half a purchase is added to both sides, so that an item nobody bought has a finite value.
        """
        targets = self.targets
        bought = np.bincount(targets.item, weights=(targets.baskets[:, 1:] > 0).sum(axis=1), minlength=targets.n_items)
        chances = targets.seen[:, 1:].sum()
        return np.log((bought + 0.5) / (chances - bought + 0.5)).astype(np.float32)

    def trend(self) -> np.ndarray:
        """Return how many more users bought an item in a period than on average up to then; log ratio.

        Returns
        -------
        ndarray, shape (T + 1, n_items), float32
            Row t knows the periods up to t only. The last row is the state of the shop at `at`.
        """
        targets = self.targets
        users = np.array(
            [
                np.bincount(targets.item, weights=targets.baskets[:, period] > 0, minlength=targets.n_items)
                for period in range(targets.n_periods)
            ]
        )
        share = users / np.maximum(users.sum(axis=1, keepdims=True), 1)
        so_far = np.cumsum(share, axis=0) / np.arange(1, targets.n_periods + 1)[:, None]
        few = 5 / np.maximum(users.sum(axis=1, keepdims=True), 1)  # five users of an item weigh as much as the past
        return np.log((share + few) / (so_far + few)).astype(np.float32)


def shuffled_batches(sizes: np.ndarray, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut users into batches of users with about equally many pairs, in random order.

    A batch is padded to its largest user, so users of similar size are put together; noise on the sizes makes the
    batches differ between epochs.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_users,)
        Pairs of each user.
    batch : int
        Users per batch.
    rng : Generator

    Returns
    -------
    list of ndarray
        Rows of users. Every user is in one batch; the last batch is filled up with users who are drawn again.
    """
    order = np.argsort(sizes * rng.uniform(0.8, 1.25, len(sizes)), kind="stable")
    missing = -len(order) % batch
    order = np.concatenate([order, rng.choice(order[-batch:], missing)]) if missing else order
    batches = order.reshape(-1, batch)
    return list(batches[rng.permutation(len(batches))])


def _thinned(visible: Baskets, share: float, rng: np.random.Generator, ways: str = "mixed") -> Baskets:
    """Take baskets and lines away from a share of the users; users and items keep their numbering."""
    n_users = visible.n_users
    way = np.where(rng.random(n_users) < share, rng.choice(["late", "baskets", "lines"], n_users, p=WAYS[ways]), "none")
    way = way[visible.user]
    count = visible.counts_by_user()
    latest = (np.maximum(count, 1) ** rng.random(n_users))[visible.user]
    to_come = (np.cumsum(count) - 1)[visible.user] - np.arange(visible.n_baskets)  # later baskets of the user
    kept_share = (rng.random(n_users) ** 2)[visible.user]
    lost = (way == "baskets") & (rng.random(visible.n_baskets) >= kept_share)
    lost |= (way == "late") & (to_come >= latest)
    lines = visible.quantities.copy()
    basket = np.repeat(np.arange(visible.n_baskets), np.diff(lines.indptr))
    lines.data[(way[basket] == "lines") & (rng.random(lines.nnz) >= kept_share[basket])] = 0
    lines.eliminate_zeros()
    return replace(visible, quantities=lines).where(~lost & (np.diff(lines.indptr) > 0))


def train(
    network: Any,
    draw: Callable[[np.random.Generator], Any],
    epochs: int,
    batch: int,
    seed: int,
    first_epoch: int = 0,
    after_epoch: Callable[[int, float], None] | None = None,
    progress: bool = False,
) -> None:
    """Train a compiled network in place.

    Parameters
    ----------
    network : keras.Model
        A compiled network that takes the inputs of a batch and returns logits (B, T, n_items).
    draw : callable
        Takes a generator and returns the examples of an epoch, such as thinned ones, with the ``n_items``, ``sizes``
        and ``batch`` of :class:`Examples`.
    epochs, batch, seed : int
        Every epoch draws from its own generator, so a run that is resumed draws what it would have drawn.
    first_epoch : int
        Epochs already done.
    after_epoch : callable, optional
        Called with the number of epochs done and the epoch's mean cross entropy per cell, in nats.
    progress : bool
        Show a progress bar on stderr in a terminal or in an open notebook, but not in a notebook that is executed for
        a page, which would store every step of the bar.
    """
    from tqdm import tqdm

    hidden = not (progress and _watched())
    for epoch in range(first_epoch, epochs):
        rng = np.random.default_rng([seed, epoch])
        examples = draw(rng)
        batches = shuffled_batches(examples.sizes, batch, rng)
        summed = counted = 0.0
        for users in tqdm(batches, desc=f"epoch {epoch + 1} of {epochs}", disable=hidden, leave=False):
            inputs, bought, weight = examples.batch(users)
            loss = network.train_on_batch(inputs, bought, sample_weight=weight)
            summed += float(loss) * weight.size  # Keras divides by all steps, those of weight 0 included
            counted += weight.sum() * examples.n_items
        if after_epoch:
            after_epoch(epoch + 1, float(summed / counted))


def _watched() -> bool:
    """Whether a progress bar is seen while it moves."""
    if sys.stderr.isatty():
        return True
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    # A kernel that executes a notebook for a page is told that nobody can be asked for input.
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def examples_per_second(model: Any, examples: Any, batches: int = 30, *, seed: int) -> float:
    """Examples per second of wall time in training, once everything is compiled.

    ``benchmarks/train_speed.py`` measures more.

    Parameters
    ----------
    model : NetworkRecommender
        Its settings are used; it is not fitted and not changed.
    examples : Examples
        An example is a user in a period, judged on all items in the next.
    batches : int
        Batches per pass. The first pass compiles every shape; the second one is timed.
    seed : int
        Seed for the choice of batches.
    """
    seed_everything(model.settings.seed)
    network = model.untrained(examples)
    chosen = shuffled_batches(examples.sizes, model.settings.batch, np.random.default_rng(seed))[:batches]
    began = 0.0
    for _ in range(2):
        began = time.perf_counter()
        for users in chosen:
            inputs, bought, weight = examples.batch(users)
            network.train_on_batch(inputs, bought, sample_weight=weight)
    seconds = time.perf_counter() - began
    return float(sum(examples.weights[users].sum() for users in chosen) / seconds)
