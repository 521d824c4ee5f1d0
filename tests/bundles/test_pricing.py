"""Prices, the discount response, and the price of a set."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.bundles import Candidates, Weights, demand, objective, price, prices
from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, group_baskets, time_split

START, END = np.datetime64("2021-01-04"), np.datetime64("2021-10-04")


def shop_with(elasticities: dict[str, float], seed: int = 0, dip: float = 0.0, products: int = 12) -> Shop:
    """A shop whose weekly sales follow known elasticities: 39 weeks, some cuts, much noise."""
    rng, lines, catalogue = np.random.default_rng(seed), [], []
    for category, elasticity in elasticities.items():
        for number in range(products):
            item, level, before = f"{category}{number:02d}", rng.normal(3.5, 0.4), 0.0
            catalogue.append((item, category, "Private" if number % 2 else "National", "GROCERY"))
            for week in range(39):
                cut = np.log(1 - rng.choice([0, 0, 0.1, 0.2, 0.35]))
                units = np.exp(level - elasticity * cut - dip * before + rng.normal(0, 0.1))
                day = START + 7 * week + int(rng.integers(7))
                lines.append((item, day, max(1.0, round(units)), 2.0 * np.exp(cut), 2.0))
                before = cut
    events = pd.DataFrame(lines, columns=["item_id", "time", "quantity", "price", "list_price"])
    events = events.assign(user_id="u", event="purchase", time=pd.to_datetime(events["time"]))
    columns = ["item_id", "category", "brand", "department"]
    return Shop("made", events, pd.DataFrame(catalogue, columns=columns).assign(name="", price=np.nan))


def test_demand_finds_the_elasticities_it_was_made_with():
    found = demand(shop_with({"flat": 0.5, "steep": 2.5}), START, END, "item_id")
    assert found.table["elasticity"].to_dict() == pytest.approx({"flat": 0.5, "steep": 2.5}, abs=0.1)
    for category, truth in (("flat", 0.5), ("steep", 2.5)):
        assert found.table.loc[category, "low"] < truth < found.table.loc[category, "high"]
        assert found.of(np.array([category]), "low") < truth < found.of(np.array([category]), "high")
    assert found.of(np.array(["steep", "unheard of"])) == pytest.approx([2.5, found.pooled["elasticity"]], abs=0.1)
    assert found.of(np.array(["unheard of"]), "high") == [found.pooled["high"]]
    assert found.after["low"] < 0 < found.after["high"]
    assert found.curve["uplift"].is_monotonic_increasing and found.curve["uplift"].iloc[0] == 1


def test_stocking_up_shows_in_the_week_after():
    found = demand(shop_with({"a": 2.0}, dip=-0.6), START, END, "item_id")
    assert found.after["elasticity"] == pytest.approx(-0.6, abs=0.1)
    assert found.after["high"] < 0


def test_categories_that_do_not_differ_are_pulled_together():
    found = demand(shop_with(dict.fromkeys("abcdef", 1.5), seed=3, products=6), START, END, "item_id")
    assert found.table["elasticity"].std() < 0.5 * found.table["own"].std()


def test_later_weeks_have_no_say_and_no_cut_is_an_error():
    shop = shop_with({"a": 1.0})
    changed = shop.events.copy()
    late = changed["time"].to_numpy().astype("datetime64[D]") >= START + 140
    changed.loc[late, "quantity"] *= 7
    both = [demand(world, START, START + 140, "item_id") for world in (shop, shop.with_tables(events=changed))]
    assert both[0].pooled.equals(both[1].pooled)
    with pytest.raises(BundlebookError, match="shelf price"):
        demand(shop.with_tables(events=shop.events.assign(price=2.0)), START, END, "item_id")


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
    table = prices(shop, split.baskets, split.start, split.train_end, margin=0.25)
    assert table.loc["tea", ["list_price", "usual_price", "cost"]].tolist() == [3.0, 2.0, 1.5]
    assert table.loc["milk", ["list_price", "usual_price", "cost"]].tolist() == [1.0, 1.0, 0.75]
    assert not table["cost_known"].any()
    told = shop.with_tables(products=products.assign(cost=[0.2, np.nan]))
    table = prices(told, split.baskets, split.start, split.train_end)
    assert table["cost"].tolist() == pytest.approx([0.2, (1 - 0.278) * 2.0])
    assert table["cost_known"].tolist() == [True, False]


def test_prices_assume_margins_that_average_to_the_one_given():
    shop = shop_with({"a": 1.0, "b": 1.0})
    products = shop.products.assign(department=np.where(shop.products["category"] == "a", "PRODUCE", "GROCERY"))
    shop = shop.with_tables(products=products)
    table = prices(shop, group_baskets(shop, "item_id"), START, END, 0.3, spread=True)
    rate = 1 - table["cost"] / table["usual_price"]
    sales = table["usual_price"] * table["lines"]
    assert (rate * sales).sum() / sales.sum() == pytest.approx(0.3)
    assert rate["a01"] - rate["a00"] == pytest.approx(rate["b01"] - rate["b00"]) and rate["a01"] > rate["a00"]
    assert rate["a00"] - rate["b00"] == pytest.approx(0.08)
    assert table["private_label"].to_dict() == {label: float(int(label[1:]) % 2) for label in table.index}


def sets_of(members: list[tuple[int, ...]], p: np.ndarray) -> Candidates:
    padded = np.array([[*ids, *[-1] * (5 - len(ids))] for ids in members], dtype=np.int32)
    size = np.array([len(ids) for ids in members])
    product = np.array([p[list(ids)].prod() for ids in members])
    return Candidates(np.array(list("abcdef")), padded, size, p, product, product, np.ones(len(members), np.uint8))


P = np.array([0.5, 0.4, 0.3, 0.2, 0.6, 0.1])
USUAL, COST = np.array([2.0, 3.0, 1.0, 4.0, 2.0, 5.0]), np.array([1.5, 2.0, 0.8, 3.0, 1.2, 4.0])


def test_a_price_is_the_best_of_all_discounts():
    sets, steep = sets_of([(0, 1), (2, 3, 4)], P), np.array([1.0, 3.0, 6.0, 6.0, 6.0, 6.0])
    for weights in (Weights(1, 0, 0), Weights(0, 1, 0), Weights(1, 2, 0)):
        priced = price(sets, USUAL, COST, steep, (0.0, 0.1, 0.2), weights)
        share = weights.normalised()
        usual, cost = np.array([5.0, 7.0]), np.array([3.5, 5.0])
        top = (sets.probability * usual).max(), (sets.probability * (usual - cost)).max()
        for row, elasticity in enumerate((2.0, 6.0)):
            options = {}
            for d in (0.0, 0.1, 0.2):
                odds = (1 - d) ** -elasticity * sets.probability[row] / (1 - sets.probability[row])
                p, asked = odds / (1 + odds), (1 - d) * usual[row]
                options[d] = share[0] * p * asked / top[0] + share[1] * p * (asked - cost[row]) / top[1]
            assert priced.discount[row] == max(options, key=options.get)
        assert priced.revenue == pytest.approx(priced.probability * priced.price)
        assert priced.margin == pytest.approx(priced.probability * (priced.price - priced.cost))
        assert priced.break_even == pytest.approx((usual - cost) / (priced.price - cost))


def test_a_least_margin_drops_sets_and_refuses_an_empty_shelf():
    sets, flat = sets_of([(0, 1), (2, 3)], P), np.ones(6)
    kept = price(sets, USUAL, COST, flat, (0.0,), least_margin=0.26)
    assert kept.sets.labels(0) == ("a", "b") and len(kept) == 1
    with pytest.raises(BundlebookError, match="margin of 90%"):
        price(sets, USUAL, COST, flat, least_margin=0.9)
    with pytest.raises(BundlebookError, match="discounts"):
        price(sets, USUAL, COST, flat, (0.1, 1.0))


def test_objective_divides_by_the_best_set_and_adds_up():
    sets = sets_of([(0, 1), (2, 3, 4), (0, 5)], P)
    priced = price(sets, USUAL, COST, np.ones(6), (0.0,))
    category = np.array([0, 0, 1, 2, 2, 3])
    for weights in (Weights(1, 0, 0), Weights(0, 1, 0), Weights(0, 0, 1)):
        goal = objective(priced, category, weights)
        name = ("revenue", "margin", "satisfaction")[int(weights.normalised().argmax())]
        terms = np.array([goal.terms([row])[name] for row in range(3)])
        assert goal.alone() == pytest.approx(terms / np.abs(terms).max())
    goal = objective(priced, category, Weights(1, 1, 1))
    one, other = goal.terms([0]), goal.terms([2])
    both = goal.terms([0, 2])  # item a stands in both
    assert both["relevance"] == pytest.approx(one["relevance"] + other["relevance"] - P[0])
    assert both["repetition"] == pytest.approx(0.3)
