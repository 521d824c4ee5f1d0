"""The benchmark of the next basket: what is mixed with what, and that its tables say what the rows say."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.evaluation import Result, averaged
from bundlebook.recommenders import NextBasketRecommender, NextBasketSettings
from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("next_basket")


def judged(name: str, recall: list[float], loss: list[float] | None = None) -> Result:
    users = [f"u{n}" for n in range(len(recall))]
    values = {"all": pd.DataFrame({"Recall@10": recall, "NDCG@10": recall}, users)}
    if loss is None:
        return averaged([Result(name, 1.0, 0.0, np.zeros(0), {}, values)])
    values["everyone"] = pd.DataFrame({"Log loss": loss}, users)
    shown = np.tile([0.2, 0.4], (len(recall), 1)), np.tile([False, True], (len(recall), 1))
    return averaged([Result(name, 1.0, 0.0, np.zeros(0), {}, values, {"Brier skill": 0.1}, shown)])


def test_the_best_baseline_is_the_reference_of_each_metric(benchmark):
    rows = {
        "popularity": judged("popularity", [0.1, 0.1, 0.1], [0.05, 0.05, 0.05]),
        "personal frequency": judged("personal frequency", [0.2, 0.2, 0.2], [0.06, 0.06, 0.06]),
        benchmark.NETWORK: judged(benchmark.NETWORK, [0.3, 0.2, 0.22], [0.04, 0.05, 0.03]),
        benchmark.FUSED: judged(benchmark.FUSED, [0.3, 0.3, 0.3]),
    }
    told = benchmark.told(rows)
    assert told["best baseline"] == {
        "Recall@10": "personal frequency",
        "NDCG@10": "personal frequency",
        "Log loss": "popularity",
    }
    middle, low, high = told["relative to the best baseline"]["Recall@10"][benchmark.NETWORK]
    assert middle == pytest.approx(0.2)
    assert low <= middle <= high
    assert told["relative to the best baseline"]["Log loss"][benchmark.NETWORK][0] == pytest.approx(-0.2)
    assert benchmark.FUSED not in told["relative to the best baseline"]["Log loss"]
    assert told["methods"][benchmark.NETWORK]["shown, predicted and bought"] == pytest.approx([0.3, 0.5])


def test_what_is_mixed_holds_the_network_once_a_seed(benchmark):
    ensemble = benchmark.recommender(benchmark.ENSEMBLE, 7, 3)
    assert [member.model.settings.seed for member in ensemble.members] == [7, 8, 9]
    for name in (benchmark.FUSED, benchmark.STACKED):
        mixed = benchmark.recommender(name, 7, 3)
        assert [member.name for member in mixed.members] == [ensemble.name, "user neighbours", "TIFU-KNN, size-scaled"]
    assert mixed.target == benchmark.recommender("TIFU-KNN", 7, 3).target == "next_basket"


def test_trees_of_a_window_are_shared_by_all_rows_that_use_them(benchmark):
    both = benchmark.recommender(benchmark.BOTH, 7, 3, "test")
    trees, network = both.members
    assert (trees.seed, trees.target, network.model.settings.seed) == (7, "next_basket", 7)
    assert trees is benchmark.recommender(benchmark.TREES, 7, 3, "test")
    assert trees is not benchmark.recommender(benchmark.TREES, 7, 3, "validation")
    every = benchmark.recommender(benchmark.ALL, 7, 2, "test").members
    assert [member.seed for member in every[:2]] == [member.model.settings.seed for member in every[2:]] == [7, 8]


def test_rows_that_were_not_asked_for_stay_as_they_were(benchmark):
    kept = {"a": {"x": 1, "y": [2]}, "b": 3}
    assert benchmark.merged(kept, {"a": {"y": [4]}, "c": 5}) == {"a": {"x": 1, "y": [4]}, "b": 3, "c": 5}
    assert kept == {"a": {"x": 1, "y": [2]}, "b": 3}


def test_new_households_and_the_worth_of_features_are_told(benchmark, monkeypatch, tmp_path):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(benchmark, "rows", lambda seeds, seed: [("popularity", 1), (benchmark.TREES, 1)])
    monkeypatch.setattr(benchmark, "RUNG", {"rounds": 5, "cuts": 1, "most_pairs": 2000})
    monkeypatch.setattr(
        benchmark, "trees", lambda seed, window, groups: benchmark.BoostedTrees("next_basket", rounds=5, cuts=1)
    )
    small = ["--shop", "sample", "--levels", "auto", "--seeds", "1", "--windows", "validation", "--out", str(tmp_path)]
    done = CliRunner().invoke(benchmark.main, small)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "next_basket.json").read_text(encoding="utf-8"))["levels"]["product_type"][
        "validation"
    ]
    for row in found["new households"].values():
        assert set(row) == {"1", "2", "4"}
        assert all(low <= ratio <= high for ratio, low, high in (part["predicted / bought"] for part in row.values()))
    assert len(found["worth of the features"]["relative"]["NDCG@10"]) == 5


def test_a_small_run_writes_its_rows_and_a_second_one_only_reads(benchmark, monkeypatch, tmp_path):
    few = [("popularity", 1), ("personal frequency", 1), ("TIFU-KNN", 1), (benchmark.NETWORK, 1), (benchmark.FUSED, 1)]
    monkeypatch.setattr(benchmark, "rows", lambda seeds, seed: few)
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        NextBasketRecommender, "defaults", NextBasketSettings(width=4, repeat=4, steps=3, epochs=1, batch=200)
    )
    small = ["--shop", "sample", "--levels", "auto", "--seeds", "1", "--windows", "validation", "--out", str(tmp_path)]
    first = CliRunner().invoke(benchmark.main, small)
    assert first.exit_code == 0, first.output
    kept = (tmp_path / "next_basket.json").read_text(encoding="utf-8")
    found = json.loads(kept)["levels"]["product_type"]["validation"]
    assert set(found["methods"]) == {name for name, _ in few}
    monkeypatch.setattr(NextBasketRecommender, "fit", None)
    assert CliRunner().invoke(benchmark.main, small).exit_code == 0
    assert (tmp_path / "next_basket.json").read_text(encoding="utf-8") == kept


def test_time_that_is_up_writes_nothing(benchmark, tmp_path):
    late = ["--shop", "sample", "--levels", "auto", "--minutes", "1e-9", "--out", str(tmp_path)]
    result = CliRunner().invoke(benchmark.main, late)
    assert "run it again" in result.output
    assert not list(tmp_path.glob("*.json"))
