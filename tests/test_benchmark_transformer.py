"""The benchmark of chapter 11: what is held against what, and that a difference is paired over households."""

import json

import pandas as pd
import pytest

from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("transformer")


def test_a_difference_is_paired(benchmark):
    rows = {
        "a": pd.DataFrame({"NDCG@10": [0.1, 0.9, 0.5], "Recall@10": [0.0, 1.0, 0.5]}),
        "b": pd.DataFrame({"NDCG@10": [0.2, 1.0, 0.6], "Recall@10": [0.0, 1.0, 0.5]}),
    }
    told = benchmark.differences(rows, "b", "a")
    assert told["NDCG@10"] == pytest.approx([0.1, 0.1, 0.1]) and told["Recall@10"] == pytest.approx([0, 0, 0])


def test_what_is_committed_holds_both_windows_and_one_look(benchmark):
    found = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    assert set(found["windows"]) == {"validation", "test"} and len(found["looks"]) == 1
    for which, window in found["windows"].items():
        ablations = set(benchmark.ABLATIONS) if which == "validation" else set()  # nothing is chosen on the test window
        assert set(window["CPU s"]) == {*benchmark.NETWORKS, *ablations}
        for name, others in benchmark.REFERENCES.items():
            for other in set(others) & set(window["methods"]):
                mine, theirs = (window["methods"][one]["NDCG@10"][0] for one in (name, other))
                assert window["differences"][name][other]["NDCG@10"][0] == pytest.approx(mine - theirs)
