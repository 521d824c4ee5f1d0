"""The benchmark of chapter 15: the attacker's loss by hand, and what is committed is whole."""

import json

import numpy as np
import pytest

from bundlebook.shop import group_baskets, load_shop, time_split
from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("trust")


@pytest.fixture(scope="module")
def task():
    return time_split(group_baskets(load_shop("sample"))).task("validation")


class Constant:
    """A network that always says the same."""

    def probability(self, histories, at):
        assert (histories.day < at).all()  # the attacker asks as the model was asked: from before the period
        return np.full((histories.n_users, histories.n_items), 0.25, dtype=np.float32)


def test_the_loss_of_a_user_is_the_mean_cross_entropy_of_the_last_periods(benchmark, task):
    visible, at = task.visible, task.at
    found = benchmark.losses(Constant(), visible, at)
    since = at - np.timedelta64(28 * benchmark.PERIODS, "D")
    share = np.zeros(visible.n_users)
    for number in range(benchmark.PERIODS):
        low = since + 28 * number
        share += (visible.between(low, low + 28).user_item().toarray() > 0).mean(axis=1) / benchmark.PERIODS
    assert found == pytest.approx(-(share * np.log(0.25) + (1 - share) * np.log(0.75)))


def test_what_is_committed_is_whole(benchmark):
    found = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    assert (
        set(found["membership"]["AUC"]) == set(found["membership"]["single"]) and len(found["membership"]["AUC"]) == 3
    )
    assert set(found["pairs"]) == {f"{epsilon:g}" for epsilon in benchmark.EPSILONS}
    for told in found["explained"].values():
        for way in ("cited", "random"):
            mean, low, high = told[way]
            assert 0 <= low <= mean <= high <= 1
    assert not found["settings"]["small"] and found["settings"]["shop"] == "completejourney"
