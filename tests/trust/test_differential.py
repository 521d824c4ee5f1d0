"""Noise over users: sensitivity, the ledger against Google's accountant, and the noise that OpenDP draws."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import group_baskets, load_shop, time_split
from bundlebook.trust import (
    Ledger,
    PrivateFrequency,
    clipped,
    epsilon_of,
    gaussian_epsilon,
    noisy_gram,
    noisy_sum,
    private_pairs,
    rho_of,
)

accounting = pytest.importorskip("dp_accounting")


def accountant(multipliers, kind):
    """ε at δ = 1e-5 of Gaussian releases with these multiples of the sensitivity as noise."""
    made = (
        accounting.rdp.RdpAccountant(orders=[1 + 10 ** (x / 20) for x in range(-40, 120)])
        if kind == "rdp"
        else accounting.pld.PLDAccountant(value_discretization_interval=1e-4)
    )
    for multiplier in multipliers:
        made.compose(accounting.GaussianDpEvent(multiplier))
    return made.get_epsilon(1e-5)


@pytest.mark.parametrize("multipliers", [[4.0], [20.0, 7.0, 7.0], [1.0], [0.7, 3.0]])
def test_the_ledger_agrees_with_the_accountant(multipliers):
    ledger = Ledger(epsilon=100.0)
    for number, multiplier in enumerate(multipliers):
        ledger.charge(str(number), 1 / (2 * multiplier**2))
    assert ledger.spent == pytest.approx(accountant(multipliers, "rdp"), rel=5e-3)
    exact = accountant(multipliers, "pld")
    assert ledger.spent >= exact * (1 - 1e-3)
    mu = np.sqrt(sum(1 / multiplier**2 for multiplier in multipliers))
    assert gaussian_epsilon(mu, 1e-5) == pytest.approx(exact, rel=2e-3)


@given(st.floats(1e-3, 20), st.sampled_from([1e-6, 1e-5, 1e-3]))
@settings(max_examples=40, deadline=None)
def test_epsilon_and_rho_are_inverse(epsilon, delta):
    assert epsilon_of(rho_of(epsilon, delta), delta) == pytest.approx(epsilon, rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 20))
@settings(max_examples=40, deadline=None)
def test_no_row_is_longer_than_the_clip_and_short_rows_stay(seed, norm):
    rng = np.random.default_rng(seed)
    rows = sparse.csr_matrix(rng.integers(0, 4, (8, 6)))
    length = np.sqrt((rows.toarray() ** 2).sum(axis=1))
    cut = clipped(rows, norm).toarray()
    assert (np.sqrt((cut**2).sum(axis=1)) <= norm * (1 + 1e-12)).all()
    assert np.allclose(cut[length <= norm], rows.toarray()[length <= norm])


def test_the_noise_has_the_stated_deviation_and_differs_every_time():
    rows, norm, rho = sparse.csr_matrix((3, 4000)), 5.0, 0.5
    first, second = (noisy_sum(rows, norm, rho, Ledger(9.0), "zeros") for _ in range(2))
    sigma = norm / np.sqrt(2 * rho)
    # Twelve standard errors: chance of a false alarm below 1e-30.
    assert abs(first.std() / sigma - 1) < 12 / np.sqrt(2 * 4000)
    assert abs(first.mean()) < 12 * sigma / np.sqrt(4000)
    assert (first != second).mean() > 0.99


def test_much_budget_gives_the_clipped_sum():
    rows = sparse.csr_matrix(np.array([[3.0, 4.0], [0.0, 1.0]]))
    ledger = Ledger(1e7)
    assert noisy_sum(rows, 1.0, 1e6, ledger, "sum") == pytest.approx([0.6, 1.8], abs=0.02)
    gram = noisy_gram(rows, 1.0, 1e6, ledger, "gram")
    assert gram == pytest.approx(np.array([[0.36, 0.48], [0.48, 1.64]]), abs=0.02)
    assert (gram == gram.T).all()
    assert [what for what, _ in ledger.entries] == ["sum", "gram"]


def test_an_overdrawn_budget_releases_and_enters_nothing():
    ledger = Ledger(1.0)
    ledger.charge("first", ledger.left)
    assert ledger.spent == pytest.approx(1.0, rel=1e-5)
    with pytest.raises(BundlebookError, match="'second' would bring the spent"):
        noisy_sum(sparse.csr_matrix((2, 2)), 1.0, 1e-3, ledger, "second")
    assert len(ledger.entries) == len(ledger.table()) == 1


@pytest.mark.parametrize("epsilon", [0, -1, np.inf, np.nan])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon):
    for make in (Ledger, lambda value: PrivateFrequency(epsilon=value), lambda value: rho_of(value, 1e-5)):
        with pytest.raises(BundlebookError, match="Remedy: use a finite ε above 0"):
            make(epsilon)


@pytest.mark.parametrize("delta", [0, 1, -0.1, np.nan])
def test_a_delta_outside_of_its_range_is_refused(delta):
    with pytest.raises(BundlebookError, match="δ ="):
        Ledger(1.0, delta)


@pytest.mark.parametrize("norm", [0, -1, np.inf])
def test_a_clip_that_clips_nothing_is_refused(norm):
    with pytest.raises(BundlebookError, match="C ="):
        clipped(sparse.csr_matrix((1, 1)), norm)


@pytest.fixture(scope="module")
def task():
    return time_split(group_baskets(load_shop("sample"))).task("validation")


def test_a_recommender_spends_its_budget_and_no_more(task):
    model = PrivateFrequency(epsilon=1.0).fit(task.visible, task.at)
    assert model.ledger_.spent == pytest.approx(1.0, rel=1e-5)
    assert list(model.ledger_.table()["release"]) == ["number of users", f"buyers of {task.visible.n_items} items"]


def test_with_a_huge_budget_only_clipping_is_left(task):
    model = PrivateFrequency(epsilon=1e6, norm=1e3).fit(task.visible, task.at)
    since = task.at - np.timedelta64(model.days, "D")
    bought = task.visible.between(since, task.at).user_item()
    share = np.asarray((bought > 0).mean(axis=0)).ravel()
    assert model.share_ == pytest.approx(share, abs=0.05)
    # The user's own part is that of the recommender without noise.
    own = model.scores(task.histories, task.at) - model.prior_baskets * model.share_
    past = task.histories
    assert own == pytest.approx(past.user_item(past.decay(task.at, model.half_life)).toarray(), abs=1e-4)


def test_with_a_huge_budget_the_planted_pairs_are_found_and_with_a_small_one_nothing_is_invented(task):
    """ε = 2,000 is no privacy: only the clip is left. The exact discoveries are those of the association room."""
    from bundlebook.association import adjusted_lift, fit_sizes, frequent_itemsets

    baskets = task.visible
    itemsets = frequent_itemsets(baskets, 1 / baskets.n_baskets, max_len=2)
    table = adjusted_lift(itemsets, fit_sizes(baskets), lengths=(2,))
    strong = {tuple(sorted(p)) for p in table.loc[table["p_adjusted"] < 1e-6, "itemset"]}
    exact = {tuple(sorted(p)) for p in table.loc[table["p_adjusted"] <= 0.05, "itemset"]}
    ledger = Ledger(2000.0)
    found = private_pairs(baskets, 1e6, rho_of(2000.0, 1e-5), ledger)
    assert len(ledger.entries) == 1 and ledger.spent <= 2000.01
    names = {tuple(sorted(p)) for p in found["itemset"]}
    assert strong and len(strong & names) == 0  # a clip that clips nobody needs noise that drowns everything
    found = private_pairs(baskets, 20.0, rho_of(2000.0, 1e-5), Ledger(2000.0))
    names = {tuple(sorted(p)) for p in found["itemset"]}
    assert len(strong & names) >= 0.8 * len(strong)
    assert len(names & exact) >= 0.8 * len(names)
    assert found["p_adjusted"].is_monotonic_increasing and (found["p_adjusted"] <= 0.05).all()
    noisy = private_pairs(baskets, 20.0, rho_of(0.1, 1e-5), Ledger(0.1))
    assert len(noisy) <= 3


def test_no_user_moves_the_vector_of_pairs_further_than_the_clip(task, monkeypatch):
    from bundlebook.trust import differential

    given = {}
    monkeypatch.setattr(
        differential, "noisy_sum", lambda rows, norm, *rest: given.update(rows=rows) or np.asarray(rows.sum(axis=0))[0]
    )
    baskets = task.visible
    private_pairs(baskets, 5.0, 0.1, Ledger(1.0))
    rows, m = given["rows"].toarray(), baskets.n_items
    assert rows.shape == (baskets.n_users, m * (m - 1) // 2 + m + 41)
    user = int(np.argmax(baskets.counts_by_user()))
    mine = baskets.of_users([user]).quantities.toarray() > 0
    both = mine.T.astype(int) @ mine
    assert (rows[user, : m * (m - 1) // 2] == both[np.triu_indices(m, 1)]).all()
    assert (rows[user, -m - 41 : -41] == np.diag(both)).all()
    assert (rows[user, -41:] == np.bincount(mine.sum(axis=1), minlength=41)).all()
