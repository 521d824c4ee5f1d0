"""The benchmark of 张三's answer keeps every fit, goes on where it stopped, and adds up as it says."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import sparse

from bundlebook.shop import Baskets
from tests.scripts import benchmark_script

SMALL = ["--shop", "sample", "--epochs", "1", "--batch", "400", "--seeds", "1", "--draws", "2"]


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("zhangsan")


@pytest.fixture(scope="module")
def start(benchmark, tmp_path_factory):
    file = tmp_path_factory.mktemp("answers") / "answers.json"

    def run(*more):
        result = CliRunner().invoke(benchmark.main, [*SMALL, "--out", str(file), *more])
        return result, json.loads(file.read_text(encoding="utf-8"))

    return run


def fit(households, p, place=5, highest=0.3):
    return {"households": households, "P": p, "place": place, "highest P": highest}


def test_it_goes_on_where_it_stopped_and_mixes_nothing(start):
    result, first = start("--most", "1")
    assert result.exit_code == 0, result.output
    assert first["summary"] == {} and "1 of 3 fits" in result.output
    result, second = start("--most", "1")
    assert [(fit["households"], fit["seed"]) for fit in second["fits"]] == [("all", 2021), ("drawn", 2022)]
    assert second["fits"][0] == first["fits"][0]
    assert len({fit["P"] for fit in second["fits"]}) == 2, "every fit has its own luck"
    for fit in second["fits"]:
        assert 0 < fit["P"] <= fit["highest P"] < 1 and fit["place"] >= 1
    result, kept = start("--batch", "300", "--most", "1")
    assert result.exit_code == 1 and "settings of the first fit" in result.output and kept == second
    result, _ = start("--batch", "300", "--most", "0", "--afresh")
    assert result.exit_code == 0 and "0 of 3 fits" in result.output


def test_the_interval_by_hand(benchmark):
    found = benchmark.summary(
        [fit("all", 0.5), fit("all", 0.5), fit("drawn", 1 / (1 + np.e)), fit("drawn", np.e / (1 + np.e), place=9)]
    )
    # log-odds −1 and 1: sd √2; t with one degree of freedom at .975: 12.7062
    assert found["high"] == pytest.approx(1 / (1 + np.exp(-12.7062 * np.sqrt(2))), abs=2e-6)
    assert found["low"] == pytest.approx(1 - found["high"], abs=2e-6)
    assert (found["best place"], found["worst place"], found["sd over seeds"]) == (5, 9, 0)
    assert (found["lowest"], found["highest"]) == (pytest.approx(0.268941), pytest.approx(0.731059))
    assert benchmark.summary([fit("all", 0.5), fit("drawn", 0.5), fit("drawn", 0.4)]) == {}


def test_a_bootstrap_sample_is_of_whole_households(benchmark):
    n = 1000
    held = sparse.identity(n, format="csr", dtype=np.float32)
    day = np.full(n, np.datetime64("2021-01-04"))
    labels = np.array([f"u{k:04d}" for k in range(n)])
    drawn = benchmark.resampled(Baskets(held, np.arange(n), day, labels, labels), seed=1)
    assert drawn.n_users == n == len(set(drawn.user_ids)) and drawn.user_ids.tolist() == sorted(drawn.user_ids)
    assert [label.split()[1] for label in drawn.user_ids] == labels[drawn.quantities.indices].tolist()
    assert len(set(drawn.quantities.indices)) / n == pytest.approx(1 - 1 / np.e, abs=0.03)
    other = benchmark.resampled(Baskets(held, np.arange(n), day, labels, labels), seed=2)
    assert (other.quantities != drawn.quantities).nnz > 0


def test_the_stored_summary_is_that_of_the_stored_fits(benchmark):
    stored = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    assert stored["summary"] == benchmark.summary(stored["fits"])
    assert stored["summary"]["seeds"] >= 5 and stored["summary"]["draws"] >= 12
    assert stored["made"]["asked"].startswith("P('SMOKED/COOKED'")
