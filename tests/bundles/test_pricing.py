"""Prices, the discount response, and the price of a set."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundlebook.bundles import (
    Candidates,
    Limits,
    Weights,
    choose,
    demand,
    objective,
    price,
    prices,
    uplift_by_depth,
)
from bundlebook.errors import BundlebookError
from bundlebook.shop import MarginPolicy, Shop, group_baskets, time_split

START, END = np.datetime64("2021-01-04"), np.datetime64("2021-10-04")


def shop_with(elasticities: dict[str, float], seed: int = 0, dip: float = 0.0, products: int = 12) -> Shop:
    """A shop whose weekly buyers follow known elasticities: 39 weeks, some cuts, much noise."""
    rng, lines, catalogue = np.random.default_rng(seed), [], []
    for category, elasticity in elasticities.items():
        for number in range(products):
            item, level, before = f"{category}{number:02d}", rng.normal(3.5, 0.4), 0.0
            catalogue.append((item, category, "Private" if number % 2 else "National", "GROCERY"))
            for week in range(39):
                cut = np.log(1 - rng.choice([0, 0, 0.1, 0.2, 0.35]))
                buyers = np.exp(level - elasticity * cut - dip * before + rng.normal(0, 0.1))
                day = START + 7 * week + int(rng.integers(7))
                lines += [(f"u{user}", item, day, 2.0 * np.exp(cut), 2.0) for user in range(max(1, round(buyers)))]
                before = cut
    events = pd.DataFrame(lines, columns=["user_id", "item_id", "time", "price", "list_price"])
    events = events.assign(quantity=1.0, event="purchase", time=pd.to_datetime(events["time"]))
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


def test_stocking_up_shows_in_the_week_after():
    found = demand(shop_with({"a": 2.0}, dip=-0.6), START, END, "item_id")
    assert found.after["elasticity"] == pytest.approx(-0.6, abs=0.1)
    assert found.after["high"] < 0


def test_categories_that_do_not_differ_are_pulled_together():
    found = demand(shop_with(dict.fromkeys("abcdef", 1.5), seed=3, products=6), START, END, "item_id")
    assert found.table["elasticity"].std() < 0.5 * found.table["own"].std()


def mixed_shop(
    seed: int, elasticity: float, mixed: float = 1.0, users: int = 250, weeks: int = 36, types: int = 12
) -> Shop:
    """A chain of two shops, cuts that are often in one of them alone; frequent and rare buyers, who hoard what is cut.

    The rate at which a user buys a product is multiplied by (1 − cut)^−elasticity where he or she sees the cut.
    """
    rng = np.random.default_rng(seed)
    cut = np.where(rng.random((3 * types, weeks)) < 0.3, rng.choice([0.1, 0.2, 0.35], (3 * types, weeks)), 0.0)
    rate = rng.gamma(0.5, 0.02, (users, 3 * types)) * rng.gamma(0.7, 1.0, (users, 1))
    cut = np.where((np.arange(users) % 2 == 0)[:, None, None] | (rng.random(cut.shape) >= mixed), cut, 0.0)
    factor = (1 - cut) ** -elasticity
    chance = -np.expm1(-rate[:, :, None] * factor)  # per day
    user, item, week, weekday = np.nonzero(rng.random((*chance.shape, 7)) < chance[..., None])
    off = cut[user, item, week]
    events = pd.DataFrame({"user_id": user.astype(str), "item_id": item.astype(str), "event": "purchase"})
    events["time"] = pd.to_datetime(START + 7 * week + weekday)
    events["quantity"] = 1.0 + rng.poisson(0.3 + 3 * off)
    events["list_price"], events["price"] = 2.0, 2.0 * (1 - off)
    number = np.arange(3 * types)
    columns = {
        "item_id": number.astype(str),
        "type": (number // 3).astype(str),
        "category": "c",
        "name": "",
        "brand": "",
    }
    return Shop("made", events, pd.DataFrame(columns).assign(price=np.nan))


def of_units(shop: Shop) -> tuple[float, float]:
    """95 % interval of the regression of log units on the log of the mean price paid, products and weeks as effects."""
    lines = shop.purchases.assign(week=(shop.purchases["time"] - pd.Timestamp(START)).dt.days // 7)
    lines["paid"], lines["shelf"] = lines["quantity"] * lines["price"], lines["quantity"] * lines["list_price"]
    cells = lines.groupby(["item_id", "week"])[["quantity", "paid", "shelf"]].sum().reset_index()
    x, y = np.log(cells["paid"] / cells["shelf"]), np.log(cells["quantity"])
    for by in 25 * ["item_id", "week"]:
        x, y = (values - values.groupby(cells[by]).transform("mean") for values in (x, y))
    slope = (x * y).sum() / (x * x).sum()
    score = (x * (y - slope * x)).groupby(cells["item_id"]).sum()
    error = np.sqrt((score**2).sum()) / (x * x).sum()
    return -slope - 1.96 * error, -slope + 1.96 * error


def test_the_elasticity_of_buying_is_found_among_mixed_prices_unequal_users_and_hoarded_units():
    truth, covered, by_units, middle = 1.2, 0, 0, []
    for seed in range(20):
        shop = mixed_shop(seed, truth)
        pooled = demand(shop, START, START + 7 * 36, "type").pooled
        covered += pooled["low"] < truth < pooled["high"]
        middle.append(pooled["elasticity"])
        low, high = of_units(shop)
        by_units += low < truth < high
    assert covered >= 18
    assert np.mean(middle) == pytest.approx(truth, abs=0.1)
    assert by_units <= 2


def test_small_mean_discounts_are_mixtures_and_the_median_line_is_not_fooled():
    """Two prices in one week, drawn line by line whatever the price does: nothing is sold by it."""
    shop = mixed_shop(1, elasticity=0.0, mixed=0.5, users=70, types=40)
    found = uplift_by_depth(shop, START, START + 7 * 36).set_index("reading")
    small = {name: found.loc[name].query("0.02 < depth < 0.08") for name in ("mean line", "lines agree")}
    assert small["mean line"]["low"].min() > 1.1 and small["mean line"]["mixed"].min() > 0.9
    assert not len(small["lines agree"])  # no cut was as small as that
    agree = found.loc["lines agree"].query("depth > 0.05")
    assert len(agree) and (agree["uplift"] < 1.1).all()


def test_later_weeks_have_no_say_and_no_cut_is_an_error():
    shop = shop_with({"a": 1.0})
    changed = shop.events.copy()
    late = changed["time"].to_numpy().astype("datetime64[D]") >= START + 140
    changed.loc[late, "price"] *= 0.7
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
    late = events["time"] >= days[8 * 7]  # training is the first eight weeks; later prices must not matter
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
    flat = prices(shop, group_baskets(shop, "item_id"), START, END, 0.3, spread=True)
    assert (1 - flat["cost"] / flat["usual_price"]).to_numpy() == pytest.approx(0.3), "nothing is known of its margins"
    assert not flat["private_label"].any()
    shop = replace(shop, margins=MarginPolicy(("Private",), 0.08, {"PRODUCE": 0.06, "GROCERY": -0.02}))
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
    return Candidates(
        np.array(list("abcdef")), padded, size, p, product, product, product, np.ones(len(members), np.uint8)
    )


P = np.array([0.5, 0.4, 0.3, 0.2, 0.6, 0.1])
USUAL, COST = np.array([2.0, 3.0, 1.0, 4.0, 2.0, 5.0]), np.array([1.5, 2.0, 0.8, 3.0, 1.2, 4.0])


def test_every_set_is_offered_at_every_discount():
    sets, steep = sets_of([(0, 1), (2, 3, 4)], P), np.array([1.0, 3.0, 6.0, 6.0, 6.0, 6.0])
    priced = price(sets, USUAL, COST, steep, (0.0, 0.1, 0.2))
    assert [priced.sets.ids(row) for row in range(6)] == 3 * [(0, 1)] + 3 * [(2, 3, 4)]
    assert priced.discount.tolist() == [0.0, 0.1, 0.2, 0.0, 0.1, 0.2]
    usual, cost = np.repeat([5.0, 7.0], 3), np.repeat([3.5, 5.0], 3)
    assert priced.price == pytest.approx((1 - priced.discount) * usual)
    factor = (1 - priced.discount) ** -np.repeat([2.0, 6.0], 3)
    assert priced.probability == pytest.approx(1 - (1 - np.repeat(sets.probability, 3)) ** factor)
    assert priced.revenue == pytest.approx(priced.probability * priced.price)
    assert priced.margin == pytest.approx(priced.probability * (priced.price - cost))
    assert priced.given == pytest.approx(priced.probability * priced.discount * usual)


def test_a_period_twice_as_long_answers_a_discount_as_two_periods_do():
    one, steep = sets_of([(0, 1)], P), np.full(6, 1.5)
    twice = replace(one, probability=1 - (1 - one.probability) ** 2)
    short, long = (price(sets, USUAL, COST, steep, (0.1,)).probability for sets in (one, twice))
    assert long == pytest.approx(1 - (1 - short) ** 2)


def test_break_even_spans_who_the_additional_buyers_are():
    sets = sets_of([(0, 1), (2, 3, 4)], P)
    priced = price(sets, USUAL, COST, np.zeros(6), (0.1,))
    margin, off = np.array([1.5, 2.0]), np.array([0.5, 0.7])  # the least margins of an item: .5 and .2
    assert priced.break_even[:, 0] == pytest.approx(margin / (margin - off))
    assert priced.break_even[:, 1].tolist() == [np.inf, np.inf]  # .5 off eats all that item a earns
    small = price(sets, USUAL, COST, np.zeros(6), (0.02,)).break_even
    assert small[0, 1] == pytest.approx(1 + 0.1 / (0.5 - 0.1)) and small[1, 1] == pytest.approx(1 + 0.14 / 0.06)
    # By hand: whoever would have bought b alone (margin 1) and now buys both brings 1.5 − .1 instead of 1.
    assert 1.5 * small[0, 1] - 0.1 * small[0, 1] - (small[0, 1] - 1) * 1 == pytest.approx(1.5)


def test_a_budget_of_nothing_shuts_no_set_out():
    sets = sets_of([(0, 1), (2, 3), (4, 5)], P)
    priced = price(sets, USUAL, COST, np.full(6, 3.0), (0.0, 0.2))
    goal = objective(priced, np.arange(6), Weights(1, 0, 0))
    pages = {
        budget: choose(goal, 3, Limits(budget=budget, given=priced.given), "exact") for budget in (0.0, 0.15, np.inf)
    }
    assert len(pages[0.0]) == len(pages[np.inf]) == 3
    assert priced.discount[list(pages[0.0])].tolist() == [0, 0, 0]
    assert priced.discount[list(pages[np.inf])].tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert 0 < priced.given[list(pages[0.15])].sum() <= 0.15
    for method in ("greedy", "beam", "exact"):  # and no set stands on a page at two prices
        twice = choose(goal, 6, Limits(per_item=2, budget=1.0, given=priced.given), method)
        assert len({goal.same[row] for row in twice}) == len(twice) == 3


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
