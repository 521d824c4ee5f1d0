"""A kept row is read again only if nothing that went into it has changed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import (
    METHODS,
    METRICS,
    MethodInputs,
    Metric,
    Options,
    evaluate,
    judge as judge_module,
    judge_cached,
    make_leaderboard,
    newcomers,
    prepare,
    summary,
)
from bundlebook.evaluation.leaderboard import _plain
from bundlebook.profiles import ProfileMatch
from bundlebook.recommenders import ContentBased, DecayedFrequency, Popularity

SIMPLE = [method for method in METHODS if method.family == "counting"]
OPTIONS = Options(seed=3, seeds=1, requests=0, new_share=0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def judged(monkeypatch):
    """Names of the recommenders that were judged, and not read."""
    calls, judge = [], judge_module._judge_one
    monkeypatch.setattr(judge_module, "_judge_one", lambda *given: calls.append(given[0].name) or judge(*given))
    return calls


def thinned(baskets, end, share=0.1):
    """The same baskets, users and items without some of the purchases before *end*."""
    lines = baskets.quantities.copy()
    rows = np.repeat(np.arange(baskets.n_baskets), np.diff(lines.indptr))
    gone = (np.random.default_rng(0).random(len(rows)) < share) & (baskets.day[rows] < end)
    lines.data[gone] = 0
    lines.eliminate_zeros()
    filled = np.flatnonzero(np.diff(lines.indptr))
    return replace(baskets, quantities=lines).where(filled)


def test_fewer_training_purchases_of_the_same_vocabulary_are_another_row(split, judged):
    less = replace(split, baskets=thinned(split.baskets, split.train_end))
    found = {}
    for name, one in (("all", split), ("less", less)):
        board = make_leaderboard(None, one, SIMPLE[:2], OPTIONS, progress=False)
        found[name] = board.evaluations["window"].per_user("NDCG@10")
        again = evaluate([method.recommender(None, 0) for method in SIMPLE[:2]], one.task("test"), requests=0, seed=3)
        assert found[name].to_numpy() == pytest.approx(again.per_user("NDCG@10").to_numpy())
    assert not found["all"].equals(found["less"])


def test_every_input_names_the_row(split, judged, monkeypatch):
    task = split.task("test")

    def asked(recommender=None, task=task, seed=1, **options):
        judged.clear()
        judge_cached(
            recommender or DecayedFrequency(), {"window": prepare(task, requests=0, seed=0, **options)}, seed=seed
        )
        return bool(judged)

    assert asked() and not asked(), "the second time it is read"
    vocabulary = np.char.add("x", task.visible.items)
    renamed = {name: replace(getattr(task, name), items=vocabulary) for name in ("visible", "histories")}
    first_item = sparse.csr_matrix(np.eye(1, task.truth.shape[1]).repeat(task.truth.shape[0], axis=0))
    changes = {
        "training purchases": {"task": replace(task, visible=thinned(task.visible, task.at))},
        "histories": {"task": replace(task, histories=thinned(task.histories, task.at))},
        "vocabulary": {"task": replace(task, **renamed)},
        "window": {"task": split.task("validation")},
        "target": {"task": split.task("test", "next_basket")},
        "truth": {"task": replace(task, truth=first_item)},
        "day": {"task": replace(task, at=task.at + 1)},
        "seed": {"seed": 2},
        "lengths of list": {"ks": (5,)},
        "probabilities": {"probabilities": False},
        "population": {"population": (task.histories, task.truth)},
        "sample": {"most_users": 30},
        "parameters": {"recommender": DecayedFrequency(prior_baskets=1)},
        "class": {"recommender": Popularity()},
    }
    for what, change in changes.items():
        assert asked(**change), f"another {what}"
        assert not asked(**change), what
    tasks = newcomers(task, (1, 2), seed=0)
    for short, population in tasks.values():
        assert asked(task=short, population=population)
    monkeypatch.setitem(METRICS, "Recall again", replace(METRICS["Recall"], name="Recall again"))
    assert asked(), "another metric"
    monkeypatch.setattr("bundlebook.evaluation.leaderboard.source_digest", lambda module: f"edited {module}")
    assert asked(), "another source"


def test_tables_and_arrays_are_told_apart_by_content():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}, index=["i1", "i2"])
    matrix = sparse.csr_matrix(np.eye(3))
    tables = [
        *(frame, frame.rename(columns={"a": "c"}), frame.rename(index={"i1": "i3"}), frame.assign(b=["x", "y"])),
        *(frame.astype({"a": "float32"}), frame["a"], matrix, matrix[[1, 0, 2]], matrix.toarray(), {"k": 1}, {"k": 2}),
        *({1, 2}, {1, 3}, np.float32(0.5), np.datetime64("2021-01-01"), len, abs, [np.arange(3)], [np.arange(3) + 1]),
    ]
    told = [str(_plain(table)) for table in tables]
    assert len(set(told)) == len(tables)
    assert told[0] == str(_plain(frame.copy())) and told[6] == str(_plain(matrix.copy()))


def test_tables_of_items_and_of_users_name_the_row_of_the_methods_that_use_them():
    vectors = pd.DataFrame({("brand", "a"): [1.0, 0.0, 1.0], ("brand", "b"): [0.0, 1.0, 0.0]}, index=["i1", "i2", "i3"])
    other = vectors.iloc[[1, 0, 2]].set_axis(vectors.index)
    crowd = pd.DataFrame({"age": ["25-34", "35-44"]}, index=["u1", "u2"])
    same = [_plain(made, private=True) for made in (ContentBased(vectors), ProfileMatch(vectors, crowd))]
    copies = ContentBased(vectors.copy()), ProfileMatch(vectors.copy(), crowd.copy())
    assert same == [_plain(made, private=True) for made in copies]
    for made in (ContentBased(other), ContentBased(vectors.rename(index={"i1": "i4"}))):
        assert _plain(made, private=True) != same[0]
    for made in (ProfileMatch(other, crowd), ProfileMatch(vectors, crowd.iloc[::-1].set_axis(crowd.index))):
        assert _plain(made, private=True) != same[1]


def test_what_is_defined_elsewhere_is_judged_each_time(split, judged):
    class Mine(Popularity):
        pass

    task = {"window": prepare(split.task("test"), requests=0, seed=0)}
    for _ in range(2):
        judge_cached(Mine(), task, seed=1)
    assert len(judged) == 2, "a cell could have been edited in between"


def test_a_damaged_row_is_made_again_and_no_method_is_lost(split, cache, judged):
    first = make_leaderboard(None, split, SIMPLE, OPTIONS, progress=False)
    damaged = sorted(cache.rglob("arrays.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    judged.clear()
    with pytest.warns(UserWarning, match="damaged"):
        again = make_leaderboard(None, split, SIMPLE, OPTIONS, progress=False)
    assert len(judged) == 1 and again.failures == {}
    for task, evaluation in first.evaluations.items():
        assert again.evaluations[task].per_user("NDCG@10").equals(evaluation.per_user("NDCG@10"))


def test_a_leaderboard_of_nobody_says_why(split):
    with pytest.raises(BundlebookError, match="no method could be judged"):
        make_leaderboard(None, split, [], OPTIONS, progress=False)

    def nothing_to_make(inputs, seed):
        raise BundlebookError("the catalogue is empty")

    gives_up = replace(SIMPLE[0], make=nothing_to_make)
    with pytest.raises(BundlebookError, match=r"popularity \(the catalogue is empty"):
        make_leaderboard(None, split, [gives_up], OPTIONS, progress=False)


def test_a_registered_metric_is_in_every_table(split, monkeypatch):
    def first_place(ranking, k):
        return ranking.at(1)[:, 0]

    def promised(p, y):
        return np.abs(p - y).ravel()

    monkeypatch.setitem(METRICS, "First", Metric("First", first_place, stored=(10,), compared=True))
    loss = Metric("Absolute", promised, higher_is_better=False, of="probability", stored=(0,))
    monkeypatch.setitem(METRICS, "Absolute", loss)
    recommenders = [method.recommender(MethodInputs(None, split), 0) for method in SIMPLE]
    result = evaluate(recommenders, split.task("test"), requests=0, seed=0)
    for name, one in result.judged.items():
        assert (result.per_user("First@10")[name] == one.rankings["all"].at(1)[:, 0]).all()
    table = result.leaderboard(("First@10", "Absolute"), resamples=100, seed=0)
    assert table.columns.tolist() == ["First@10", "Absolute"]
    by_loss = result.leaderboard(("Absolute",), resamples=100, seed=0)
    assert by_loss.index[0] == result.per_user("Absolute").mean().idxmin(), "less is better"
    board = make_leaderboard(None, split, SIMPLE, OPTIONS, progress=False)
    monkeypatch.setattr("bundlebook.evaluation.stored.outside_vocabulary", lambda shop, split: {})
    window = summary(board, resamples=50)["tasks"]["window"]["tracks"]
    assert set(window["all"]["metrics"]["First@10"]) == set(table.index) and window["all"]["against"]["First@10"]
    assert set(window["everyone"]["metrics"]["Absolute"]) == set(table.index)
