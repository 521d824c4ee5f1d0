"""The benchmark of P for bundles: rows are kept, differences are paired, and what is committed says so."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.bundles import P_MODELS
from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("bundle_probability")


def test_a_difference_is_paired_and_a_learned_model_is_its_mean_over_seeds(benchmark):
    def rows(loss):
        return pd.DataFrame(
            {benchmark.LOSS: loss, benchmark.ANY: [0.0, 1, 1], benchmark.NEW: [0.0, 0, 1], "CPU s": 1.0}
        )

    found = benchmark.summary(
        {benchmark.COUNTING: [rows([1.0, 9, 5])], benchmark.TREES: [rows([0.5, 8.5, 4.5]), rows([1.5, 9.5, 5.5])]}
    )
    assert found[benchmark.TREES]["seeds"] == 2
    assert found[benchmark.TREES]["minus counting"][benchmark.LOSS] == pytest.approx([0, 0, 0])
    assert found[benchmark.TREES][benchmark.ANY] == pytest.approx(2 / 3)


def test_a_small_run_writes_its_rows_and_a_second_one_only_reads(benchmark, monkeypatch, tmp_path):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    few = {benchmark.COUNTING: ("counting", False), benchmark.STACK: ("stacked", False)}
    monkeypatch.setattr(benchmark, "MODELS", few)
    small = ["--shop", "sample", "--level", "category", "--users", "20", "--seeds", "1", "--out", str(tmp_path)]
    first = CliRunner().invoke(benchmark.main, small)
    assert first.exit_code == 0, first.output
    kept = (tmp_path / "bundle_probability.json").read_text(encoding="utf-8")
    assert set(json.loads(kept)["models"]) == set(few)
    monkeypatch.setattr(benchmark, "judged", None)
    assert CliRunner().invoke(benchmark.main, small).exit_code == 0
    assert (tmp_path / "bundle_probability.json").read_text(encoding="utf-8") == kept


def test_every_row_is_a_model_that_bundles_can_be_made_of(benchmark):
    assert {name for name, _ in benchmark.MODELS.values()} == set(P_MODELS)
