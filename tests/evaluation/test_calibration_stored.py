"""The stored figures are read as they were written, and the command that writes them runs and goes on."""

import json

import pytest
from click.testing import CliRunner

from bundlebook import paths
from bundlebook.evaluation import stored_calibration, stored_newcomers
from bundlebook.evaluation.stored import _MEAN, _NETWORK
from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("calibration")


def test_the_tables_say_what_the_file_says():
    content = json.loads((paths.root() / "benchmarks" / "calibration.json").read_text(encoding="utf-8"))["levels"]
    table, kept = stored_calibration("validation"), content["product_type"]
    methods = kept["known"]["validation"]["methods"]
    reference = kept["reference, chosen on validation"]
    assert table.loc[reference, "log loss, %"] == "reference" and set(table.index) == set(methods)
    for name, row in table.drop(reference).iterrows():
        assert row["ECE shown"] == f"{methods[name]['ECE shown'][0]:.3f}"
        change = 100 * (methods[name]["log loss"][0] / methods[reference]["log loss"][0] - 1)
        assert float(row["log loss, %"].split()[0]) == pytest.approx(change, abs=0.1)
    assert table.loc[_MEAN, "seeds"] == table.loc[_NETWORK, "seeds"] == "3"
    new = stored_newcomers("validation")
    assert "4 baskets" in new.index and new["predicted / bought"].str.match(r"\d\.\d\d \[").all()


def test_the_command_without_networks(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        benchmark, "wanted", lambda part, *_: [("popularity", 1), ("decayed frequency + popularity", 1)]
    )
    monkeypatch.setattr(benchmark, "BASELINES", ("popularity", "decayed frequency + popularity"))
    out = tmp_path / "calibration.json"
    command = ["--shop", "sample", "--levels", "product_type", "--windows", "validation", "--out", str(out)]
    waiting = CliRunner().invoke(benchmark.main, [*command, "--minutes", "0"], catch_exceptions=False)
    assert "4 rows left" in waiting.output
    done = CliRunner().invoke(benchmark.main, command, catch_exceptions=False)
    assert "rows left" not in done.output
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert kept["made"]["left out"] == []
    level = kept["levels"]["product_type"]
    methods = level["known"]["validation"]["methods"]
    assert level["reference, chosen on validation"] == min(methods, key=lambda name: methods[name]["log loss"][0])
    rows = level["known"]["validation"]["by history"]["popularity"]["rows"]
    assert rows["all"][1] == sum(row[1] for name, row in rows.items() if name != "all"), "no purchase is lost"
    low, mean, high = (methods["popularity"]["log loss"][n] for n in (1, 0, 2))
    assert low < mean < high
    assert list(level["new"]["validation"]) == ["1 basket", "2 baskets", "4 baskets", "4 single lines"]
