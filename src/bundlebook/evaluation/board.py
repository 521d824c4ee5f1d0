"""The whole leaderboard of one shop at one level: every contender, every target and track, new households too.

A contender is fitted once and judged on all targets; a second fit, without the households held out, is judged on
these. Every finished row is kept on disk, so an interrupted board goes on where it stopped.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bundlebook.cache import cached, source_digest
from bundlebook.errors import BundlebookError
from bundlebook.evaluation import judged as storage
from bundlebook.evaluation.arena import Arena, judging, prepare
from bundlebook.evaluation.arrivals import newcomers
from bundlebook.evaluation.contenders import Contender, Ground
from bundlebook.evaluation.judged import Judged, averaged
from bundlebook.evaluation.leaderboard import Evaluation
from bundlebook.evaluation.sealed import Sealed
from bundlebook.shop import Shop, Split, group_baskets, time_split

#: What is predicted: everything bought in the window, or the first basket in it.
TARGETS = ("window", "next_basket")


@dataclass(frozen=True)
class Options:
    """How a board is made.

    Attributes
    ----------
    seed : int
        First seed of what is learned, and seed of samples and of the bootstrap.
    seeds : int
        Runs of every learned contender, with seeds ``seed``, ``seed + 1`` …; new households are judged with one.
    requests : int
        Users whose lists are timed one by one.
    most_users : int
        Of more users than this, a random sample is judged.
    new_share : float
        Part of the households that is held out as new; 0 leaves that task out.
    network_seeds : int, optional
        Runs of every network, where that should be less than `seeds`.
    new_to_networks : bool
        Whether networks, too, are fitted again without the new households.
    """

    seed: int = 2021
    seeds: int = 3
    requests: int = 50
    most_users: int = 20_000
    new_share: float = 0.2
    network_seeds: int | None = None
    new_to_networks: bool = True

    def runs(self, contender: Contender) -> int:
        """How often a contender is fitted for the main tasks."""
        if not contender.learned:
            return 1
        fewer = self.network_seeds if contender.family == "network" else None
        return fewer or self.seeds

    def meets_newcomers(self, contender: Contender) -> bool:
        """Whether a contender is also fitted without the new households."""
        return bool(self.new_share) and (self.new_to_networks or contender.family != "network")


@dataclass(frozen=True)
class Board:
    """Evaluations by task, and what is to be said about how they came about.

    Attributes
    ----------
    ground : Ground
    options : Options
    contenders : tuple of Contender
    evaluations : dict of str to Evaluation
        ``"window"``, ``"next_basket"``, and ``"new, n"`` for households known by n baskets.
    settings : dict of str to dict
        Of every contender.
    readings : list of str
        Looks at the test window.
    failures : dict of str to str
        Contenders that gave up, with their message.
    """

    ground: Ground
    options: Options
    contenders: tuple[Contender, ...]
    evaluations: dict[str, Evaluation]
    settings: dict[str, dict]
    readings: list[str]
    failures: dict[str, str] = field(default_factory=dict)


def split_for(shop: Shop, level: str) -> Split:
    """Baskets of a level, cut by time, with the vocabulary of :func:`bundlebook.shop.common_items`."""
    b = group_baskets(shop, level=level)
    return time_split(b)


def outside(shop: Shop, split: Split) -> dict[str, float]:
    """What of the test window no recommender can find, because the vocabulary lacks it.

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


def make_board(
    shop: Shop, split: Split, contenders: Sequence[Contender], options: Options, progress: bool = True
) -> Board:
    """Judge contenders on the test window of a split.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    split : Split
        Of this shop; :func:`split_for` makes one.
    contenders : sequence of Contender
        For example of :func:`~.contenders.plan`.
    options : Options
    progress : bool
        Show a progress bar (on stderr).
    """
    ground, sealed = Ground(shop, split), Sealed(split)
    settings: dict[str, dict] = {}
    failures: dict[str, str] = {}
    for contender in contenders:
        try:
            settings[contender.name] = settings_of(contender.recommender(ground, options.seed))
        except BundlebookError as error:
            failures[contender.name] = error.problem
    sealed.settle(settings)
    arenas = _arenas(sealed, options)
    fresh = _fresh_arenas(arenas["window"], options) if options.new_share else {}
    results: dict[str, list[Judged]] = {name: [] for name in (*arenas, *fresh)}
    bar = tqdm(total=sum(1 for _ in _runs(contenders, options)), disable=not progress, desc=split.baskets.level)
    for contender, seed, new in _runs(contenders, options):
        bar.set_postfix_str(f"{contender.name}, seed {seed}" + (", new households" if new else ""))
        if contender.name not in failures:
            try:
                row = _row(ground, contender, seed, fresh if new else arenas, options)
                for name, result in row.items():
                    results[name].append(result)
            except MemoryError:
                failures[contender.name] = "ran out of memory"
            except BundlebookError as error:
                failures[contender.name] = error.problem
            except Exception as error:  # one broken method must not cost the rows of all the others
                failures[contender.name] = f"{type(error).__name__}: {error}"
        bar.update()
    bar.close()
    every = arenas | fresh
    evaluations = {
        name: Evaluation.of(every[name], _merged(found, failures)) for name, found in results.items() if found
    }
    chosen = tuple(contender for contender in contenders if contender.name not in failures)
    return Board(ground, options, chosen, evaluations, settings, sealed.readings, failures)


def _runs(contenders: Sequence[Contender], options: Options) -> Iterator[tuple[Contender, int, bool]]:
    for contender in contenders:
        for number in range(options.runs(contender)):
            yield contender, options.seed + number, False
        if options.meets_newcomers(contender):
            yield contender, options.seed, True


def _merged(found: list[Judged], failures: dict[str, str]) -> list[Judged]:
    by_name: dict[str, list[Judged]] = {}
    for result in found:
        if result.name not in failures:
            by_name.setdefault(result.name, []).append(result)
    return [averaged(runs) for runs in by_name.values()]


def _arenas(sealed: Sealed, options: Options) -> dict[str, Arena]:
    return {
        target: prepare(
            sealed.open(target),
            requests=options.requests if target == "window" else 0,
            probabilities=target == "window",
            most_users=options.most_users,
            seed=options.seed,
        )
        for target in TARGETS
    }


def _fresh_arenas(window: Arena, options: Options) -> dict[str, Arena]:
    tasks = newcomers(window.task, share=options.new_share, seed=options.seed)
    return {
        f"new, {n}": prepare(task, requests=0, population=population, seed=options.seed)
        for n, (task, population) in tasks.items()
    }


def _row(
    ground: Ground, contender: Contender, seed: int, arenas: dict[str, Arena], options: Options
) -> dict[str, Judged]:
    """One fit, judged on all tasks that share it: from disk if it was made before."""
    recommender = contender.recommender(ground, seed)
    recommender.name = contender.name
    b = ground.split.baskets
    inputs = {
        "shop": ground.shop.checksum,
        "vocabulary": [b.level, hashlib.sha256("\n".join(b.items).encode()).hexdigest()],
        "window": str(ground.split.validation_end),
        "recommender": repr(settings_of(recommender)),
        "seed": seed,
        "tasks": list(arenas),
        "options": [options.seed, options.requests, options.most_users, options.new_share],
        "sources": [source_digest(module) for module in (newcomers.__module__, *_modules(recommender))],
    }

    def save(row: dict[str, Judged], folder: Path) -> None:
        for name, result in row.items():
            (folder / name).mkdir()
            storage.save(result, folder / name)

    def load(folder: Path) -> dict[str, Judged]:
        return {name: storage.load(folder / name) for name in arenas}

    return cached("board", inputs, judging(recommender, arenas), save, load)


def _modules(recommender: Any) -> list[str]:
    """Modules that define a recommender and its parts: an edit of any of them makes a kept row worthless."""
    found, waiting = set(), [recommender]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif hasattr(part, "scores"):
            found.add(type(part).__module__)
            waiting.extend(vars(part).values())
    return sorted(found)


def settings_of(recommender: Any) -> dict[str, Any]:
    """Class and public settings of a recommender that is not fitted, those of its parts included.

    >>> from bundlebook.recommenders import Popularity
    >>> settings_of(Popularity())
    {'class': 'Popularity', 'days': 28, 'name': 'popularity'}
    """
    found: dict[str, Any] = {"class": type(recommender).__name__}
    for key, value in sorted(vars(recommender).items()):
        if not key.startswith("_") and not key.endswith("_"):
            found[key] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "scores"):
        return settings_of(value)
    if is_dataclass(value):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if hasattr(value, "shape"):
        array = np.asarray(value)
        # The bytes of an array of objects are addresses, which differ from run to run.
        plain = array.astype(str) if array.dtype == object else array
        content = hashlib.sha256(np.ascontiguousarray(plain).tobytes()).hexdigest()[:12]
        return f"array of shape {tuple(value.shape)}, digest {content}"
    return repr(type(value).__name__)
