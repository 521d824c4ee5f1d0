"""From probabilities to an offer: prices, candidates, objective, choice and reasons."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from bundlebook.bundles import CoPurchase, Weights, offer, pair_candidates, plackett, prices, score_pairs
from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, group_baskets, time_split

ITEMS = np.array(["bread", "butter", "cola", "milk", "soap", "tea"])
P = np.array([0.6, 0.2, 0.1, 0.5, 0.05, 0.3])


@pytest.fixture
def together() -> CoPurchase:
    """Bread goes with butter, milk with tea; cola replaces tea; soap was hardly ever bought with anything."""
    psi, count = np.ones((6, 6)), np.full((6, 6), 500)
    for i, j, ratio in ((0, 1, 8.0), (3, 5, 4.0), (2, 5, 0.3), (3, 4, 20.0)):
        psi[i, j] = psi[j, i] = ratio
    count[4, :] = count[:, 4] = 3
    return CoPurchase(ITEMS, psi, np.where(psi == 1, 2.0, 1.5 * psi), count, 10_000)


@pytest.fixture
def price_table() -> pd.DataFrame:
    usual = pd.Series([2.0, 4.0, 1.5, 1.0, 3.0, 5.0], index=pd.Index(ITEMS, name="item"))
    table = pd.DataFrame({"list_price": usual + 0.5, "usual_price": usual, "cost": 0.7 * usual})
    return table.assign(cost_known=False, lines=100)


def test_candidates_come_from_both_sources(together):
    table = pair_candidates(P, together, likely=3, partners=1).set_index(["first", "second"])
    assert set(table.index) == {("bread", "milk"), ("bread", "tea"), ("milk", "tea"), ("bread", "butter")}
    assert table["source"].to_dict() == {
        ("bread", "milk"): "likely",
        ("bread", "tea"): "likely",
        ("milk", "tea"): "likely + goes with",
        ("bread", "butter"): "goes with",
    }


def test_candidates_are_rare_coincidences_never(together):
    table = pair_candidates(P, together, likely=1, partners=5, min_together=100, must_hold="milk")
    assert "soap" not in set(table["second"]) | set(table["first"])
    assert "soap" in set(pair_candidates(P, together, partners=5, min_together=1, must_hold="milk")["second"])


@pytest.mark.parametrize(("dependence", "factor"), [("crude", 1.5), ("within", 1.0)])
def test_joint_probability_uses_the_dependence_asked_for(together, dependence, factor):
    table = pair_candidates(P, together, likely=2, partners=1, dependence=dependence).set_index(["first", "second"])
    row = table.loc[("bread", "butter")]
    assert row["probability"] == pytest.approx(float(plackett(0.6, 0.2, 8 * factor)))
    assert row["independent"] == pytest.approx(0.12)
    assert row["odds_ratio"] == 8


def test_the_more_likely_item_stands_first_and_must_hold_is_held(together):
    table = pair_candidates(P, together, must_hold="tea")
    assert ((table["first"] == "tea") | (table["second"] == "tea")).all()
    assert (table["p_first"] >= table["p_second"]).all()
    assert table["probability"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"must_hold": "beer"}, "unknown item 'beer'"),
        ({"dependence": "some"}, "unknown dependence"),
        ({"likely": 1, "min_together": 10**6}, "there is no pair"),
    ],
)
def test_candidates_refuse_with_one_message(together, change, message):
    with pytest.raises(BundlebookError, match=message):
        pair_candidates(P, together, **change)
    with pytest.raises(BundlebookError, match="5 probabilities for 6 items"):
        pair_candidates(P[:5], together)


def test_objective_is_the_weighted_sum_of_its_terms(together, price_table):
    scored = score_pairs(pair_candidates(P, together), price_table, discount=0.1, weights=Weights(2, 1, 1))
    assert (scored["price"] == 0.9 * scored["usual_price"]).all()
    assert scored["revenue"].to_numpy() == pytest.approx((scored["probability"] * scored["price"]).to_numpy())
    cost = 0.7 * scored["usual_price"]
    assert scored["margin"].to_numpy() == pytest.approx((scored["probability"] * (scored["price"] - cost)).to_numpy())
    either = 1 - (1 - scored["p_first"]) * (1 - scored["p_second"])
    loose = (scored["odds_ratio"] == 1) & (scored["probability"] == scored["independent"])
    assert scored.loc[loose, "satisfaction"].to_numpy() == pytest.approx(either[loose].to_numpy())
    terms = [scored[name] / scored[name].max() for name in ("revenue", "margin", "satisfaction")]
    expected = 0.5 * terms[0] + 0.25 * terms[1] + 0.25 * terms[2]
    assert scored["objective"].to_numpy() == pytest.approx(expected.to_numpy())
    assert scored["objective"].is_monotonic_decreasing
    assert scored["break_even"].to_numpy() == pytest.approx(0.3 / 0.2)


def test_only_satisfaction_asks_for_what_is_wanted_only_revenue_for_what_is_dear(together, price_table):
    pairs = pair_candidates(P, together)
    wanted = score_pairs(pairs, price_table, weights=Weights(0, 0, 1)).iloc[0]
    dear = score_pairs(pairs, price_table, weights=Weights(1, 0, 0)).iloc[0]
    assert {wanted["first"], wanted["second"]} == {"bread", "milk"}
    assert dear["revenue"] == (pairs["probability"].to_numpy() * 0.95 * _usual(pairs, price_table)).max()


def _usual(pairs, price_table):
    usual = price_table["usual_price"]
    return usual.loc[pairs["first"]].to_numpy() + usual.loc[pairs["second"]].to_numpy()


@pytest.mark.parametrize(
    ("discount", "weights", "message"),
    [
        (1.0, None, "outside"),
        (-0.1, None, "outside"),
        (0.4, None, "leaves no margin"),
        (0.1, Weights(0, 0, 0), "not all 0"),
        (0.1, Weights(-1, 1, 1), "at least 0"),
    ],
)
def test_objective_refuses_with_one_message(together, price_table, discount, weights, message):
    with pytest.raises(BundlebookError, match=message):
        score_pairs(pair_candidates(P, together), price_table, discount, weights)


def test_offer_is_the_best_pair_of_a_search_over_all(together, price_table):
    best = offer(P, together, price_table, weights=Weights(0, 1, 0), likely=6)[0]
    margin = {
        (a, b): float(plackett(P[a], P[b], together.psi[a, b])) * 0.25 * price_table["usual_price"].iloc[[a, b]].sum()
        for a, b in combinations(range(6), 2)
    }
    a, b = max(margin, key=margin.get)
    assert set(best.items) == {ITEMS[a], ITEMS[b]}
    assert best.margin == pytest.approx(margin[a, b])
    assert best.objective == pytest.approx(1)
    assert best.discount == pytest.approx(0.05)


def test_offers_share_no_item(together, price_table):
    offers = offer(P, together, price_table, k=5)
    items = [item for bundle in offers for item in bundle.items]
    assert len(offers) == 3 and len(items) == len(set(items))
    assert [b.objective for b in offers] == sorted((b.objective for b in offers), reverse=True)


def test_reasons_tell_the_numbers(together, price_table):
    best = offer(P, together, price_table, np.array([3, 0, 0, 1, 0, 0]), currency="$", must_hold="butter", likely=1)[0]
    text = " ".join(best.reasons)
    assert best.items == ("bread", "butter")
    assert "bread: 60% likely in the coming period, bought 3 times before." in text
    assert "butter: 20% likely in the coming period, never bought before." in text
    assert "8.0 times those of its other periods" in text
    assert "$5.70 instead of $6.00" in text and "by 20%" in text and "ASSUMED cost" in text


def test_reasons_say_whether_the_cost_is_known(together, price_table):
    known = price_table.assign(cost_known=[True, True, False, False, False, False])
    assert "catalogue cost" in offer(P, together, known, must_hold="butter", likely=1)[0].reasons[-1]
    assert "ASSUMED cost" in offer(P, together, known, must_hold="milk")[0].reasons[-1]


def test_prices_are_medians_of_the_training_weeks():
    days = pd.date_range("2020-01-06", periods=12 * 7)
    rows = [
        (f"u{user}", item, day, price, shelf)
        for day in days
        for user in range(5)
        for item, price, shelf in (("tea", 2.0 if user < 3 else 3.0, 3.0), ("milk", 1.0, np.nan))
    ]
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "time", "price", "list_price"])
    late = events["time"] >= days[4 * 7]  # training is the first four weeks; later prices must not matter
    events.loc[late, ["price", "list_price"]] *= 100
    events = events.assign(event="purchase", quantity=1)
    products = pd.DataFrame({"item_id": ["milk", "tea"], "name": "", "category": "", "brand": "", "price": np.nan})
    shop = Shop("small", events, products)
    split = time_split(group_baskets(shop), min_users=1)
    table = prices(shop, split, margin=0.25)
    assert table.loc["tea", ["list_price", "usual_price", "cost"]].tolist() == [3.0, 2.0, 1.5]
    assert table.loc["milk", ["list_price", "usual_price", "cost"]].tolist() == [1.0, 1.0, 0.75]
    assert not table["cost_known"].any()
    told = shop.with_tables(products=products.assign(cost=[0.2, np.nan]))
    table = prices(told, split)
    assert table["cost"].tolist() == pytest.approx([0.2, (1 - 0.278) * 2.0])
    assert table["cost_known"].tolist() == [True, False]
