"""Histories as periods: counted back from the day of the prediction, and never beyond it."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import period_panel, periods_covered
from bundlebook.recommenders.networks.periods import WIDTHS, _fitting_width
from bundlebook.shop import Baskets

AT = np.datetime64("2021-05-01")


def log(*purchases: tuple[int, int, dict[int, float]], n_users: int = 2, n_items: int = 4) -> Baskets:
    """Baskets from (user, days before AT, {item: units}), in the order of users and days."""
    purchases = sorted(purchases, key=lambda purchase: (purchase[0], -purchase[1]))
    quantities = np.zeros((len(purchases), n_items), dtype=np.float32)
    for row, (_, _, goods) in enumerate(purchases):
        for item, units in goods.items():
            quantities[row, item] = units
    return Baskets(
        sparse.csr_matrix(quantities),
        np.array([user for user, _, _ in purchases], dtype=np.int64),
        AT - np.array([age for _, age, _ in purchases], dtype="timedelta64[D]"),
        np.array([f"u{user}" for user in range(n_users)]),
        np.array([f"i{item}" for item in range(n_items)]),
    )


def test_a_case_done_by_hand():
    histories = log((0, 1, {0: 2, 3: 1}), (0, 28, {0: 1}), (0, 29, {1: 5}), (1, 60, {2: 1}))
    panel = period_panel(histories, AT, n_periods=3)
    assert panel.item.tolist() == [0, 1, 3, 2]
    assert panel.first_pair.tolist() == [0, 3, 4]
    assert panel.baskets.tolist() == [[0, 0, 2], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert panel.units.tolist() == [[0, 0, 3], [0, 5, 0], [0, 0, 1], [1, 0, 0]]
    assert panel.recency.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1], [4, 0, 0]]
    assert panel.trips.tolist() == [[0, 1, 2], [1, 0, 0]]
    assert panel.seen.tolist() == [[False, True, True], [True, True, True]]
    assert panel.starts.tolist() == (AT - np.array([84, 56, 28])).tolist()


def test_the_day_of_the_prediction_and_later_days_are_not_looked_at():
    past = log((0, 3, {0: 1}), (1, 40, {1: 1}))
    future = log((0, 3, {0: 1}), (0, 0, {2: 9}), (0, -5, {3: 9}), (1, 40, {1: 1}))
    for name in ("item", "baskets", "units", "recency", "trips", "seen", "first_pair"):
        assert np.array_equal(getattr(period_panel(past, AT, 2), name), getattr(period_panel(future, AT, 2), name))


def test_older_baskets_than_asked_for_are_left_out():
    assert period_panel(log((0, 57, {0: 1})), AT, 2).item.size == 0
    assert period_panel(log((0, 56, {0: 1})), AT, 2).baskets.tolist() == [[1, 0]]


def test_as_many_periods_as_the_history_covers():
    assert periods_covered(log((0, 28, {0: 1})), AT) == 1
    assert periods_covered(log((0, 29, {0: 1})), AT) == 2
    assert periods_covered(log((0, 5000, {0: 1})), AT, most=13) == 13
    assert periods_covered(log((0, -1, {0: 1})), AT) == 1


def test_a_batch_is_padded_with_nothing():
    panel = period_panel(log((0, 1, {0: 2, 3: 1}), (1, 1, {2: 1})), AT, 1)
    batch = panel.batch(np.array([1, 0]), width=3)
    assert batch["item"].tolist() == [[2, 0, 0], [0, 3, 0]]
    assert batch["units"][:, :, 0].tolist() == [[1, 0, 0], [2, 1, 0]]
    assert batch["trips"].tolist() == [[1], [1]]
    with pytest.raises(BundlebookError, match="does not fit"):
        panel.batch(np.array([0]), width=1)


def test_widths_grow_in_few_steps():
    assert [_fitting_width(pairs) for pairs in (0, 1, 32, 33, 2048, 2049)] == [32, 32, 32, 64, 2048, 4096]
    assert list(WIDTHS) == sorted(WIDTHS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-40, 120), st.dictionaries(st.integers(0, 3), st.integers(1, 5))),
        max_size=25,
    )
)
def test_equals_counting_by_loops(purchases):
    purchases = [purchase for purchase in purchases if purchase[2]]
    histories = log(*purchases, n_users=3)
    panel = period_panel(histories, AT, 4)
    units, bought = np.zeros((3, 4, 4)), np.zeros((3, 4, 4))
    for user, age, goods in purchases:
        if 1 <= age <= 112:
            for item, amount in goods.items():
                units[user, 3 - (age - 1) // 28, item] += amount
                bought[user, 3 - (age - 1) // 28, item] = 1
    users = np.array([2, 0, 1])
    batch = panel.batch(users)
    dense = np.zeros((3, 4, 4))
    for row in range(3):
        np.add.at(dense[row].T, batch["item"][row], batch["units"][row])
    assert np.array_equal(dense, units[users])
    assert np.array_equal(panel.bought(users), bought[users])


def test_no_period_is_refused():
    with pytest.raises(BundlebookError, match="at least one period"):
        period_panel(log((0, 1, {0: 1})), AT, 0)
