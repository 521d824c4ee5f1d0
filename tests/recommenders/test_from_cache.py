"""The evaluation trains a network once and meets the same one afterwards."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.evaluation import evaluate
from bundlebook.recommenders import FromCache, RecurrentRecommender
from bundlebook.shop import Baskets, time_split


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(1)
    users, days = np.repeat(np.arange(24), 20), np.tile(np.datetime64("2021-01-04") + 7 * np.arange(20), 24)
    rows = (rng.random((len(users), 8)) < np.tile(rng.random((24, 8)), (1, 20)).reshape(len(users), 8)).astype(
        np.float32
    )
    rows[:, 0] = 1
    days = days + (users % 7)
    user_ids = np.array([f"u{u:02d}" for u in range(24)])
    b = Baskets(sparse.csr_matrix(rows), users, days, user_ids, np.array([f"i{i}" for i in range(8)]))
    return time_split(b, min_users=2).task("validation")


def model():
    return RecurrentRecommender(width=4, repeat=2, epochs=1, seed=3)


def test_second_fit_is_read_and_remembers_what_the_first_cost(task, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))
    first = evaluate([FromCache(model())], task, ks=(3,), requests=2, seed=0)

    def refuse(*args, **kwargs):
        raise AssertionError("trained twice")

    monkeypatch.setattr(RecurrentRecommender, "fit", refuse)
    second = evaluate([FromCache(model())], task, ks=(3,), requests=2, seed=0)
    assert second.names == [model().name]
    for board in (first, second):
        assert board.speed_table()["fit, CPU s"].iloc[0] > 0
    cost = [board.speed_table()["fit, CPU s"].iloc[0] for board in (first, second)]
    assert cost[0] == cost[1]
    p, q = (board.judged[model().name].probability for board in (first, second))
    assert np.allclose(p, q, atol=1e-6)
    with pytest.raises(AssertionError, match="trained twice"):
        FromCache(RecurrentRecommender(width=4, repeat=2, epochs=1, seed=4)).fit(task.visible, task.at)


def test_a_name_of_its_own():
    assert FromCache(model(), name="network").name == "network"
