"""The search finds what there is to find, keeps what it tried, and goes on where it was stopped."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import Range, search

pytest.importorskip("optuna", reason="the search is an optional part: pip install 'bundlebook[tune]'")

SPACE = {"a": Range(-4.0, 4.0), "b": Range(1, 64, log=True), "c": ("round", "square")}
FIRST = {"a": 3.0, "b": 32, "c": "square"}


class Fitted:
    """A recommender whose quality is a known function of its settings: best at a = 1, b = 8, c = round."""

    def __init__(self, a, b, c):
        self.loss = (a - 1) ** 2 + np.log2(b / 8) ** 2 + (c == "square")

    def fit(self, visible, at):
        return self


def fold(k):
    day = np.datetime64("2021-01-04") + 28 * k
    return SimpleNamespace(name=f"fold {k}", at=day, until=day + 28, visible=SimpleNamespace(n_users=3, n_baskets=k))


FOLDS = [fold(k) for k in range(3)]


def judge(fitted, fold):
    return {"log loss": fitted.loss + fold.visible.n_baskets, "recall": -fitted.loss}


def test_it_finds_better_settings_than_the_first_and_reports_means_over_folds():
    table = search(Fitted, SPACE, FOLDS, judge, 40, first=FIRST, seed=3)
    assert table.columns.tolist() == ["state", "a", "b", "c", "folds", "log loss", "recall"]
    assert table.index.tolist() == list(range(40))
    assert table.loc[0, ["a", "b", "c", "state"]].tolist() == [3.0, 32, "square", "complete"]
    assert table.loc[0, "log loss"] == pytest.approx(4 + 4 + 1 + np.mean([0, 1, 2]))
    top = table.loc[table["log loss"].idxmin()]
    assert top["log loss"] - 1 < 1
    assert top["c"] == "round"
    assert table["b"].dtype.kind == "i"
    assert table["a"].between(-4, 4).all()
    assert table["b"].between(1, 64).all()


def test_the_same_seed_proposes_the_same_and_another_seed_does_not():
    once, again = (search(Fitted, SPACE, FOLDS, judge, 12, seed=5) for _ in range(2))
    assert once.equals(again)
    assert not once["a"].equals(search(Fitted, SPACE, FOLDS, judge, 12, seed=6)["a"])


def test_a_trial_that_begins_worse_than_most_is_given_up():
    table = search(Fitted, SPACE, FOLDS, judge, 25, seed=1)
    pruned = table[table["state"] == "pruned"]
    assert 0 < len(pruned) < 20
    assert (pruned["folds"] < 3).all()
    assert (table.loc[table["state"] == "complete", "folds"] == 3).all()


def test_an_interrupted_search_keeps_its_trials_and_goes_on_as_if_nothing_had_happened(tmp_path):
    whole = search(Fitted, SPACE, FOLDS, judge, 14, first=FIRST, seed=2)
    judged = []

    def interrupted(fitted, fold):
        judged.append(fold)
        if len(judged) == 26:
            raise KeyboardInterrupt
        return judge(fitted, fold)

    journal = tmp_path / "search.journal"
    with pytest.raises(KeyboardInterrupt):
        search(Fitted, SPACE, FOLDS, interrupted, 14, first=FIRST, journal=journal, seed=2)
    calls = len(judged)
    rest = search(Fitted, SPACE, FOLDS, interrupted, 14, first=FIRST, journal=journal, seed=2)
    assert rest.equals(whole)
    assert len(judged) - calls < whole["folds"].sum() - 20  # what was tried before was not tried again
    again = search(Fitted, SPACE, FOLDS, interrupted, 14, first=FIRST, journal=journal, seed=2)
    assert again.equals(whole)


def test_a_trial_that_was_killed_is_tried_again(tmp_path):
    import optuna

    journal = tmp_path / "search.journal"
    search(Fitted, SPACE, FOLDS, judge, 3, journal=journal, seed=2)
    backend = optuna.storages.journal.JournalFileBackend(
        str(journal), lock_obj=optuna.storages.journal.JournalFileOpenLock(str(journal))
    )
    study = optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(backend))
    study.ask().suggest_float("a", -4, 4)  # begun, and never told how it ended
    table = search(Fitted, SPACE, FOLDS, judge, 5, journal=journal, seed=2)
    assert table.equals(search(Fitted, SPACE, FOLDS, judge, 5, seed=2))


def test_the_first_trial_is_kept_when_the_search_is_stopped_in_it(tmp_path):
    def stopped(_fitted, _fold):
        raise KeyboardInterrupt

    journal = tmp_path / "search.journal"
    with pytest.raises(KeyboardInterrupt):
        search(Fitted, SPACE, FOLDS, stopped, 3, first=FIRST, journal=journal, seed=2)
    table = search(Fitted, SPACE, FOLDS, judge, 3, first=FIRST, journal=journal, seed=2)
    assert table.equals(search(Fitted, SPACE, FOLDS, judge, 3, first=FIRST, seed=2))


def test_a_journal_of_another_search_is_refused(tmp_path):
    journal = tmp_path / "search.journal"
    search(Fitted, SPACE, FOLDS, judge, 2, journal=journal, seed=2)
    for other in ({"seed": 3}, {"seed": 2, "folds": FOLDS[:2]}, {"seed": 2, "space": SPACE | {"a": Range(0.0, 1.0)}}):
        arguments = {"space": SPACE, "folds": FOLDS} | other
        with pytest.raises(BundlebookError, match="another search"):
            search(Fitted, judge=judge, trials=2, journal=journal, **arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        {"trials": 0},
        {"folds": []},
        {"space": {}},
        {"first": {"a": 1.0}},
        {"space": SPACE | {"a": Range(4.0, -4.0)}},
        {"space": SPACE | {"b": Range(0, 8, log=True)}},
        {"space": SPACE | {"c": ()}},
    ],
)
def test_arguments_that_make_no_sense_are_refused(wrong):
    arguments = {"space": SPACE, "folds": FOLDS, "trials": 2, "first": None} | wrong
    with pytest.raises(BundlebookError, match=r"settings|first trial|cannot lie|no choice"):
        search(Fitted, judge=judge, seed=1, **arguments)


def test_a_loss_that_is_not_a_number_stops_the_search():
    with pytest.raises(BundlebookError, match="the loss is nan"):
        search(Fitted, SPACE, FOLDS, lambda *_: {"log loss": np.nan}, 2, seed=1)


def test_without_optuna_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BundlebookError, match="bundlebook\\[tune\\]"):
        search(Fitted, SPACE, FOLDS, judge, 2, seed=1)
