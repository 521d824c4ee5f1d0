import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import hide_one
from bundlebook.shop import Baskets


def log(dense) -> Baskets:
    dense = np.asarray(dense, dtype=np.float32)
    n = len(dense)
    day = np.datetime64("2021-01-01") + np.arange(n).astype("timedelta64[D]")
    items = np.array([f"i{k}" for k in range(dense.shape[1])])
    return Baskets(sparse.csr_matrix(dense), np.arange(n) // 2, day, np.array([f"u{k}" for k in range(n)]), items)


@pytest.fixture(scope="module")
def many() -> Baskets:
    rng = np.random.default_rng(0)
    return log(rng.integers(0, 4, (500, 8)) * (rng.random((500, 8)) < 0.4))


def test_one_item_is_hidden_and_the_rest_stays(many):
    task = hide_one(many, seed=3)
    whole = many.where(many.sizes() >= 2)
    assert (task.truth.toarray() + task.carts.quantities.toarray() == whole.incidence.toarray()).all()
    assert (task.truth.sum(axis=1) == 1).all()
    assert (task.candidates == (task.carts.quantities.toarray() == 0)).all()
    assert task.user.tolist() == whole.user.tolist()
    assert (task.carts.day < task.at).all()
    assert task.carts.n_users == task.carts.n_baskets


def test_every_item_of_a_basket_is_hidden_equally_often():
    task = hide_one(log(np.ones((9000, 3))), seed=1)
    hits = task.truth.toarray().sum(axis=0)
    assert ((hits - 3000) ** 2 / 3000).sum() < 14  # chi-squared with 2 degrees of freedom: p = .001


def test_seed_and_sample(many):
    a, b, c = (hide_one(many, seed=seed, most=50) for seed in (1, 1, 2))
    assert (a.truth != b.truth).nnz == 0
    assert (a.truth != c.truth).nnz > 0
    assert a.carts.n_baskets == 50


def test_nothing_to_hide():
    with pytest.raises(BundlebookError, match="no basket has two items"):
        hide_one(log([[1, 0], [0, 1]]), seed=0)
