"""The whole leaderboard of one shop at one level: every method, every target and track, new users too.

Settings first, then one look: :class:`HeldOutTest` keeps the record of looks at the test window, and
:func:`judge_cached` keeps the finished rows, named by all that went into them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from bundlebook.cache import cached, source_digest
from bundlebook.errors import BundlebookError
from bundlebook.evaluation.judge import PreparedTask, Result, _judge_later, averaged, prepare
from bundlebook.evaluation.methods import Method, MethodInputs, Size
from bundlebook.evaluation.metrics import METRICS
from bundlebook.evaluation.results import Evaluation
from bundlebook.evaluation.tasks import newcomers
from bundlebook.recommenders import Recommender
from bundlebook.shop import Shop, Split, Task, group_baskets, time_split

#: What is predicted: everything bought in the window, or the first basket in it.
_TARGETS = ("window", "next_basket")
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, about {remaining} left{postfix}"


class HeldOutTest:
    """The test window, handed out only when the settings are final, with a record of every look.

    A figure on the test window is an honest forecast only if nothing was chosen by it. So the settings are settled
    first; their digest goes into the record with every reading. Reading again with the *same* settings repeats a
    figure and does no harm. Changing them after a look would be tuning on the test window, and is refused.

    Parameters
    ----------
    split : Split

    Attributes
    ----------
    readings : list of str
        One line per reading: target and digest of the settings.

    Examples
    --------
    >>> test = HeldOutTest(split)                             # doctest: +SKIP
    >>> test.settle({"half-life": 90})                      # doctest: +SKIP
    >>> task = test.open("window")                            # doctest: +SKIP
    >>> test.settle({"half-life": 60})                      # doctest: +SKIP
    BundlebookError: the test window was read with other settings ...
    """

    def __init__(self, split: Split) -> None:
        self._split, self._settled = split, ""
        self.readings: list[str] = []

    def settle(self, settings: Mapping[str, Any]) -> str:
        """Declare the settings final; returns their digest.

        Raises
        ------
        BundlebookError
            If the window was read with other settings.
        """
        digest = hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:12]
        if self.readings and digest != self._settled:
            raise BundlebookError(
                f"the test window was read with other settings ({self._settled}) and is spent",
                where="HeldOutTest",
                remedy="choose settings on the validation window, or report the figure as a validation figure",
            )
        self._settled = digest
        return digest

    def open(self, target: str = "window") -> Task:
        """Return the test task and put the reading on record."""
        if not self._settled:
            raise BundlebookError(
                "the test window is closed",
                where="HeldOutTest",
                remedy="call settle(settings) when nothing will change",
            )
        task = self._split.task("test", target)
        self.readings.append(f"{target}, settings {self._settled}")
        return task


@dataclass(frozen=True)
class Options:
    """Settings of a leaderboard: seeds, sample, timed requests and new users.

    Attributes
    ----------
    seed : int
        First seed of what is learned; also seed for samples and the bootstrap.
    seeds : int
        Runs of every learned method, with seeds ``seed``, ``seed + 1`` …; new users are judged with one.
    requests : int
        Users whose lists are timed one by one.
    most_users : int
        If there are more users than this, a random sample is judged.
    new_share : float
        Part of the users that is held out as new; 0 leaves that task out.
    network_seeds : int, optional
        Runs of every network, where that should be less than `seeds`.
    new_to_networks : bool
        Whether networks, too, are fitted again without the new users.
    """

    seed: int = 2021
    seeds: int = 3
    requests: int = 50
    most_users: int = 20_000
    new_share: float = 0.2
    network_seeds: int | None = None
    new_to_networks: bool = True


@dataclass(frozen=True)
class Leaderboard:
    """Evaluations by task, with the settings, the looks at the test window and the failures behind them.

    Attributes
    ----------
    inputs : MethodInputs
    options : Options
    methods : tuple of Method
    evaluations : dict of str to Evaluation
        ``"window"``, ``"next_basket"``, and ``"new, n"`` for users known by n baskets.
    settings : dict of str to dict
        Settings of every method.
    readings : list of str
        Looks at the test window.
    failures : dict of str to str
        Methods that failed, with their message.
    """

    inputs: MethodInputs
    options: Options
    methods: tuple[Method, ...]
    evaluations: dict[str, Evaluation]
    settings: dict[str, dict]
    readings: list[str]
    failures: dict[str, str] = field(default_factory=dict)


def split_for(shop: Shop, level: str) -> Split:
    """Group baskets at a level and cut them by time, with the vocabulary of :func:`bundlebook.shop.common_items`."""
    return time_split(group_baskets(shop, level=level))


def outside_vocabulary(shop: Shop, split: Split) -> dict[str, float]:
    """Measure what no recommender can find in the test window, because the vocabulary lacks it.

    Returns
    -------
    dict
        ``items``: share of the items bought in the window; ``pairs``: share of its (user, item) pairs.
    """
    every = group_baskets(shop, level=split.baskets.level).between(split.validation_end, split.test_end)
    inside = split.baskets.between(split.validation_end, split.test_end)
    whole, kept = every.user_item(), inside.user_item()
    n_items = len(np.unique(whole.indices))
    return {
        "items": 1 - len(np.unique(kept.indices)) / n_items if n_items else 0.0,
        "pairs": 1 - kept.nnz / whole.nnz if whole.nnz else 0.0,
    }


def make_leaderboard(
    shop: Shop, split: Split, methods: Sequence[Method], options: Options, progress: bool = True
) -> Leaderboard:
    """Judge every method on the test window of a split, and on new users.

    A method is fitted once and judged on all targets; a second fit, without the users held out, is judged on these.
    Every finished row is kept on disk, so an interrupted leaderboard goes on where it stopped.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    split : Split
        The split of this shop; :func:`split_for` makes one.
    methods : sequence of Method
        What is judged, for example the choice of :func:`~.methods.plan`.
    options : Options
    progress : bool
        Show a progress bar and the time left (on stderr); each fit counts by its estimated length.

    Raises
    ------
    BundlebookError
        If there is no method, or all of them failed; the message holds the reasons.
    """
    inputs, test = MethodInputs(shop, split), HeldOutTest(split)
    settings: dict[str, dict] = {}
    failures: dict[str, str] = {}
    for method in methods:
        try:
            settings[method.name] = settings_of(method.recommender(inputs, options.seed))
        except BundlebookError as error:
            failures[method.name] = error.problem
    test.settle(settings)
    prepared = _tasks(test, options)
    fresh = _fresh_tasks(prepared["window"], options) if options.new_share else {}
    results: dict[str, list[Result]] = {name: [] for name in (*prepared, *fresh)}
    size = Size.of(split)
    share = {method.name: _seconds(method, size, options) for method in methods}
    total = sum(share[method.name] for method, _, _ in _runs(methods, options))
    bar = tqdm(total=total, disable=not progress, desc=split.baskets.level, bar_format=_BAR)
    for method, seed, new in _runs(methods, options):
        bar.set_postfix_str(f"{method.name}, seed {seed}" + (", new users" if new else ""))
        if method.name not in failures:
            try:
                recommender = method.recommender(inputs, seed)
                row = judge_cached(recommender, fresh if new else prepared, seed=seed)
                for name, result in row.items():
                    results[name].append(result)
            except MemoryError:
                failures[method.name] = "ran out of memory"
            except BundlebookError as error:
                failures[method.name] = error.problem
            except Exception as error:  # a method that fails must not stop the others
                failures[method.name] = f"{type(error).__name__}: {error}"
        bar.update(share[method.name])
    bar.close()
    merged = {name: _merged(found, failures) for name, found in results.items()}
    if not merged["window"]:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in failures.items()) or "none was given"
        raise BundlebookError(f"no method could be judged: {reasons}", where="leaderboard")
    evaluations = {name: Evaluation.of(task, merged[name]) for name, task in (prepared | fresh).items() if merged[name]}
    chosen = tuple(method for method in methods if method.name not in failures)
    return Leaderboard(inputs, options, chosen, evaluations, settings, test.readings, failures)


#: Seconds that judging takes for each user and item, roughly: one window, the next basket, probabilities.
_JUDGING = 3e-7
#: Families that are left out where time is short, and the strongest of them, for which time is found first; the others
#: follow from the shortest training on.
_COSTLY, _FIRST = ("trees", "network"), ["GRU + repeat-aware head", "boosted trees"]


def _seconds(method: Method, size: Size, options: Options) -> float:
    """Seconds of one run of a method, roughly: its fit, and judging it."""
    return method.seconds(size) + _JUDGING * min(size.users, options.most_users) * size.items + 2e-6 * size.pairs


def within(
    methods: Sequence[Method], size: Size, options: Options, minutes: float
) -> tuple[tuple[Method, ...], dict[str, str]]:
    """Leave out trees and networks for which the time of a whole leaderboard is too short; simple methods all stay.

    Parameters
    ----------
    methods : sequence of Method
    size : Size
    options : Options
    minutes : float
        For all methods together, by estimate.

    Returns
    -------
    chosen : tuple of Method
        In the order of *methods*.
    left_out : dict of str to str
        Name to reason.
    """
    spent = dict.fromkeys((method.name for method in methods), 0.0)
    for method, _, _ in _runs(methods, options):
        spent[method.name] += _seconds(method, size, options)
    left = 60 * minutes - sum(spent[method.name] for method in methods if method.family not in _COSTLY)
    costly = [method for method in methods if method.family in _COSTLY]
    left_out = {}

    def turn(method: Method) -> tuple[int, float, str]:
        first = _FIRST.index(method.name) if method.name in _FIRST else len(_FIRST)
        return first, spent[method.name], method.name

    for method in sorted(costly, key=turn):
        left -= spent[method.name]
        if left < 0:
            takes = f"{spent[method.name] / 60:.0f} more minutes" if spent[method.name] >= 90 else "another minute"
            left_out[method.name] = f"needs about {takes}, and {minutes:g} are allowed for all methods together"
            left += spent[method.name]
    return tuple(method for method in methods if method.name not in left_out), left_out


def _runs(methods: Sequence[Method], options: Options) -> Iterator[tuple[Method, int, bool]]:
    """Every fit: method, seed, and whether it is the one without the new users."""
    for method in methods:
        network = method.family == "network"
        seeds = (network and options.network_seeds) or options.seeds
        for number in range(seeds if method.learned else 1):
            yield method, options.seed + number, False
        if options.new_share and (options.new_to_networks or not network):
            yield method, options.seed, True


def _merged(found: list[Result], failures: dict[str, str]) -> list[Result]:
    by_name: dict[str, list[Result]] = {}
    for result in found:
        if result.name not in failures:
            by_name.setdefault(result.name, []).append(result)
    return [averaged(runs) for runs in by_name.values()]


def _tasks(test: HeldOutTest, options: Options) -> dict[str, PreparedTask]:
    return {
        target: prepare(
            test.open(target),
            requests=options.requests if target == "window" else 0,
            probabilities=target == "window",
            most_users=options.most_users,
            seed=options.seed,
        )
        for target in _TARGETS
    }


def _fresh_tasks(window: PreparedTask, options: Options) -> dict[str, PreparedTask]:
    tasks = newcomers(window.task, share=options.new_share, seed=options.seed)
    return {
        f"new, {n}": prepare(task, requests=0, population=population, seed=options.seed)
        for n, (task, population) in tasks.items()
    }


def judge_cached(
    recommender: Recommender,
    tasks: Mapping[str, PreparedTask],
    *,
    seed: int,
    kind: str = "board",
    save: Callable[[Any, Path], None] | None = None,
    load: Callable[[Path], Any] | None = None,
) -> Any:
    """Fit and judge one recommender on several tasks, or read the results if the same was judged before.

    The name of a kept row is a digest of the content of the tasks (baskets, truth, days), of everything the
    recommender holds before it is fitted (settings, tables of items and users, parts), of the metrics, the seed and
    the source. A recommender or metric whose class is not of this package is judged each time and never kept: its
    source, for example in a notebook's cell, could change unseen.

    Parameters
    ----------
    recommender : Recommender
        Not fitted.
    tasks : mapping of str to PreparedTask
        They share what was visible.
    seed : int
        The seed that the recommender was made with.
    kind : str
        First part of the artefact's name.
    save, load : callable, optional
        Write the results into an empty folder and read them back; :meth:`Result.save` and :meth:`Result.load` of
        every task if None.

    Returns
    -------
    dict of str to Result
        Or what *load* read.
    """
    modules = _modules(recommender) | {metric.fn.__module__ for metric in METRICS.values()}
    judge = _judge_later(recommender, tasks)
    if not all(module.startswith("bundlebook.") for module in modules):
        return judge()
    inputs = {
        "tasks": {name: prepared.digest for name, prepared in tasks.items()},
        "recommender": _plain(recommender, private=True),
        "seed": seed,
        "metrics": list(METRICS),
        "sources": [source_digest(module) for module in (__name__, *sorted(modules))],
    }

    def save_all(row: dict[str, Result], folder: Path) -> None:
        for name, result in row.items():
            (folder / name).mkdir()
            result.save(folder / name)

    def load_all(folder: Path) -> dict[str, Result]:
        return {name: Result.load(folder / name) for name in tasks}

    return cached(kind, inputs, judge, save or save_all, load or load_all)


def _modules(recommender: Any) -> set[str]:
    """Modules that define a recommender and its parts: an edit of any of them invalidates a kept row."""
    found, waiting = set(), [recommender]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif hasattr(part, "scores"):
            found.add(type(part).__module__)
            waiting.extend(vars(part).values())
    return found


def settings_of(recommender: Any) -> dict[str, Any]:
    """Class and public settings of a recommender that is not fitted, those of its parts included.

    >>> from bundlebook.recommenders import Popularity
    >>> settings_of(Popularity())
    {'class': 'Popularity', 'days': 28, 'name': 'popularity'}
    """
    return _plain(recommender)


def _plain(value: Any, private: bool = False) -> Any:
    """JSON-serialisable content of anything; tables and arrays by their digest."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(part, private) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, private) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(repr(part) for part in value)
    if isinstance(value, np.generic):
        return f"{value.dtype} {value}"
    if hasattr(value, "shape"):
        return f"array of shape {tuple(value.shape)}, digest {_content(value).hexdigest()[:12]}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if is_dataclass(value) and not hasattr(value, "scores"):
        return {part.name: _plain(getattr(value, part.name), private) for part in fields(value)}
    if not hasattr(value, "__dict__"):
        return repr(value)
    found: dict[str, Any] = {"class": type(value).__name__}
    for key, part in sorted(vars(value).items()):
        if not key.endswith("_") and (private or not key.startswith("_")):  # what is fitted ends with one
            found[key] = _plain(part, private)
    return found


def _content(value: Any) -> Any:
    """SHA-256 of a table, array or sparse matrix, labels included."""
    if isinstance(value, pd.DataFrame):
        parts = [value.columns, value.index, *(value.iloc[:, place] for place in range(value.shape[1]))]
    elif isinstance(value, pd.Series):
        parts = [value.index, value.array]
    elif sparse.issparse(value):
        matrix = sparse.csr_matrix(value)
        parts = [matrix.indptr, matrix.indices, matrix.data]
    else:
        parts = [value]
    content = hashlib.sha256()
    for part in parts:
        array = np.asarray(part)
        content.update(f"{array.dtype} {array.shape}\0".encode())
        # The bytes of an array of objects are addresses, which differ from run to run.
        plain = "\0".join(map(repr, array.ravel().tolist())).encode() if array.dtype == object else array.tobytes()
        content.update(plain)
    return content
