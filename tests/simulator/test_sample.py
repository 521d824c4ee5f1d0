"""The committed sample shop is what the code makes, and what is planted in it can be found again."""

import json

import numpy as np
import pandas as pd
import pytest

from bundlebook import paths
from bundlebook.simulator import read_truth, write_sample
from bundlebook.simulator._planted import plant, read_plan
from bundlebook.simulator.sample import _sample_shop


@pytest.fixture(scope="module")
def shop():
    return _sample_shop()


@pytest.fixture(scope="module")
def purchases(shop):
    lines = shop.events[shop.events["event"] == "purchase"]
    return lines.merge(shop.products[["item_id", "product_type", "department"]], on="item_id")


def test_the_committed_files_are_made_again_byte_for_byte(tmp_path):
    committed = paths.data() / "sample_shop"
    written = write_sample(tmp_path)
    assert sorted(file.name for file in written) == sorted(file.name for file in committed.iterdir())
    for file in written:
        assert file.read_bytes() == (committed / file.name).read_bytes(), (
            f"{file.name} differs: run `bundlebook sample`"
        )


def test_the_committed_files_stay_small():
    sizes = [file.stat().st_size for file in (paths.data() / "sample_shop").iterdir()]
    assert sum(sizes) < 3_500_000


def test_another_seed_makes_another_shop_of_the_same_catalogue(shop):
    other = _sample_shop(seed=7)
    assert not other.events.equals(shop.events)
    pd.testing.assert_frame_equal(other.products, shop.products)


def test_the_plan_names_only_types_it_has():
    plan = read_plan()
    named = {name for first, second, _ in plan["complements"] for name in (first, second)}
    named |= {name for bundle in plan["bundles"] for name in bundle["types"]} | set(plan["seasons"])
    assert named <= set(plan["types"])
    assert {kind["department"] for kind in plan["types"].values()} == set(plan["departments"])
    assert plan["first_day"].weekday() == 0


def test_keys_and_references_agree(shop):
    assert shop.products["item_id"].is_unique and shop.users["user_id"].is_unique
    assert not shop.bundles.duplicated(["bundle_id", "item_id"]).any()
    assert set(shop.events["item_id"]) <= set(shop.products["item_id"])
    assert set(shop.events["user_id"]) <= set(shop.users["user_id"])
    assert set(shop.bundle_events["bundle_id"]) <= set(shop.bundles["bundle_id"])
    assert not shop.events.duplicated().any()
    bought = shop.events["event"] == "purchase"
    assert (shop.events["basket_id"] != "").eq(bought).all()
    assert (shop.events.loc[bought, "quantity"] >= 1).all()


def test_nobody_acts_before_joining_and_every_day_has_a_basket(shop, purchases):
    joined = shop.events["user_id"].map(shop.users.set_index("user_id")["joined"])
    assert (shop.events["time"] >= joined).all()
    days = np.unique(purchases["time"].to_numpy().astype("datetime64[D]"))
    assert len(days) == 7 * shop.planted.plan["weeks"]


def test_habits_make_personal_frequency_a_strong_baseline(shop, purchases):
    user, habits = shop.planted.users["user_id"], shop.planted.habits
    items = shop.products["item_id"].to_numpy()
    regular = {(user[row], items[column]) for row, mine in enumerate(habits) for column in mine}
    lines = purchases.drop_duplicates(["basket_id", "item_id"])
    repeated = lines.duplicated(["user_id", "item_id"])
    is_regular = pd.Series(list(zip(lines["user_id"], lines["item_id"], strict=True)), index=lines.index).isin(regular)
    assert 0.4 < repeated.mean() < 0.65
    assert is_regular[repeated].mean() > 0.6
    assert is_regular[repeated].mean() > 2 * is_regular[~repeated].mean()


def test_complementary_types_meet_far_more_often_than_by_chance(shop, purchases):
    baskets = pd.crosstab(purchases["basket_id"], purchases["product_type"]).clip(upper=1)
    bought = baskets.sum()
    for first, second, probability in shop.planted.plan["complements"]:
        together = int((baskets[first] * baskets[second]).sum())
        error = np.sqrt(probability * (1 - probability) / bought[first])
        # Chance meetings and bundles come on top of what is planted, so only the lower side is sharp.
        assert probability - 3 * error < together / bought[first] < probability + 0.3
        assert together * len(baskets) / (bought[first] * bought[second]) > 3


def test_mismatched_bundles_join_types_that_do_not_meet(shop, purchases):
    bundle_sold = shop.bundle_events.query("event == 'purchase'")["session_id"]
    unmoved = purchases[~purchases["session_id"].isin(bundle_sold)]
    baskets = pd.crosstab(unmoved["basket_id"], unmoved["product_type"]).clip(upper=1)
    type_of = shop.products["product_type"].to_numpy()
    together = {True: 0, False: 0}
    for bundle in shop.planted.bundles.itertuples():
        first, second = (type_of[column] for column in bundle.columns[:2])
        together[bundle.matching] += int((baskets[first] * baskets[second]).sum())
    assert together[True] > 20 * together[False]


def test_demand_falls_with_the_price_as_planted(shop, purchases):
    """Departments' elasticities, from random price cuts, on types that no bundle and no other type pulls along."""
    planted, plan = shop.planted, shop.planted.plan
    pulled = {second for _, second, _ in plan["complements"]} | {t for b in plan["bundles"] for t in b["types"]}
    free = ~shop.products["product_type"].isin(pulled).to_numpy()
    week = (purchases["time"] - pd.Timestamp(plan["first_day"])).dt.days.to_numpy() // 7
    column = pd.Index(shop.products["item_id"]).get_indexer(purchases["item_id"])
    lines = np.zeros(planted.depth.shape)
    np.add.at(lines, (column, week), 1)
    reach = planted.wave * lines.sum(axis=0)
    uncut = planted.depth == 0
    expected = reach * ((lines * uncut).sum(axis=1) / (reach * uncut).sum(axis=1))[:, None]
    for name, department in plan["departments"].items():
        mine = free & (shop.products["department"] == name).to_numpy()
        cuts = np.array(plan["promotions"]["depths"])
        sold = np.array([lines[mine][planted.depth[mine] == cut].sum() for cut in cuts])
        usual = np.array([expected[mine][planted.depth[mine] == cut].sum() for cut in cuts])
        x, y = np.log(1 - cuts), np.log(sold / usual)
        elasticity = (sold * x * y).sum() / (sold * x * x).sum()
        error = 1 / np.sqrt((sold * x * x).sum())
        assert elasticity < 0
        assert abs(elasticity - department["elasticity"]) < 3 * error + 0.2, name


def test_position_bias_is_what_was_planted(shop):
    """Weighting by 1 / propensity removes what the logging policy preferred; what is left is the slot."""
    shown = shop.bundle_events.query("event == 'shown'").reset_index(drop=True)
    key = ["session_id", "bundle_id"]
    clicks = shop.bundle_events.query("event == 'click'")
    clicked = shown.set_index(key).index.isin(clicks.set_index(key).index)
    weight = (1 / shown["propensity"]).clip(upper=1000)
    rate = [np.average(clicked[shown["position"] == p], weights=weight[shown["position"] == p]) for p in (1, 2, 3)]
    assert clicked.sum() == len(clicks)
    assert rate[0] > rate[1] > rate[2]
    np.testing.assert_allclose(np.array(rate) / rate[0], shop.planted.plan["panel"]["position"], atol=0.2)


def test_a_bundle_is_clicked_before_it_is_bought_and_all_its_items_are_bought(shop):
    bundles = shop.bundles.groupby("bundle_id")["item_id"].agg(set)
    bought = shop.bundle_events.query("event == 'purchase'")
    clicks = shop.bundle_events.query("event == 'click'").set_index(["session_id", "bundle_id"])["time"]
    lines = shop.events.query("event == 'purchase'").groupby("session_id")
    for event in bought.itertuples():
        basket = lines.get_group(event.session_id)
        assert bundles[event.bundle_id] <= set(basket["item_id"])
        assert clicks[event.session_id, event.bundle_id] < event.time < basket["time"].min()


def test_showing_a_bundle_sells_it(shop, purchases):
    """Which session sees a panel is random, so bought with a panel against without is an effect, not a habit."""
    bought = purchases.groupby("session_id")["item_id"].agg(set)
    sessions = sorted({*shop.events["session_id"], *shop.bundle_events["session_id"]})
    shown = set(shop.bundle_events[["session_id", "bundle_id"]].itertuples(index=False, name=None))
    sold, seen = {True: 0, False: 0}, {True: 0, False: 0}
    for bundle_id, items in shop.bundles.groupby("bundle_id")["item_id"]:
        wanted = set(items)
        for session_id in sessions:
            was_shown = (session_id, bundle_id) in shown
            seen[was_shown] += 1
            sold[was_shown] += wanted <= bought.get(session_id, frozenset())
    assert sold[True] / seen[True] > 5 * sold[False] / seen[False]


def test_matching_bundles_are_worth_more_than_mismatched_ones(shop):
    sold = (shop.planted.click(1) * shop.planted.buy()).mean(axis=0)
    matching = shop.planted.bundles["matching"].to_numpy()
    assert sold[matching].min() > sold[~matching].max()


def test_a_look_raises_the_demand_of_the_next_session(shop):
    """P(buy now | viewed and not bought last time) over P(buy now | user's preference alone)."""
    events = shop.events.sort_values(["user_id", "time"], kind="stable")
    order = events.groupby("user_id")["session_id"].transform(lambda s: (s != s.shift()).cumsum())
    events = events.assign(order=order)
    bought = events.query("event == 'purchase'")[["user_id", "item_id", "order"]].drop_duplicates()
    looked = events.query("event in ['view', 'search']")[["user_id", "item_id", "order"]].drop_duplicates()
    looked = looked.merge(bought, how="left", indicator=True).query("_merge == 'left_only'")
    following = looked.assign(order=looked["order"] + 1)[["user_id", "item_id", "order"]]
    after_view = len(following.merge(bought)) / len(following)
    later = looked.assign(order=looked["order"] + 3)[["user_id", "item_id", "order"]]
    assert after_view > 1.5 * len(later.merge(bought)) / len(later)


def test_taste_and_probabilities_have_the_promised_shapes():
    planted = plant(seed=3)
    n_users, n_bundles = len(planted.users), len(planted.bundles)
    assert planted.taste.shape == planted.click(2).shape == planted.buy().shape == (n_users, n_bundles)
    assert np.abs(planted.taste).max() <= 2
    assert (planted.click(2) < planted.click(1)).all() and (planted.buy() < 1).all()


def test_the_truth_is_stored_as_written(shop):
    stored = read_truth()
    assert stored["complements"] == shop.planted.plan["complements"]
    assert set(stored["favourite"]) == set(shop.users["user_id"])
    first = shop.planted.depth[0]
    assert stored["price_cuts"]["P001"] == {str(w): first[w] for w in np.flatnonzero(first)}
    json.dumps(stored)
