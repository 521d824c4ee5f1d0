"""The comparison of settings adds up as it says, keeps its fits, and leaves the other parts of its file alone."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bundlebook.shop import clean, group_baskets, load_shop, time_split
from tests.scripts import benchmark_script


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    module = benchmark_script("network_search")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "found.json")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    return module


def judged(seed, better):
    """Fifty households' figures of a fit: noise of the seed, and a gain of its settings."""
    noise = np.random.default_rng(seed).normal(size=50)
    found = {"processor seconds": np.array([9.0])}
    for known in ("all", "1", "4"):
        found[f"{known} log loss"] = 0.07 - better + 1e-3 * noise
        found[f"{known} Recall@10"] = 0.2 + better + 0 * noise
        found[f"{known} predicted"], found[f"{known} bought"] = np.full(50, 3.0), np.full(50, 2.0)
    return found


def test_differences_are_against_the_reference_with_the_noise_of_the_seeds(benchmark, monkeypatch):
    split = SimpleNamespace(task=lambda _: SimpleNamespace(at=np.datetime64("2021-01-04")))
    monkeypatch.setattr(benchmark, "real_split", lambda: split)
    monkeypatch.setattr(
        benchmark,
        "kept_fit",
        lambda model, *_: judged(model.settings.seed, 0.01 if model.settings.width == 16 else 0.0),
    )
    result = benchmark.compare({"shipped": {}, "small": {"width": 16}}, "shipped", 3, fresh=False)
    assert result["seeds"] == [2021, 2022, 2023]
    rows, difference = result["rows"], result["differences"]["all log loss"]["small"]
    means = [judged(seed, 0.0)["all log loss"].mean() for seed in result["seeds"]]
    assert rows["shipped"]["all log loss"]["mean"] == pytest.approx(np.mean(means))
    assert rows["shipped"]["all log loss"]["sd"] == pytest.approx(np.std(means, ddof=1))
    assert rows["small"]["4 predicted over bought"]["mean"] == 1.5
    assert difference["difference"] == pytest.approx(-0.01)
    assert difference["low"] <= -0.01 + 1e-9
    assert difference["standard error over seeds"] == pytest.approx(np.std(means, ddof=1) * np.sqrt(2 / 3))
    assert list(result["differences"]["1 Recall@10"]) == ["small"]


def test_a_fit_is_kept_with_its_figures_by_household(benchmark, monkeypatch):
    task = time_split(group_baskets(clean(load_shop("sample"))[0])).task("validation")
    model, fits = benchmark.RecurrentRecommender(width=4, repeat=4, epochs=1, batch=64, seed=1), []
    fit = model.fit
    monkeypatch.setattr(model, "fit", lambda *given: fits.append(given) or fit(*given))
    once, again = (benchmark.kept_fit(model, task, fresh=False) for _ in range(2))
    assert len(fits) == 1
    assert sorted(once) == sorted(again)
    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert once["all Recall@10"].shape == (task.truth.shape[0],)
    assert once["all log loss"].shape == once["1 predicted"].shape
    assert len(once["all log loss"]) >= task.truth.shape[0]
    assert once["all bought"].sum() == once["1 bought"].sum() == task.truth.sum()
    assert not np.array_equal(once["1 predicted"], once["all predicted"])


def test_each_rung_changes_one_part_and_is_kept_apart_from_the_full_network(benchmark, monkeypatch):
    task = time_split(group_baskets(clean(load_shop("sample"))[0])).task("validation")
    small = {"width": 4, "epochs": 1, "seed": 1}
    kept, examples = {}, benchmark.RecurrentRecommender(**small).examples(task.visible, task.at)
    for name, changed in benchmark.RUNGS.items():
        network = benchmark.Rung(**changed, **small).untrained(examples)
        parts = [layer.name for layer in network.layers]
        trend = getattr(network.get_layer("product"), "trend", None)
        squeeze = network.get_layer("h").cell.activation.__name__
        trending = trend is not None and bool(np.any(trend.numpy()))
        kept[name] = [type(network.get_layer("product")).__name__, squeeze, network.name, "repeat" in parts, trending]
    steps = [sum(one != other for one, other in zip(kept[a], kept[b], strict=True)) for a, b in pairwise(kept)]
    assert kept["as printed"][:2] == ["AdditiveLogits", "sigmoid"] and steps == [
        2,
        1,
        1,
        1,
        1,
    ]  # a sum has another name
    assert kept["trend"][1:] == ["tanh", "gru", True, True]
    monkeypatch.setattr(benchmark.Rung, "fit", lambda model, *_: model)
    monkeypatch.setattr(benchmark, "by_household", lambda *_: judged(1, 0.0))
    for changed in benchmark.RUNGS.values():
        benchmark.kept_fit(benchmark.Rung(**changed, **small), task, fresh=False, few=())
    assert len(list(benchmark.KEPT.iterdir())) == len(benchmark.RUNGS)


def test_a_part_is_written_beside_the_others_in_six_digits(benchmark):
    benchmark.RESULTS.write_text(json.dumps({"search": {"trials": []}}), encoding="utf-8")
    benchmark.write("ways", {"rows": [{"loss": 0.0712345678}]})
    found = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    assert sorted(found) == ["search", "ways"]
    assert found["ways"]["rows"] == [{"loss": 0.0712346}]


def test_the_best_are_complete_trials_listed_once(benchmark):
    settings = {name: [1, 1, 2, 3] for name in benchmark.SPACE}
    state = ["complete", "complete", "complete", "pruned"]
    trials = pd.DataFrame({"state": state, **settings, "folds": [3, 3, 3, 1], "log loss": [0.3, 0.3, 0.2, 0.1]})
    assert benchmark.best(trials, 4).index.tolist() == [2, 0]
    assert benchmark.best(trials, 1).index.tolist() == [2]
