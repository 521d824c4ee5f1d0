"""A small search for the settings of a recommender, judged by cross-validation in time order.

Optuna proposes settings: first at random, then where earlier trials did well (a tree-structured Parzen estimator), and
gives a trial up early when its first folds are worse than most others' were. It is an optional part of the package:
``pip install 'bundlebook[tune]'``.

>>> from bundlebook.recommenders import Range, search
>>> space = {"rate": Range(1e-3, 2e-2, log=True), "width": (16, 32, 64)}
>>> table = search(RecurrentRecommender, space, split.folds(3), judge, trials=25, seed=1)      # doctest: +SKIP
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, require
from bundlebook.recommenders.base import Recommender
from bundlebook.shop import Task

#: Trials before the proposals learn from earlier ones.
RANDOM_TRIALS = 8


@dataclass(frozen=True)
class Range:
    """Numbers from *low* to *high*, both included; whole numbers if both ends are.

    Attributes
    ----------
    low, high : float
    log : bool
        Whether equal *ratios* are equally likely, as for a step size.
    """

    low: float
    high: float
    log: bool = False


def search(
    make: Callable[..., Recommender],
    space: Mapping[str, Range | Sequence],
    folds: Sequence[Task],
    judge: Callable[[Any, Task], Mapping[str, float]],
    trials: int,
    first: Mapping[str, Any] | None = None,
    journal: Path | None = None,
    *,
    seed: int,
) -> pd.DataFrame:
    """Look for the settings with the smallest loss, averaged over folds.

    Parameters
    ----------
    make : callable
        ``make(**settings)`` returns a recommender that is not fitted yet.
    space : mapping of str to Range or sequence
        What each setting may be: a range of numbers, or a list of choices.
    folds : sequence of Task
        What :meth:`~bundlebook.shop.splits.Split.folds` returned, in time order.
    judge : callable
        ``judge(fitted, fold)`` returns figures by name. The first is the loss: smaller is better.
    trials : int
        How many settings are tried in all, those kept in *journal* included.
    first : mapping, optional
        Settings of the first trial, the present ones for example: what is found is then never worse on the folds.
    journal : Path, optional
        File that keeps every trial as soon as it ends. The same call with the same file goes on after the last
        trial, and proposes what it would have proposed without the interruption.
    seed : int
        Seed for the proposals. Trial k draws from a generator of its own.

    Returns
    -------
    DataFrame
        One row per trial, by number: the ``state`` (``"complete"`` or ``"pruned"``), the settings, how many ``folds``
        were judged, and the mean over those of each figure. A pruned trial's figures are of its first folds only, so
        they cannot be compared with others; sort the complete trials by their loss.

    Raises
    ------
    BundlebookError
        If Optuna is not installed, an argument makes no sense, a loss is not finite, or *journal* belongs to another
        search.
    """
    require(SEED, seed=seed)
    _check(space, folds, trials, first)
    optuna = _import_optuna()
    study = _open(optuna, None if journal is None else Path(journal), _fingerprint(space, folds, first, seed))
    if first is not None and not _finished(study):
        study.enqueue_trial(dict(first))

    def objective(trial: Any) -> float:
        settings = {name: _propose(trial, name, values) for name, values in space.items()}
        figures: list[Mapping[str, float]] = []
        for step, fold in enumerate(folds):
            fitted = make(**settings).fit(fold.visible, fold.at)
            figures.append(judge(fitted, fold))
            means = {name: float(np.mean([found[name] for found in figures])) for name in figures[0]}
            loss = next(iter(means.values()))
            if not np.isfinite(loss):
                raise BundlebookError(f"the loss is {loss}", where=f"{fold.name} with {settings}")
            trial.set_user_attr("figures", means)
            trial.set_user_attr("folds", step + 1)
            trial.report(loss, step)
            if step + 1 < len(folds) and trial.should_prune():
                raise optuna.TrialPruned
        return loss

    while (done := len(_finished(study))) < trials:
        # A sampler keeps its generator in memory only, so one that was interrupted would begin again with old draws.
        drawn = int(np.random.default_rng([seed, done]).integers(2**31))
        study.sampler = optuna.samplers.TPESampler(seed=drawn, n_startup_trials=RANDOM_TRIALS, constant_liar=False)
        study.optimize(objective, n_trials=1)
    return _table(study, list(space))


def _check(space: Mapping, folds: Sequence, trials: int, first: Mapping | None) -> None:
    problem = ""
    if not space or not folds or trials < 1:
        problem = f"{len(space)} settings, {len(folds)} folds, {trials} trials"
    elif first is not None and set(first) != set(space):
        problem = f"the first trial sets {sorted(first)}, the space has {sorted(space)}"
    for name, values in space.items():
        if isinstance(values, Range):
            if not values.low < values.high or (values.log and values.low <= 0):
                problem = f"{name} cannot lie between {values.low} and {values.high}"
        elif len(values) < 1:
            problem = f"{name} has no choice"
    if problem:
        raise BundlebookError(problem, where="search", remedy="give every setting a range or choices, and at least one")


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise BundlebookError(
            "the search needs Optuna, which is not installed", where="search", remedy="pip install 'bundlebook[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open(optuna: Any, journal: Path | None, fingerprint: str) -> Any:
    """Make the study, or read it from its journal."""
    storage = None
    if journal is not None:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        journal.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            backend = JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal)))
            storage = JournalStorage(backend)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0)
    study = optuna.create_study(storage=storage, study_name="search", pruner=pruner, load_if_exists=True)
    if study.user_attrs.setdefault("search", fingerprint) != fingerprint:
        raise BundlebookError(
            "the journal belongs to another search: the space, folds, first trial or seed differ",
            where=str(journal and journal.name),
            remedy="use another file, or delete this one",
        )
    study.set_user_attr("search", fingerprint)
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):  # of a run that was killed
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _fingerprint(space: Mapping, folds: Sequence[Task], first: Mapping | None, seed: int) -> str:
    content = {
        "space": {name: str(values) for name, values in space.items()},
        "folds": [[str(fold.at), str(fold.until), fold.visible.n_users, fold.visible.n_baskets] for fold in folds],
        "first": {name: str(value) for name, value in (first or {}).items()},
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _propose(trial: Any, name: str, values: Range | Sequence) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, list(values))
    whole = isinstance(values.low, int) and isinstance(values.high, int)
    suggest = trial.suggest_int if whole else trial.suggest_float
    return suggest(name, values.low, values.high, log=values.log)


def _finished(study: Any) -> list:
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _table(study: Any, settings: list[str]) -> pd.DataFrame:
    rows = [
        {
            "state": trial.state.name.lower(),
            **{name: trial.params[name] for name in settings},
            "folds": trial.user_attrs["folds"],
            **trial.user_attrs["figures"],
        }
        for trial in _finished(study)
    ]
    return pd.DataFrame(rows).rename_axis("trial")
