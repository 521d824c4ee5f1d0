"""Counts that a night changes equal those of one count over everything, bit for bit."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.feedback import Counts
from bundlebook.recommenders import EASE, DecayedFrequency, ItemCosine
from bundlebook.shop import Baskets


def some(rng, users=30, items=12, baskets=150):
    user = np.sort(rng.integers(users, size=baskets))
    day = np.datetime64("2021-03-01") + rng.integers(60, size=baskets)
    order = np.lexsort((day, user))
    bought = sparse.csr_matrix((rng.random((baskets, items)) < 0.15).astype(np.float32))
    labels = np.array([f"i{n:02d}" for n in range(items)])
    return Baskets(bought, user[order], day[order], np.array([f"u{n:02d}" for n in range(users)]), labels)


@pytest.mark.parametrize("seed", range(5))
def test_a_night_and_its_undoing_are_exact(seed):
    baskets = some(np.random.default_rng(seed))
    last = np.datetime64("2021-04-20")
    counts = Counts.of(baskets.between(end=last))
    touched = np.unique(baskets.user[baskets.day >= last])
    mine = baskets.where(np.isin(baskets.user, touched))
    after = counts.changed(mine.between(end=last), mine)
    assert after.digest == Counts.of(baskets).digest
    assert after.changed(mine, mine.between(end=last)).digest == counts.digest
    assert Counts.from_bytes(after.to_bytes()).digest == after.digest


def test_twenty_nights_leave_no_trace_of_the_way():
    rng = np.random.default_rng(1)
    baskets = some(rng, baskets=400)
    counts = Counts.of(baskets.where(slice(0)))
    for day in np.unique(baskets.day):
        users = np.unique(baskets.user[baskets.day == day])
        mine = baskets.where(np.isin(baskets.user, users))
        counts = counts.changed(mine.between(end=day), mine.between(end=day + 1))
    assert counts.digest == Counts.of(baskets).digest


def test_a_forgotten_user_leaves_what_a_shop_without_the_user_has():
    baskets = some(np.random.default_rng(2))
    counts, others = Counts.of(baskets), baskets.where(baskets.user != 4)
    mine = baskets.where(baskets.user == 4)
    left = counts.changed(mine, mine.where(slice(0)))
    never = Counts.of(others)
    assert left.digest == never.digest
    assert np.array_equal(left.cosine(), never.cosine())
    assert np.abs(left.ease(left.items).weights_ - never.ease(left.items).weights_).max() <= 1e-10


def test_models_from_counts_are_those_fitted_on_baskets():
    baskets = some(np.random.default_rng(3))
    at = baskets.day.max() + 1
    counts = Counts.of(baskets)
    assert counts.items.tolist() == baskets.items.tolist()
    assert np.allclose(counts.ease(baskets.items, 5.0).weights_, EASE(l2=5.0).fit(baskets, at).weights_, atol=1e-6)
    own = DecayedFrequency().fit(baskets, at)
    assert np.array_equal(counts.frequency(at, baskets.items).share_, own.share_)
    assert np.allclose(counts.cosine() - np.eye(12), ItemCosine(rows="users").fit(baskets, at).weights_, atol=1e-6)
    shares = counts.frequency(at, np.array(["i00", "never", "i03"])).share_
    assert shares[1] == 0 and shares[2] == own.share_[3]
