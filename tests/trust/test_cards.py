"""Cards say what was measured: shares by group against counting by hand, and nothing about small groups or people."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import METHODS, MethodInputs, evaluate
from bundlebook.recommenders import DecayedFrequency
from bundlebook.shop import Shop, clean, customer_segments, group_baskets, load_shop, time_split
from bundlebook.trust import Groups, PrivateFrequency, data_card, model_card, private_card

METHOD = {method.name: method for method in METHODS}


@pytest.fixture(scope="module")
def shop():
    return clean(load_shop("sample"))[0]


@pytest.fixture(scope="module")
def inputs(shop):
    return MethodInputs(shop, time_split(group_baskets(shop)))


@pytest.fixture(scope="module")
def groups(shop, inputs):
    return Groups.of(shop, inputs.split.task("validation"))


@pytest.fixture(scope="module")
def cards(inputs, groups):
    names = ("popularity", "decayed frequency + popularity")
    return {name: model_card(METHOD[name], inputs, groups, seed=1) for name in names}


def test_shares_by_group_are_those_counted_by_hand(shop, groups, cards):
    task = groups.task
    found = evaluate([DecayedFrequency()], task, ks=(10,), requests=0, probabilities=False, seed=1)
    recall = found.per_user("Recall@10").iloc[:, 0]
    table = cards["decayed frequency + popularity"].by_group(seed=1)
    assert table.loc[("users", "all of them"), "finds"] == pytest.approx(recall.mean())
    segment = customer_segments(shop, task.visible.day.min(), task.at)["segment"].reindex(recall.index)
    for name, values in recall.groupby(segment):
        if len(values) >= 5:
            assert table.loc[("segment", name), ["users", "finds"]].tolist() == pytest.approx(
                [len(values), values.mean()]
            )
    length = pd.Series(task.histories.counts_by_user(), task.histories.user_ids)
    for group, row in table.loc["baskets before"].iterrows():
        low, high = (int(part.replace(",", "")) for part in group.split(" to "))
        assert row["finds"] == pytest.approx(recall[length.between(low, high)].mean())
    assert table.loc["baskets before", "users"].sum() == len(recall)
    assert ((table["low"] <= table["finds"]) & (table["finds"] <= table["high"])).all()


def test_bands_of_popularity_hold_a_third_of_the_purchases_each_and_count_every_purchase(groups, cards):
    bought = groups.task.visible.user_item()
    buyers = np.bincount(bought.indices, minlength=bought.shape[1])
    share = pd.Series(buyers).groupby(groups.bands).sum() / buyers.sum()
    assert share.between(0.25, 0.42).all()
    means = pd.Series(buyers).groupby(groups.bands).mean()
    assert means.idxmax().startswith("best-sellers") and means.idxmin().startswith("others")
    sought = cards["popularity"].sought["popularity"].to_numpy().sum()
    assert sought == (groups.task.truth > 0).sum()
    assert (cards["popularity"].found <= cards["popularity"].sought + 1e-12).to_numpy().all()


def test_a_model_that_knows_best_sellers_only_fails_on_other_items_and_says_so(cards):
    weak, reference = cards["popularity"], cards["decayed frequency + popularity"]
    table = weak.by_group(reference, seed=1)
    others = next(group for by, group in table.index if group.startswith("others"))
    assert table.loc[("popularity", others), "finds"] < 0.05
    assert table.loc[("popularity", others), "ahead high"] < 0
    said = " ".join(weak.failures(table, reference.name))
    assert f"least for “{others}”" in said and "finds less than decayed frequency + popularity" in said
    assert "In no group" not in said
    again = " ".join(reference.failures(reference.by_group(reference, seed=1), reference.name))
    assert "finds less" not in again and "In no group" not in again


def test_the_difference_to_itself_is_nothing_and_other_users_are_refused(cards):
    reference = cards["decayed frequency + popularity"]
    table = reference.by_group(reference, seed=3)
    assert (table[["ahead", "ahead low", "ahead high"]] == 0).all(axis=None)
    with pytest.raises(BundlebookError, match="judged on different users"):
        reference.by_group(replace(reference, sought=reference.sought.iloc[1:]), seed=1)


def test_no_group_of_fewer_than_five_users_has_a_row(shop, inputs, cards):
    task = inputs.split.task("validation")
    length = pd.Series("many", index=task.histories.user_ids)
    length.iloc[:4] = "few"
    groups = Groups(task, {"baskets before": length.astype("category")}, Groups.of(shop, task).bands)
    table = model_card(METHOD["popularity"], inputs, groups, seed=1).by_group(seed=1)
    assert "many" in table.loc["baskets before"].index and "few" not in table.loc["baskets before"].index


@pytest.mark.parametrize("name", ["GRU + repeat-aware head", "Transformer"])
def test_a_network_that_was_not_trained_has_no_card_and_is_not_trained(name, inputs, groups, monkeypatch, tmp_path):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))
    assert model_card(METHOD[name], inputs, groups, seed=1) is None
    assert not [file for file in tmp_path.iterdir() if file.is_dir()]


def test_the_card_of_a_model_with_noise_holds_its_ledger(shop, groups):
    card = private_card(PrivateFrequency(epsilon=0.5), groups, seed=1)
    assert card.ledger.spent == pytest.approx(0.5, rel=1e-3)
    assert "ε = 0.5" in card.privacy and "2 releases" in card.privacy


def test_what_a_model_is_and_costs_is_read_off_itself(cards):
    card = cards["decayed frequency + popularity"]
    assert "half_life = 90" in card.settings and "prior_baskets" in card.settings
    assert card.about == (DecayedFrequency.__doc__ or "").split("\n\n")[0].strip().replace("\n    ", " ")
    assert (card.costs[["fit, CPU s", "p50, ms", "p99, ms"]] >= 0).all()
    assert "no ε" in card.privacy


def test_a_data_card_counts_what_is_missing_and_shows_nothing_of_single_people():
    days = pd.to_datetime(["2021-03-01", "2021-03-05", None])
    events = pd.DataFrame({"user_id": ["7", "8", "8"], "item_id": "i", "time": days, "event": "purchase"})
    events = events.assign(quantity=[1, 2, 2], price=[5.0, None, None], basket_id=[1, 2, 2])
    users = pd.DataFrame({"user_id": ["7", "8"], "age": [19, 93]})
    card = data_card(Shop("tiny", events, pd.DataFrame({"item_id": ["i"]}), users))
    assert list(card) == ["events", "products", "users"]
    assert card["events"].loc["price", ["missing", "different", "from", "to"]].tolist() == [
        pytest.approx(2 / 3), 1, "5", "5",
    ]  # fmt: skip
    assert card["events"].loc["time", ["kind", "from", "to"]].tolist() == ["day", "2021-03-01", "2021-03-05"]
    assert card["events"].loc["basket_id", ["from", "to"]].tolist() == ["", ""]
    assert card["users"].loc["age", ["from", "to"]].tolist() == ["", ""]
    assert "93" not in card["users"].to_string()
