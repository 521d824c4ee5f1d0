"""The copula against its definition, the pooled odds ratio against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import sparse
from statsmodels.stats.contingency_tables import StratifiedTable

from bundlebook.bundles import co_purchase, plackett
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

PROBABILITY = st.floats(0.001, 0.999)
ODDS = st.floats(1e-3, 1e3)


@given(PROBABILITY, PROBABILITY, ODDS)
def test_plackett_has_the_margins_and_the_odds_ratio_it_was_given(p, q, psi):
    both = float(plackett(p, q, psi))
    table = np.array([both, p - both, q - both, 1 - p - q + both])
    assert (table > -1e-12).all()  # Fréchet's bounds are exactly that no cell is negative
    if (table > 1e-6).all():
        assert table[0] * table[3] / (table[1] * table[2]) == pytest.approx(psi, rel=1e-4)


@given(PROBABILITY, PROBABILITY)
def test_plackett_is_the_product_without_association_and_smooth_around_it(p, q):
    assert float(plackett(p, q, 1.0)) == pytest.approx(p * q, abs=1e-15)
    assert float(plackett(p, q, 1 + 1e-9)) == pytest.approx(p * q, abs=1e-8)


@given(PROBABILITY, PROBABILITY, ODDS)
def test_plackett_grows_with_the_association_and_is_symmetric(p, q, psi):
    assert plackett(p, q, 2 * psi) >= plackett(p, q, psi)
    assert float(plackett(p, q, psi)) == pytest.approx(float(plackett(q, p, psi)), abs=1e-12)


@given(PROBABILITY, PROBABILITY)
def test_plackett_reaches_the_bounds(p, q):
    assert float(plackett(p, q, 1e12)) == pytest.approx(min(p, q), abs=1e-4)
    assert float(plackett(p, q, 1e-12)) == pytest.approx(max(0, p + q - 1), abs=1e-4)


def test_plackett_recovers_a_table():
    counts = np.array([[30, 10], [20, 40]])
    p, q, psi = 40 / 100, 50 / 100, 30 * 40 / (10 * 20)
    assert float(plackett(p, q, psi)) == pytest.approx(counts[0, 0] / 100)


def test_plackett_broadcasts():
    assert plackett(np.full((4, 1), 0.5), np.full(3, 0.2), 2.0).shape == (4, 3)


@pytest.mark.parametrize(("p", "q", "psi"), [(-0.1, 0.5, 1), (0.5, 1.1, 1), (0.5, 0.5, 0), (0.5, np.nan, 1)])
def test_plackett_refuses_what_is_no_probability(p, q, psi):
    with pytest.raises(BundlebookError, match="must lie in"):
        plackett(p, q, psi)


AT = np.datetime64("2020-12-30")


@pytest.fixture(scope="module")
def histories() -> Baskets:
    """Forty users, eight periods, one basket in most of them, six items of which the first two tend to meet."""
    rng = np.random.default_rng(7)
    rows, user, day = [], [], []
    for u in range(40):
        rate = rng.uniform(0.1, 0.7, 6)
        for period in range(8):
            if rng.random() < 0.2:
                continue
            bought = rng.random(6) < rate
            bought[1] |= bought[0] & (rng.random() < 0.6)
            if not bought.any():
                bought[5] = True
            rows.append(bought)
            user.append(u)
            day.append(AT - 28 * (8 - period) + 5)
    quantities = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    return Baskets(quantities, np.array(user), np.array(day), np.arange(40).astype(str), np.array(list("abcdef")))


def stratified(histories: Baskets, i: int, j: int) -> list[np.ndarray]:
    """One 2×2 table a household, counted the slow way."""
    dense, tables = histories.quantities.toarray() > 0, []
    for u in range(histories.n_users):
        a, b = dense[histories.user == u][:, i], dense[histories.user == u][:, j]
        tables.append(np.array([[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]))
    return tables


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (4, 3), (5, 1)])
def test_pooled_odds_ratio_equals_statsmodels(histories, i, j):
    found = co_purchase(histories, AT, prior=1e-9)
    assert found.psi[i, j] == pytest.approx(StratifiedTable(stratified(histories, i, j)).oddsratio_pooled)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (4, 3)])
def test_crude_odds_ratio_is_that_of_the_summed_table(histories, i, j):
    (a, b), (c, d) = sum(stratified(histories, i, j))
    found = co_purchase(histories, AT, prior=1e-9)
    assert found.crude[i, j] == pytest.approx(a * d / (b * c))
    assert found.together[i, j] == a
    assert found.together[i, i] == a + b
    assert found.n_user_periods == a + b + c + d == histories.n_baskets


def test_planted_pair_stands_out_and_the_prior_pulls_to_one(histories):
    found, pulled = co_purchase(histories, AT, prior=1.0), co_purchase(histories, AT, prior=1e9)
    off = ~np.eye(6, dtype=bool)
    assert np.unravel_index(np.argmax(np.where(off, found.psi, 0)), (6, 6)) == (0, 1)
    assert (found.psi == found.psi.T).all()
    assert np.allclose(pulled.psi, 1)


def test_a_subset_of_items_gives_the_same_numbers(histories):
    some = np.array(["e", "a", "b"])
    part, whole = co_purchase(histories, AT, some), co_purchase(histories, AT)
    at = np.ix_([4, 0, 1], [4, 0, 1])
    assert part.items.tolist() == some.tolist()
    assert np.allclose(part.psi, whole.psi[at]) and np.allclose(part.crude, whole.crude[at])
    assert (part.together == whole.together[at]).all()


def test_later_baskets_are_not_counted(histories):
    earlier = AT - np.timedelta64(28, "D")
    cut = co_purchase(histories.between(end=earlier), earlier)
    assert np.array_equal(co_purchase(histories, earlier).psi, cut.psi)
    assert cut.n_user_periods < histories.n_baskets
