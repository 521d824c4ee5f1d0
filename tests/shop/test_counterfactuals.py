"""A habit added to a history."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import period_panel
from bundlebook.shop import Baskets, with_habit

AT = np.datetime64("2021-05-03")


def history() -> Baskets:
    rows = sparse.csr_matrix(np.array([[2, 0, 0], [0, 1, 0]], dtype=np.float32))
    return Baskets(rows, np.zeros(2, np.int64), AT - np.array([40, 5]), np.array(["a"]), np.array(["x", "y", "z"]))


@pytest.mark.parametrize(("times", "periods"), [(1, 1), (1, 4), (3, 2), (28, 2)])
def test_the_habit_falls_evenly_into_each_period_and_the_rest_stays(times, periods):
    habit = with_habit(history(), column=2, times=times, periods=periods, at=AT)
    panel = period_panel(habit, AT, 5)
    bought = panel.baskets[panel.item == 2][0]
    assert bought.tolist() == [0] * (5 - periods) + [times] * periods
    assert (np.diff(habit.day).astype(int) >= 0).all() and habit.day.max() < AT
    kept = habit.where(habit.quantities[:, [2]].toarray().ravel() == 0)
    assert np.array_equal(kept.day, history().day)
    assert np.array_equal(kept.quantities.toarray(), history().quantities.toarray())


@pytest.mark.parametrize(("times", "periods"), [(0, 1), (29, 1), (1, 0)])
def test_what_is_no_habit_is_one_clear_message(times, periods):
    with pytest.raises(BundlebookError, match="cannot be a habit"):
        with_habit(history(), 2, times, periods, AT)


def test_only_one_customer_at_a_time():
    two = Baskets(history().quantities, np.array([0, 1]), history().day, np.array(["a", "b"]), history().items)
    with pytest.raises(BundlebookError, match="2 users"):
        with_habit(two, 2, 1, 1, AT)
