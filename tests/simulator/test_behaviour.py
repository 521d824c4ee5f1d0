"""Customers are learnt from the weeks before a day, and the simulation keeps to what was learnt."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop
from bundlebook.simulator import Assumptions, simulate_behaviour
from bundlebook.simulator._customers import fit_customers
from bundlebook.simulator.behaviour import _examination
from bundlebook.simulator.sample import _sample_shop

UNTIL = "2021-03-08"


@pytest.fixture(scope="module")
def made():
    return _sample_shop()


@pytest.fixture(scope="module")
def shop(made):
    """The sample shop's purchases alone: a log without browsing, whose truth is known."""
    lines = made.events[made.events["event"] == "purchase"].drop(columns="session_id")
    return Shop("sample", lines.reset_index(drop=True), made.products, made.users, currency="¥", real=False)


@pytest.fixture(scope="module")
def behaviour(shop):
    return simulate_behaviour(shop, UNTIL, seed=5, n_bundles=20)


def test_nothing_of_a_later_week_is_used(shop, behaviour):
    future = shop.events["time"] >= UNTIL
    scrambled = shop.events.copy()
    scrambled.loc[future, "item_id"] = "P001"
    scrambled.loc[future, "price"] = 1.0
    for events in (shop.events[~future], scrambled):
        again = simulate_behaviour(shop.with_tables(events=events), UNTIL, seed=5, n_bundles=20)
        for table in ("browsing", "bundles", "bundle_events"):
            pd.testing.assert_frame_equal(getattr(again, table), getattr(behaviour, table))


def test_equal_seeds_agree_and_others_do_not(shop, behaviour):
    other = simulate_behaviour(shop, UNTIL, seed=6, n_bundles=20)
    assert not other.browsing.equals(behaviour.browsing)


def test_worlds_of_one_seed_differ_only_in_what_follows_from_the_assumption(shop):
    """Without position bias the same panels show the same bundles; only what is looked at and clicked differs."""
    flat, steep = (
        simulate_behaviour(
            shop, UNTIL, seed=5, assumptions=dataclasses.replace(Assumptions(), position_exponent=exponent)
        )
        for exponent in (0.0, 1.4)
    )
    pd.testing.assert_frame_equal(flat.bundles, steep.bundles)
    shown = [made.bundle_events.query("sim_event == 'shown'").reset_index(drop=True) for made in (flat, steep)]
    pd.testing.assert_frame_equal(*shown)
    clicks = [
        made.bundle_events.query("sim_event == 'click'")[["sim_session_id", "sim_position"]] for made in (flat, steep)
    ]
    both = clicks[0].merge(clicks[1])
    assert len(both) == len(clicks[1]) < len(clicks[0]), "less attention can only take clicks away"
    place = ["sim_session_id", "item_id", "sim_position", "sim_bought"]
    looks = [made.browsing.query("sim_event != 'cart'")[[*place, "sim_event"]] for made in (flat, steep)]
    assert len(looks[0].merge(looks[1])) == len(looks[1]) < len(looks[0])
    more = simulate_behaviour(shop, UNTIL, seed=5, assumptions=dataclasses.replace(Assumptions(), extra_items=9.0))
    usual = simulate_behaviour(shop, UNTIL, seed=5)
    pd.testing.assert_frame_equal(more.bundle_events, usual.bundle_events)


def test_every_simulated_column_says_so(behaviour):
    real = {"user_id", "item_id"}
    for table in (behaviour.browsing, behaviour.bundles, behaviour.bundle_events):
        assert all(column.startswith("sim_") for column in set(table.columns) - real)
        assert not table.isna().any().any()


def test_a_session_ends_before_its_purchase(shop, behaviour):
    customers = behaviour.customers
    till = customers.lines.groupby("basket")["time"].min().max()
    assert behaviour.browsing["sim_time"].max() < till
    last = behaviour.browsing.groupby("sim_session_id")["sim_time"].max()
    panel = behaviour.bundle_events.groupby("sim_session_id")["sim_time"].min()
    assert len(panel.index.intersection(last.index)) == len(panel)


def test_what_was_bought_was_looked_at_and_carted(behaviour):
    bought = behaviour.browsing[behaviour.browsing["sim_bought"]]
    kinds = bought.groupby(["sim_session_id", "item_id"])["sim_event"].agg(set)
    assert kinds.map(lambda seen: "cart" in seen and len(seen) == 2).all()


def test_looks_at_other_items_fall_with_the_place(behaviour):
    looks = behaviour.browsing[~behaviour.browsing["sim_bought"] & (behaviour.browsing["sim_event"] != "cart")]
    count = looks["sim_position"].value_counts().reindex(range(1, 6))
    assert count.is_monotonic_decreasing


def test_clicks_fall_with_the_slot_as_assumed(shop):
    flat = dataclasses.replace(Assumptions(), panel_share=1.0, policy_taste=0.0, click=0.0)
    events = simulate_behaviour(shop, UNTIL, seed=8, assumptions=flat).bundle_events
    count = pd.crosstab(events["sim_position"], events["sim_event"])
    rate = (count["click"] / count["shown"]).to_numpy()
    np.testing.assert_allclose(rate / rate[0], _examination(3), atol=0.06)
    assert np.allclose(events.query("sim_position == 1")["sim_propensity"], 1 / events["sim_bundle_id"].nunique())


def test_users_are_shown_and_click_what_they_like(behaviour):
    """Among shown bundles, those with items the user buys anyway are clicked more."""
    customers, events = behaviour.customers, behaviour.bundle_events
    members = behaviour.bundles.groupby("sim_bundle_id")["item_id"].agg(list)
    user = pd.Index(customers.user_ids).get_indexer(events["user_id"])
    taste = customers.taste.toarray() / customers.popularity
    columns = {name: pd.Index(customers.items).get_indexer(items) for name, items in members.items()}
    mine = [taste[u, columns[b]].mean() for u, b in zip(user, events["sim_bundle_id"], strict=True)]
    mean = pd.Series(mine, index=events.index).groupby(events["sim_event"]).mean()
    assert mean["click"] > 1.1 * mean["shown"]


def test_simulated_bundles_join_what_was_planted_to_match(made, behaviour):
    planted = {frozenset(pair[:2]) for pair in made.planted.plan["complements"]}
    pairs = behaviour.bundles.groupby("sim_bundle_id")["item_id"].agg(lambda items: frozenset(list(items)[:2]))
    assert pairs.isin(planted).mean() > 0.7


def test_lift_sees_the_planted_pairs_and_no_others(made, shop):
    customers = fit_customers(shop, UNTIL)
    place = {name: column for column, name in enumerate(customers.items)}
    planted = made.planted.plan["complements"]
    lift = customers.lift.toarray()
    of_pairs = [lift[place[first], place[second]] for first, second, _ in planted]
    assert min(of_pairs) > 2
    assert np.median(lift[lift > 0]) < 1.2
    np.testing.assert_allclose(lift, lift.T)


def test_price_response_is_found_where_it_was_planted():
    """Two types, elasticity -2.5 and -0.5, prices cut at random, 40 purchases a week."""
    rng = np.random.default_rng(11)
    rows = []
    for item, (kind, slope) in enumerate([("elastic", -2.5)] * 6 + [("stiff", -0.5)] * 6):
        ratio = rng.choice([1.0, 0.8, 0.6], 50)
        for week, sold in enumerate(rng.poisson(40 * ratio**slope)):
            day = pd.Timestamp("2020-01-06") + pd.Timedelta(days=7 * week)
            for line in range(sold):
                rows.append((f"U{line % 30:02d}", f"I{item:02d}", kind, day, 10 * ratio[week], len(rows)))
    names = ["user_id", "item_id", "product_type", "time", "price", "basket_id"]
    table = pd.DataFrame(rows, columns=names).assign(event="purchase", quantity=1, list_price=10.0)
    products = table[["item_id", "product_type"]].drop_duplicates().assign(name="", category="", brand="", price=10.0)
    customers = fit_customers(Shop("made", table.drop(columns="product_type"), products, real=False), "2021-01-01")
    found = dict(zip(customers.items, customers.elasticity, strict=True))
    # Slopes are drawn half-way towards the shop's where all items' prices moved alike.
    assert found["elastic"] < -1.7 and -1.3 < found["stiff"] < 0


def test_a_shop_without_list_prices_has_no_price_response(shop):
    events = shop.events.drop(columns="list_price")
    customers = fit_customers(shop.with_tables(events=events), UNTIL)
    assert (customers.elasticity == 0).all() and (customers.deal_share == 0).all()
    assert len(simulate_behaviour(shop.with_tables(events=events), UNTIL, seed=1, n_sessions=50).browsing)


def test_bargain_hunters_are_told_from_others(shop):
    lines = shop.events.copy()
    hunters = lines["user_id"] < "U150"
    cut = np.random.default_rng(1).random(len(lines)) < np.where(hunters, 0.6, 0.1)
    lines["price"] = lines["list_price"] * np.where(cut, 0.8, 1.0)
    customers = fit_customers(shop.with_tables(events=lines), UNTIL)
    mine = customers.user_ids < "U150"
    assert np.median(customers.sensitivity[mine]) > 1.2 > 0.8 > np.median(customers.sensitivity[~mine])


def test_too_little_data_is_one_clear_message(shop):
    with pytest.raises(BundlebookError, match="bought by 3 users before 2020-03-10"):
        simulate_behaviour(shop, "2020-03-10", seed=1)
