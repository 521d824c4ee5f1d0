"""What came out of an evaluation: tables, intervals and comparisons, all from one value per user and metric.

:func:`evaluate` judges several recommenders on one task under one protocol: fit on what was visible, rank the
catalogue, compare with what came.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import calibration, metrics
from bundlebook.evaluation.judge import PreparedTask, Result, _judge_one, averaged, prepare
from bundlebook.evaluation.metrics import _metric_of
from bundlebook.evaluation.statistics import _leaders, bootstrap_interval, paired_differences, resampled_means
from bundlebook.evaluation.tasks import _Track
from bundlebook.recommenders import Recommender
from bundlebook.shop import Task

_MOST_BUYERS, _MOST_LISTS = 20_000, 5_000


@dataclass(frozen=True)
class Evaluation:
    """Results of several recommenders on one task, and the tables made of them.

    Attributes
    ----------
    task : Task
    tracks : dict of str to _Track
    ks : tuple of int
    outcome : csr_matrix, shape (n_people, n_items)
        What everyone bought in the window: the task's users first, then those who stayed away.
    judged : dict of str to Result
        Results by name, in the order in which the recommenders were passed.
    """

    task: Task
    tracks: dict[str, _Track]
    ks: tuple[int, ...]
    outcome: sparse.csr_matrix
    judged: dict[str, Result]

    @classmethod
    def of(cls, prepared: PreparedTask, results: Iterable[Result]) -> "Evaluation":
        """Gather all results of one task."""
        judged = {result.name: result for result in results}
        return cls(prepared.task, prepared.tracks, prepared.ks, prepared.outcome, judged)

    @property
    def names(self) -> list[str]:
        return list(self.judged)

    def per_user(self, metric: str, track: str = "all") -> pd.DataFrame:
        """One metric of every method on the same users, shape (n_users, n_methods).

        The losses of a probability, ``"Log loss"`` and ``"Brier"``, are those of everyone, and only methods that
        estimate one have a column. A user of whom a metric says nothing (AUC, if everything was bought) has no row.
        """
        if track not in self.tracks:
            raise BundlebookError(f"no track {track!r}", remedy=f"use one of {list(self.tracks)}")
        place = "everyone" if _metric_of(metric).of == "probability" else track
        found = {name: judged.values.get(place, pd.DataFrame()) for name, judged in self.judged.items()}
        columns = {name: values[metric] for name, values in found.items() if metric in values}
        if not columns:
            known = next(iter(self.judged.values())).values[track].columns
            raise BundlebookError(f"no metric {metric!r} on track {track!r}", remedy=f"use one of {list(known)}")
        return pd.DataFrame(columns).dropna()

    def intervals(self, metric: str, track: str = "all", resamples: int = 2000, *, seed: int) -> pd.DataFrame:
        """Mean, low and high of every method: 95 % bootstrap over users."""
        return bootstrap_interval(self.per_user(metric, track), resamples, seed=seed)

    def differences(
        self, metric: str, reference: str, track: str = "all", resamples: int = 2000, *, seed: int
    ) -> pd.DataFrame:
        """Paired differences to one method, Holm-corrected; see :func:`~.statistics.paired_differences`."""
        return paired_differences(self.per_user(metric, track), reference, resamples, seed=seed)

    def leaders(self, metric: str, track: str = "all", resamples: int = 2000, *, seed: int) -> list[str]:
        """Methods that do not differ significantly from the best, which stands first: paired bootstrap and Holm."""
        values = self.per_user(metric, track) * (1 if _metric_of(metric).higher_is_better else -1)
        draws = pd.DataFrame(resampled_means(values.to_numpy(), resamples, seed=seed), columns=values.columns)
        return _leaders(draws, values.mean())

    def leaderboard(
        self,
        shown: Sequence[str] = ("Recall@10", "NDCG@10", "Precision@10"),
        track: str = "all",
        resamples: int = 2000,
        digits: int = 3,
        *,
        seed: int,
    ) -> pd.DataFrame:
        """Means with 95 % intervals as text; an asterisk marks a significant winner.

        Parameters
        ----------
        shown : sequence of str
            Metrics, one column each; rows are sorted by the first.
        track : {"all", "repeat", "explore"}
        resamples, digits, seed : int

        Returns
        -------
        DataFrame
            One row per method. The asterisk says that all others are significantly behind (Holm, 5 %); a column
            without one has no winner, and its best mean can be chance.
        """
        found = {
            metric: (
                self.intervals(metric, track, resamples, seed=seed),
                self.leaders(metric, track, resamples, seed=seed),
            )
            for metric in shown
        }
        return _as_text(found, digits)

    def list_table(self, k: int = 10, track: str = "all") -> pd.DataFrame:
        """Describe the lists of length k: see :mod:`bundlebook.evaluation.metrics`.

        ``bought before`` is the share of shown items that the user already knows, ``ties`` the share of users whose
        last place was decided by the tie rule: where it is high, a method's figures are partly those of a random order.
        Diversity compares items by the users who bought them, at most 20,000 of them, in at most 5,000 lists.
        """
        visible, n_items, every = self.task.visible, self.task.truth.shape[1], self.tracks[track]
        popularity, users = metrics._item_popularity(visible), visible.user_item()
        users.data[:] = 1
        diversity = metrics._Diversity(users[:: max(1, users.shape[0] // _MOST_BUYERS)].T.tocsr())
        best_sellers = np.tile(np.argsort(-popularity, kind="stable")[:k], (len(every.rows), 1))
        rows = {}
        for name, judged in self.judged.items():
            ranking = judged.rankings[track]
            items = ranking.items[:, :k]
            user, place = np.nonzero(items >= 0)
            some = items[:: max(1, len(items) // _MOST_LISTS)]
            rows[name] = {
                "coverage": metrics.coverage(items, n_items),
                "distinct lists": metrics._distinct_lists(items),
                "Gini": metrics.gini(items, n_items),
                "novelty, bits": metrics.novelty(items, popularity),
                "popularity bias": metrics.popularity_bias(items, popularity),
                "diversity": float(diversity(some).mean()) if k > 1 and (some >= 0).all() else np.nan,
                "serendipity": float(metrics._serendipity(items, ranking.hits[:, :k], best_sellers).mean()),
                "bought before": float((every.before[user, items[user, place]] > 0).mean()),
                "ties": float(ranking.tied[:, items.shape[1] - 1].mean()),
            }
        return pd.DataFrame(rows).T.astype({"distinct lists": int}).rename_axis("method")

    def shown(self, name: str, k: int = 20) -> tuple[np.ndarray, np.ndarray]:
        """Probability and outcome of the k likeliest items of everyone, two arrays of shape (n_people, k).

        A shop with fewer than k items shows all of them.
        """
        k = min(k, self.task.truth.shape[1])
        kept = self.judged[name].shown if name in self.judged else None
        if kept is None:
            raise BundlebookError(f"{name!r} estimates no probability", remedy="wrap it in recommenders.Calibrated")
        if not 1 <= k <= kept[0].shape[1]:
            raise BundlebookError(f"k = {k}, but {kept[0].shape[1]} items are kept", where="shown")
        return kept[0][:, :k], kept[1][:, :k]

    def probability_table(self, k: int = 20, bins: int = 10) -> pd.DataFrame:
        """Judge the probabilities of everyone: over all pairs, and over the k items that would be shown.

        Columns: ``log loss`` (nats), ``Brier skill``, ``AUC`` and ``accuracy`` (P ≥ ½ counted as "will buy") over all
        pairs; ``shown P`` and ``shown bought`` (mean probability and share bought of the top k) and ``ECE shown``.
        """
        rows = {}
        for name, judged in self.judged.items():
            if judged.pairs is None or judged.shown is None:
                continue
            p, y = self.shown(name, min(k, judged.shown[0].shape[1]))
            rows[name] = judged.pairs | {
                "shown P": float(p.mean()),
                "shown bought": float(y.mean()),
                "ECE shown": calibration.ece(p, y, bins),
            }
        if not rows:
            raise BundlebookError("no method estimates a probability", remedy="wrap one in recommenders.Calibrated")
        return pd.DataFrame(rows).T.sort_values("log loss", kind="stable").rename_axis("method")

    def speed_table(self) -> pd.DataFrame:
        """Processor seconds and megabytes of fitting; milliseconds of one request: median and 99th percentile."""
        rows = {
            name: {
                "fit, CPU s": judged.fit_seconds,
                "fit, MB": judged.fit_mb,
                "p50, ms": np.percentile(judged.latency_ms, 50) if len(judged.latency_ms) else np.nan,
                "p99, ms": np.percentile(judged.latency_ms, 99) if len(judged.latency_ms) else np.nan,
            }
            for name, judged in self.judged.items()
        }
        return pd.DataFrame(rows).T.rename_axis("method")


def _as_text(found: dict[str, tuple[pd.DataFrame, list[str]]], digits: int) -> pd.DataFrame:
    """Means with intervals as text, best of the first metric on top; an asterisk marks a significant winner.

    Parameters
    ----------
    found : dict of str to (DataFrame, list of str)
        For each metric ``mean``, ``low`` and ``high`` of every method, and the methods level with the best.
    digits : int
    """
    columns = {
        metric: {
            name: f"{row['mean']:.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"
            + (" *" if best == [name] else "")
            for name, row in table.iterrows()
        }
        for metric, (table, best) in found.items()
    }
    first = next(iter(found))
    means, ascending = found[first][0]["mean"], not _metric_of(first).higher_is_better
    order = means.sort_values(ascending=ascending, kind="stable").index
    return pd.DataFrame(columns).loc[order].rename_axis("method")


def evaluate(recommenders: Sequence[Recommender], task: Task, *, seed: int, **settings: Any) -> Evaluation:
    """Judge several recommenders, each fitted on ``task.visible``, on ``task.truth``.

    Parameters
    ----------
    recommenders : sequence of Recommender
        With distinct names.
    task : Task
    seed : int
        Seed for the sample and the choice of timed users.
    **settings
        Arguments of :func:`~.judge.prepare`: ``ks``, ``requests``, ``probabilities``, ``most_users``, ``population``.

    Returns
    -------
    Evaluation

    Raises
    ------
    BundlebookError
        If two names are equal, or scores cannot be ranked (wrong shape, NaN, ties only), naming the recommender.
    """
    names = [recommender.name for recommender in recommenders]
    if len(set(names)) < len(names) or not names:
        raise BundlebookError(f"names are not distinct: {names}", where="evaluate", remedy="pass name=...")
    prepared = prepare(task, seed=seed, **settings)
    results = (averaged([_judge_one(recommender, {"task": prepared})["task"]]) for recommender in recommenders)
    return Evaluation.of(prepared, results)
