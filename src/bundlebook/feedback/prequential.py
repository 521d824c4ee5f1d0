"""Judge models as a shop lives with them: predict the next days, then learn what came, then predict again.

Three regimes (更新方式) of the same model are run side by side on the same users, because "retrained every week"
changes two things at once:

=================  ==================================  ====================
regime             what it reads of a user             what it was fitted on
=================  ==================================  ====================
``frozen``         the history of the first day        the first day
``fresh history``  everything up to the day            the first day
``refit``          everything up to the day            everything up to the day
=================  ==================================  ====================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import ndcg, rank, resampled_means, tracks
from bundlebook.recommenders import Recommender
from bundlebook.shop import Baskets, Task

REGIMES = ("frozen", "fresh history", "refit")
#: Tracks as :func:`bundlebook.evaluation.tracks` names them: all items, and items that are new to the user.
TRACKS = ("all", "explore")


@dataclass(frozen=True)
class Prequential:
    """What was measured, user by user and update by update.

    Attributes
    ----------
    values : dict of str to DataFrame
        Per track, one row per user of an update (index ``at``, ``user``) and one column per ``model`` and ``regime``.
        The users of an update are the same in all columns.
    metric : str
        What the numbers are, for example ``"NDCG@10"``.
    """

    values: dict[str, pd.DataFrame]
    metric: str

    def by_update(self, track: str = "all") -> pd.DataFrame:
        """Mean over the users of each update; the first row is the day on which all regimes are still the same."""
        return self.values[track].groupby(level="at").mean()

    def table(self, track: str = "all", *, resamples: int = 2000, seed: int) -> pd.DataFrame:
        """Mean over all users and updates but the first, with 95 % intervals by bootstrap over users.

        Returns
        -------
        DataFrame
            One row per model and regime: ``mean``, ``low``, ``high``, and its relative change against the frozen
            model: ``change``, ``change low``, ``change high``.

        Notes
        -----
        A user stands in several updates, so whole users are drawn, each with all of his or her updates. A change is the
        ratio of two means from the same draw.
        """
        columns = self.values[track].columns
        drawn, means = self._drawn(track, resamples, seed)
        rows = {}
        for place, (model, regime) in enumerate(columns):
            base = columns.get_loc((model, REGIMES[0]))
            change = drawn[:, place] / drawn[:, base] - 1
            low, high = np.quantile(drawn[:, place], [0.025, 0.975])
            rows[model, regime] = [means[place], low, high, means[place] / means[base] - 1]
            rows[model, regime] += list(np.quantile(change, [0.025, 0.975]))
        heads = ["mean", "low", "high", "change", "change low", "change high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=heads).set_axis(columns)

    def change(
        self, model: str, regime: str, over: str, track: str = "all", *, latest: int | None = None, seed: int
    ) -> tuple[float, float, float]:
        """Relative change of one regime over another of the same model, with its 95 % interval.

        Parameters
        ----------
        model, regime, over : str
        track : str
        latest : int, optional
            Only the last updates, this many.
        seed : int
        """
        columns = self.values[track].columns
        drawn, means = self._drawn(track, 2000, seed, latest)
        a, b = (columns.get_loc((model, name)) for name in (regime, over))
        low, high = np.quantile(drawn[:, a] / drawn[:, b] - 1, [0.025, 0.975])
        return float(means[a] / means[b] - 1), float(low), float(high)

    def _drawn(self, track: str, resamples: int, seed: int, latest: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Means of every column over resampled users, shape (resamples, n_columns), and without resampling."""
        table = self.values[track]
        days = np.unique(table.index.get_level_values("at"))
        table = table.loc[table.index.get_level_values("at") >= days[1 if latest is None else -latest]]
        sums = table.groupby(level="user").sum().to_numpy()
        counts = table.groupby(level="user").size().to_numpy(np.float64)
        drawn = resampled_means(np.column_stack([sums, counts]), resamples, seed=seed)
        return drawn[:, :-1] / drawn[:, -1:], sums.sum(axis=0) / counts.sum()


def update_days(start, updates: int, step: int = 7) -> np.ndarray:
    """Return the first day and the days of the updates after it, shape (updates + 1,), datetime64[D].

    >>> update_days("2017-07-03", 2).astype(str).tolist()
    ['2017-07-03', '2017-07-10', '2017-07-17']
    """
    if updates < 1 or step < 1:
        raise BundlebookError(f"{updates} updates every {step} days", where="update_days", remedy="use 1 or more")
    return np.datetime64(start, "D") + step * np.arange(updates + 1)


def prequential_tasks(baskets: Baskets, days: np.ndarray, min_history: int = 3, delay: int = 0) -> list[Task]:
    """Return the task of each day: what its users buy until the next one.

    Parameters
    ----------
    baskets : Baskets
        Over items that were chosen before the first day, and nothing later than may be looked at.
    days : ndarray of datetime64[D]
        At equal distance, from :func:`update_days`.
    min_history : int
        Users with fewer baskets before the *first* day are not judged: a user whom the frozen model never met would
        make every other regime look better than it is.
    delay : int
        Days that purchases need until they can be learned from.

    Raises
    ------
    BundlebookError
        If nothing can be learned before the first day, or a week has nobody to judge.
    """
    step = np.diff(days)[0]
    known = baskets.between(end=days[0] - delay).counts_by_user() >= min_history
    if not known.any():
        raise BundlebookError(
            f"no user has {min_history} baskets before {days[0] - delay}",
            where="prequential evaluation",
            remedy="begin later or lower min_history",
        )
    found = []
    for at in days:
        came = baskets.between(at, at + step)
        judged = np.flatnonzero(known & (came.counts_by_user() > 0))
        if not len(judged):
            raise BundlebookError(
                f"nobody to judge comes from {at} to {at + step}",
                where=f"{baskets.n_baskets} baskets from {baskets.day.min()} to {baskets.day.max()}",
                remedy="use fewer updates, or begin earlier",
            )
        past = baskets.between(end=at - delay)
        truth = came.of_users(judged).user_item()
        truth.data[:] = 1
        visible = past.of_users(np.flatnonzero(past.counts_by_user()))
        found.append(Task(f"week {at}", at, at + step, visible, past.of_users(judged), truth))
    return found


def run_prequential(
    baskets: Baskets,
    makers: Mapping[str, Callable[[], Recommender]],
    days: np.ndarray,
    *,
    k: int = 10,
    min_history: int = 3,
    delay: int = 0,
    progress: bool = False,
) -> Prequential:
    """Run every model in three regimes: predict, judge, update, and so on (前序评估).

    Parameters
    ----------
    baskets : Baskets
        Over items that were chosen before the first day.
    makers : mapping of str to callable
        Per model, what makes an unfitted one.
    days : ndarray of datetime64[D]
        From :func:`update_days`. On the first one all regimes are equal.
    k : int
        Length of the lists.
    min_history, delay : int
        See :func:`prequential_tasks`.
    progress : bool
        Show a bar in a terminal.

    References
    ----------
    J. Vinagre, A. Jorge, J. Gama: Evaluation of recommender systems in streaming environments. arXiv 1504.08175.
    """
    from tqdm import tqdm

    tasks = prequential_tasks(baskets, days, min_history, delay)
    frozen = {name: make().fit(tasks[0].visible, tasks[0].at) for name, make in makers.items()}
    parts: dict[str, list[pd.DataFrame]] = {track: [] for track in TRACKS}
    for task in tqdm(tasks, disable=None if progress else True, leave=False):
        old = replace(task, histories=baskets.between(end=days[0] - delay).of_users(_places(task, baskets)))
        scores = {}
        for name, make in makers.items():
            scores[name, "frozen"] = frozen[name].scores(old.histories, days[0])
            scores[name, "fresh history"] = frozen[name].scores(task.histories, task.at)
            scores[name, "refit"] = make().fit(task.visible, task.at).scores(task.histories, task.at)
        for track, table in judge_scores(task, scores, k).items():
            parts[track].append(table)
    values = {track: pd.concat(tables) for track, tables in parts.items() if tables}
    return Prequential(values, f"NDCG@{k}")


def judge_scores(task: Task, scores: Mapping[tuple[str, str], np.ndarray], k: int = 10) -> dict[str, pd.DataFrame]:
    """NDCG@k of every user of one task, per track, for scores by model and regime.

    Returns
    -------
    dict of str to DataFrame
        Index ``at``, ``user``; columns ``model``, ``regime``. A track without a user to judge is left out.
    """
    found = {}
    for name, track in tracks(task).items():
        if name not in TRACKS or not len(track.rows):
            continue
        columns = {
            key: ndcg(rank(values[track.rows], track.truth, k, track.candidates()), k) for key, values in scores.items()
        }
        users = task.histories.user_ids[track.rows]
        index = pd.MultiIndex.from_arrays([np.repeat(task.at, len(users)), users], names=["at", "user"])
        found[name] = pd.DataFrame(np.column_stack(list(columns.values())), index=index)
        found[name].columns = pd.MultiIndex.from_tuples(list(columns), names=["model", "regime"])
    return found


def _places(task: Task, baskets: Baskets) -> np.ndarray:
    """Row of each judged user among all users."""
    return pd.Index(baskets.user_ids).get_indexer(task.histories.user_ids)
