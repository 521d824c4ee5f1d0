"""Whatever happens after a window begins, nothing that was visible before it changes by one bit."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from bundlebook.errors import BundlebookError
from bundlebook.shop import (
    CleaningPolicy,
    Shop,
    clean,
    common_items,
    complete_weeks,
    fill_prices,
    group_baskets,
    load_shop,
    min_users,
    quantity_limit,
    time_split,
    to_local_time,
)

MONDAY = np.datetime64("2021-01-04")
WEEK = np.timedelta64(7, "D")


@pytest.fixture(scope="module")
def real_split(cleaned_shop):
    return time_split(group_baskets(cleaned_shop))


def busy_shop(seed: int, weeks: int = 10, users: int = 6, items: int = 7) -> Shop:
    """Every user buys something on most days, in UTC, with zeros, twins and bulk lines among it."""
    rng = np.random.default_rng(seed)
    n = weeks * 7 * users
    day = np.repeat(np.arange(weeks * 7), users)
    minute = rng.integers(6 * 60, 28 * 60, n)  # up to 04:00 of the next day, which is still evening on the shop's clock
    events = pd.DataFrame(
        {
            "user_id": np.tile([f"u{k}" for k in range(users)], weeks * 7),
            "item_id": rng.choice([f"i{k}" for k in range(items)], n),
            "time": MONDAY.astype("datetime64[ns]") + day.astype("timedelta64[D]") + minute.astype("timedelta64[m]"),
            "event": "purchase",
            "quantity": rng.choice([0, 1, 1, 2, 500, np.nan], n),
            "price": rng.choice([0.0, 1.0, 2.0, 3.0], n),
            "basket_id": rng.choice(["a", "b"], n),
        }
    )
    events.loc[::users, ["quantity", "price"]] = 1.0  # so that cleaning leaves something on every day
    events = pd.concat([events, events.sample(20, random_state=seed)], ignore_index=True)
    products = pd.DataFrame(
        {"item_id": [f"i{k}" for k in range(items)], "name": "n", "category": "c", "brand": "b", "price": np.nan}
    )
    return Shop("busy", events, products, timezone="UTC", local_timezone="America/New_York")


def rewritten_after(shop: Shop, at: np.datetime64, rng: np.random.Generator) -> Shop:
    """The same shop with another future: other users, items, prices, quantities and baskets, on the same moments."""
    later = (shop.events["time"] >= at).to_numpy()
    n = later.sum()
    events = shop.events.copy()
    events.loc[later, "user_id"] = rng.choice(["u0", "u1", "new1", "new2"], n)
    events.loc[later, "item_id"] = rng.choice(["i0", "i6", "new"], n)
    events.loc[later, "quantity"] = rng.choice([1, 1, 10**6], n)
    events.loc[later, "price"] = rng.uniform(1, 9, n)
    events.loc[later, "basket_id"] = rng.choice(["a", "z"], n)
    new = pd.DataFrame({"item_id": ["new"], "name": "n", "category": "c", "brand": "b", "price": np.nan})
    return shop.with_tables(events=events, products=pd.concat([shop.products, new], ignore_index=True))


def assert_same(ours, theirs):
    assert ours.user_ids.tolist() == theirs.user_ids.tolist()
    assert ours.items.tolist() == theirs.items.tolist()
    for part in ("user", "day"):
        np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(ours.quantities, part), getattr(theirs.quantities, part))


def prepared(shop: Shop, at: np.datetime64, min_users: int):
    """All of preprocessing as a chapter does it, with everything that is learned from data."""
    local, _ = clean(shop)
    policy = CleaningPolicy(max_quantity=quantity_limit(local, at), duplicates="merge")
    cleaned, _ = clean(shop, policy)
    known = cleaned.products["item_id"] != "new"
    prices = fill_prices(cleaned, at)[0].products["price"][known]
    return policy, prices, time_split(group_baskets(cleaned, "item_id"), 2, 2, min_users)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), min_users=st.integers(1, 5))
def test_no_later_event_reaches_what_was_visible(seed, min_users):
    shop = busy_shop(seed)
    at = time_split(group_baskets(clean(shop)[0], "item_id"), 2, 2, 1).train_end
    policy, prices, split = prepared(shop, at, min_users)
    local = to_local_time(shop)[0]
    other_policy, other_prices, other = prepared(rewritten_after(local, at, np.random.default_rng(seed)), at, min_users)
    assert other.train_end == split.train_end == at
    assert other_policy == policy
    pd.testing.assert_series_equal(other_prices, prices)
    assert_same(other.training, split.training)
    ours, theirs = split.task("validation"), other.task("validation", min_history=1)
    assert_same(theirs.visible, ours.visible)
    assert theirs.at == ours.at == at
    judged = theirs.histories
    row = {user: k for k, user in enumerate(ours.visible.user_ids)}
    for k, user in enumerate(judged.user_ids):
        np.testing.assert_array_equal(judged.user_item().toarray()[k], ours.visible.user_item().toarray()[row[user]])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_test_window_cannot_reach_back_either(seed):
    local, _ = clean(busy_shop(seed))
    split = time_split(group_baskets(local, "item_id"), 2, 2, 1)
    changed = rewritten_after(local, split.validation_end, np.random.default_rng(seed))
    other = time_split(group_baskets(changed, "item_id"), 2, 2, 1)
    assert_same(other.task("test", min_history=1).visible, split.task("test").visible)
    ours, theirs = split.task("validation"), other.task("validation")
    assert_same(theirs.histories, ours.histories)
    assert (theirs.truth != ours.truth).nnz == 0


def test_no_later_event_of_the_real_shop_reaches_what_was_visible(real_shop, real_split):
    split = real_split
    local, _ = to_local_time(real_shop)
    rng = np.random.default_rng(2021)
    later = np.flatnonzero(local.events["time"] >= split.train_end)
    events = local.events.copy()
    for column in ("item_id", "quantity", "price"):
        events[column] = events[column].to_numpy(dtype=object if column == "item_id" else None).copy()
        events.iloc[later, events.columns.get_loc(column)] = events[column].to_numpy()[rng.permutation(later)]
    other = time_split(group_baskets(clean(local.with_tables(events=events))[0]))
    assert other.train_end == split.train_end
    assert_same(other.training, split.training)
    assert_same(other.task("validation").visible, split.task("validation").visible)
    assert (other.task("validation").truth.sum(axis=0) != split.task("validation").truth.sum(axis=0)).any()


def test_the_real_split_is_weeks_2_to_44_45_to_48_and_49_to_52(real_split):
    split = real_split
    bounds = [split.start, split.train_end, split.validation_end, split.test_end]
    assert [str(day) for day in bounds] == ["2017-01-02", "2017-10-30", "2017-11-27", "2017-12-25"]
    assert [int((b - a) / WEEK) for a, b in pairwise(bounds)] == [43, 4, 4]
    by = (split.training.user_item() > 0).sum(axis=0).A1
    assert by.min() == 20


def test_a_small_shop_asks_for_fewer_buyers():
    assert [min_users(n, "item_id") for n in (10, 240, 2400, 10**6)] == [3, 3, 30, 30]
    assert [min_users(n, "category") for n in (10, 600, 2400, 10**6)] == [3, 5, 20, 20]
    b = group_baskets(clean(load_shop("sample"))[0], "item_id").of_users(np.arange(0, 300, 2))
    split = time_split(b)
    training = b.between(split.start, split.train_end)
    by = (training.user_item() > 0).sum(axis=0).A1
    least = min_users(150, "item_id")
    assert least == 3 and split.baskets.items.tolist() == b.items[by >= least].tolist()
    assert common_items(training).tolist() == split.baskets.items.tolist()
    assert common_items(training, 25).tolist() == b.items[by >= 25].tolist()


def split_of(seed=1, **options):
    return time_split(group_baskets(clean(busy_shop(seed))[0], "item_id"), **({"min_users": 1} | options))


def test_parts_follow_each_other_and_lose_no_basket():
    split = split_of(validation_weeks=2, test_weeks=1)
    assert (split.test_end - split.validation_end, split.validation_end - split.train_end) == (WEEK, 2 * WEEK)
    parts = [split.training, split.baskets.between(split.train_end, split.validation_end)]
    parts.append(split.baskets.between(split.validation_end, split.test_end))
    assert sum(part.n_baskets for part in parts) == split.baskets.n_baskets
    task = split.task("test")
    assert (task.at, task.until) == (split.validation_end, split.test_end)
    assert (task.visible.day < task.at).all()


def test_truth_is_what_the_judged_users_bought_in_the_window():
    split = split_of(validation_weeks=2, test_weeks=2)
    task = split.task("validation")
    inside = split.baskets.between(task.at, task.until)
    for k, user in enumerate(task.histories.user_ids):
        bought = inside.user_item().toarray()[inside.user_ids.tolist().index(user)] > 0
        np.testing.assert_array_equal(task.truth.toarray()[k], bought.astype(np.float32))
    assert task.truth.shape == (task.histories.n_users, task.histories.n_items)


def test_next_basket_is_the_first_of_the_window():
    split = split_of(validation_weeks=2, test_weeks=2)
    task = split.task("test", target="next_basket")
    inside = split.baskets.between(task.at, task.until)
    for k, user in enumerate(task.histories.user_ids):
        first = inside.user.tolist().index(inside.user_ids.tolist().index(user))
        np.testing.assert_array_equal(task.truth.toarray()[k], inside.incidence.toarray()[first])


def test_users_with_a_short_history_are_not_judged_but_learned_from():
    split = split_of(validation_weeks=2, test_weeks=2)
    most = split.task("validation").visible.counts_by_user()
    task = split.task("validation", min_history=int(most.max()))
    assert 0 < task.histories.n_users < task.visible.n_users
    with pytest.raises(BundlebookError, match="no user has"):
        split.task("validation", min_history=int(most.max()) + 1)


def test_folds_follow_each_other_and_the_last_is_the_validation_window(real_split):
    folds = real_split.folds(3)
    assert [str(fold.at) for fold in folds] == ["2017-09-04", "2017-10-02", "2017-10-30"]
    assert all(earlier.until == later.at for earlier, later in pairwise(folds))
    assert [fold.name for fold in folds] == [f"fold {fold.at}" for fold in folds]
    last, validation = folds[-1], real_split.task("validation")
    assert (last.at, last.until) == (validation.at, validation.until)
    assert_same(last.visible, validation.visible)
    assert_same(last.histories, validation.histories)
    assert (last.truth != validation.truth).nnz == 0


def test_folds_of_the_training_part_leave_validation_and_test_alone(real_split):
    folds = real_split.folds(4, end="training")
    assert folds[-1].until == real_split.train_end
    blind = replace(real_split, baskets=real_split.baskets.between(end=real_split.train_end))
    for fold, same in zip(folds, blind.folds(4, end="training"), strict=True):
        assert fold.visible.day.max() < fold.at
        assert_same(fold.visible, same.visible)
        assert (fold.truth != same.truth).nnz == 0


def test_what_a_fold_is_judged_on_is_seen_by_the_next(real_split):
    first, second = real_split.folds(2)
    user = first.histories.user_ids[0]
    window = second.visible.of_users(np.flatnonzero(second.visible.user_ids == user)).between(first.at, first.until)
    np.testing.assert_array_equal(window.user_item().toarray()[0] > 0, first.truth.toarray()[0] > 0)


def test_folds_need_two_periods_before_them():
    split = split_of(validation_weeks=2, test_weeks=1)  # 9 weeks until the test: two periods and a week
    for n in (0, 1):
        with pytest.raises(BundlebookError, match=f"{n} folds, but there is room for 0"):
            split.folds(n)
    longer = time_split(group_baskets(clean(busy_shop(1, weeks=16))[0], "item_id"), 2, 1, min_users=1)
    fold = longer.folds(1)[0]
    assert fold.until == longer.validation_end
    assert fold.until - fold.at == 4 * WEEK
    with pytest.raises(BundlebookError, match="2 folds, but there is room for 1"):
        longer.folds(2)
    with pytest.raises(BundlebookError, match="cannot end with 'test'"):
        longer.folds(1, end="test")


@pytest.mark.parametrize("wrong", [{"window": "training"}, {"window": "test", "target": "month"}])
def test_an_unknown_task_is_refused(wrong):
    with pytest.raises(BundlebookError, match="unknown"):
        split_of(validation_weeks=1, test_weeks=1).task(**wrong)


def test_a_week_with_a_missing_day_is_not_complete():
    b = group_baskets(clean(busy_shop(3))[0], "item_id")
    start, end = complete_weeks(b.day)
    assert start == MONDAY
    assert (end - MONDAY) % WEEK == np.timedelta64(0, "D")
    gap = b.where(b.day != start + np.timedelta64(3, "D"))
    assert complete_weeks(gap.day)[0] == MONDAY + WEEK
    with pytest.raises(BundlebookError, match="no complete week"):
        complete_weeks(b.between(end="2021-01-06").day)


def test_too_short_a_log_or_too_rare_items_are_said():
    with pytest.raises(BundlebookError, match="complete weeks are too few"):
        split_of(validation_weeks=5, test_weeks=5)
    with pytest.raises(BundlebookError, match="bought by 7 users"):
        split_of(min_users=7)


@pytest.mark.parametrize("weeks", [{"validation_weeks": 0}, {"test_weeks": -1}])
def test_windows_have_at_least_one_week(weeks):
    with pytest.raises(BundlebookError, match="at least one week"):
        split_of(**weeks)
