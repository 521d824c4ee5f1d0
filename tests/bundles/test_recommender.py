"""The one call behind a page, on the sample shop; what it says and what it must not see."""

import numpy as np
import pytest

from bundlebook import bundles
from bundlebook.bundles import BundleRecommender, Limits, Weights, recommend_bundles
from bundlebook.bundles.reasons import _rhythms
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import RecurrentRecommender


def test_a_page_keeps_to_its_rules(fitted, task):
    for user in range(0, task.histories.n_users, 25):
        page = fitted.recommend(task.histories.of_users([user]), k=3)
        shown = [item for bundle in page for item in bundle.items]
        assert 1 <= len(page) <= 3 and len(set(shown)) == len(shown)
        for bundle in page:
            assert 2 <= len(bundle.items) <= 5 and 0 < bundle.probability < 1
            assert bundle.usual_price * 0.8 - 1e-9 <= bundle.price <= bundle.usual_price + 1e-9
            assert bundle.revenue == pytest.approx(bundle.probability * bundle.price)
            usual = fitted.table_.loc[list(bundle.items), "usual_price"].sum()
            assert bundle.usual_price == pytest.approx(usual)
            assert bundle.source and bundle.reasons


def test_exact_is_never_worse_than_the_beam_and_a_budget_is_kept(fitted, task):
    history = task.histories.of_users([3])
    sets = fitted.candidates(history)
    weights = Weights(1, 0, 0)
    priced = fitted.price(sets)
    goal = bundles.objective(priced, fitted.category_, weights, fitted.taste)
    values = {method: goal.value(bundles.choose(goal, 3, method=method)) for method in ("greedy", "beam", "exact")}
    assert values["greedy"] <= values["exact"] + 1e-9 and values["beam"] <= values["exact"] + 1e-9
    free, page = (fitted.recommend(history, weights=weights, limits=Limits(budget=budget)) for budget in (np.inf, 0.0))
    assert all(bundle.discount == pytest.approx(0) for bundle in page) and len(page) == len(free)


def test_discounted_sets_are_the_same_for_everybody_and_cheaper(fitted, task):
    pages = [fitted.recommend(history, kind="discounted") for history in (None, task.histories.of_users([0]))]
    assert [b.items for b in pages[0]] == [b.items for b in pages[1]]
    assert all(bundle.discount >= 0.05 - 1e-9 for page in pages for bundle in page)


def test_matching_items_are_not_in_the_basket_and_are_linked_to_it(fitted, task):
    history = task.histories.of_users([0])
    items = fitted.items_
    first = int(np.argmax(np.isfinite(fitted.links_.lift).sum(axis=1)))
    page = fitted.recommend(history, kind="matching", basket=(str(items[first]), "no such thing"))
    shown = {item for bundle in page for item in bundle.items}
    assert items[first] not in shown
    partners = set(items[fitted.links_.partners[first][fitted.links_.partners[first] >= 0]])
    candidates = fitted.candidates(history, "matching", (str(items[first]),))
    assert partners & {item for row in range(len(candidates)) for item in candidates.labels(row)}
    with pytest.raises(BundlebookError, match="basket"):
        fitted.recommend(history, kind="matching")
    with pytest.raises(BundlebookError, match="unknown kind"):
        fitted.recommend(history, kind="free")


def test_a_basket_that_would_change_nothing_is_refused(fitted, task):
    history = task.histories.of_users(np.array([0]))
    with pytest.raises(BundlebookError, match="the basket 'green tea' is text"):
        fitted.recommend(history, basket="green tea")
    with pytest.raises(BundlebookError, match=r"no item of the basket is known: \['zzz'\]"):
        fitted.recommend(history, basket=("zzz",))


def test_strangers_get_a_page(shop, task):
    known = str(task.histories.user_ids[0])
    pages = {
        "known": recommend_bundles(shop, known, task.at),
        "unknown id": recommend_bundles(shop, "nobody of this name", task.at),
        "nothing": recommend_bundles(shop, None, task.at),
    }
    assert pages["unknown id"] == pages["nothing"] != pages["known"]
    again = recommend_bundles(shop, task.histories.of_users([0]), task.at)
    assert [b.items for b in again] == [b.items for b in pages["known"]]
    few = task.histories.of_users([0])
    few = few.over(few.items[np.unique(few.quantities.indices)[:5]])
    assert recommend_bundles(shop, few, task.at)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"user": 1001}, "the user 1001 is not text"),
        ({"user": float("nan")}, "the user nan is not text"),
        ({"at": "tomorrow"}, "'tomorrow' is no date"),
        ({"at": "05/04/2021"}, "'05/04/2021' is no date"),
        ({"at": "NaT"}, "'NaT' is no date"),
    ],
)
def test_a_number_for_a_user_and_a_word_for_a_date_are_refused(shop, asked, told):
    with pytest.raises(BundlebookError, match=told) as caught:
        recommend_bundles(shop, **asked)
    assert caught.value.remedy


def test_a_shop_of_forty_customers_gets_bundles_too(shop):
    few = shop.events[shop.events["user_id"].isin(sorted(shop.events["user_id"].unique())[:40])]
    small = shop.with_tables(events=few)
    page = recommend_bundles(small, user=few["user_id"].iloc[0], k=3)
    assert page and all(len(bundle.items) >= 2 for bundle in page)
    assert all(type(bundle.price) is type(bundle.satisfaction) is float for bundle in page)


def test_the_future_has_no_say(shop, task, fitted):
    events = shop.events
    late = events["time"].to_numpy() >= task.at
    rng = np.random.default_rng(0)
    shuffled = events.copy()
    shuffled.loc[late, "item_id"] = rng.permutation(shuffled.loc[late, "item_id"].to_numpy())
    shuffled.loc[late, "price"] *= 3
    world = shop.with_tables(events=shuffled)
    other = BundleRecommender().fit(world, task.visible, task.at)
    history = task.histories.of_users([1])
    assert other.recommend(history) == fitted.recommend(history)


def test_reasons_come_from_the_numbers(fitted, task):
    row = int(np.argmax(task.histories.counts_by_user()))
    history = task.histories.of_users([row])
    counts = np.asarray(history.user_item().todense()).ravel()
    often, never = int(counts.argmax()), int(counts.argmin())
    usual, unknown = _rhythms(history, [often, never])
    days = np.unique(history.day[history.quantities[:, [often]].toarray().ravel() > 0]).astype(int)
    assert usual == (len(days), np.median(np.diff(days)))
    assert unknown[0] == counts[never]
    text = " ".join(sentence for bundle in fitted.recommend(history, k=5) for sentence in bundle.reasons)
    assert "You buy" in text or "You have bought" in text or "new to you" in text
    sets = fitted.candidates(history)
    table = bundles.numbers(fitted.price(sets), 0, fitted.links_, fitted.together_)
    i, j = sets.ids(0)
    assert table["odds_ratio"].item() == fitted.together_.psi[i, j]
    assert table[["p_first", "p_second"]].to_numpy().ravel() == pytest.approx(sets.p[[i, j]])


def test_joint_probabilities_beat_the_product_on_the_replay(fitted):
    replay = fitted.replay_
    corrected = fitted.calibration_(replay["joint"].to_numpy(), replay["size"].to_numpy())
    outcome = replay["came_true"]
    assert corrected.mean() == pytest.approx(outcome.mean(), rel=0.02)
    assert abs(replay["independent"].mean() - outcome.mean()) > abs(corrected.mean() - outcome.mean())


def test_a_network_can_be_the_model_and_is_not_compiled_again_for_each_customer(shop, task):
    network = RecurrentRecommender(width=4, repeat=4, epochs=1, seed=1)
    fitted = BundleRecommender(network, replayed=60).fit(shop, task.visible, task.at)
    people = [task.histories.of_users([user]) for user in range(12)]
    for person in people[:2]:
        fitted.recommend(person)
    compiled = network._asked.predict_function.experimental_get_tracing_count()
    for person in people:
        page = fitted.recommend(person)
        sets = fitted.candidates(person)
        assert sets.p == pytest.approx(network.probability(person, task.at)[0])
        assert page and all(0 < bundle.probability < 1 and bundle.reasons for bundle in page)
    assert len({person.user_item().nnz for person in people}) > 5, "their histories are of many lengths"
    assert network._asked.predict_function.experimental_get_tracing_count() == compiled
    assert fitted.recommend(None), "a stranger gets a page too"


def test_a_model_may_be_asked_for_by_name(shop, task):
    history = task.histories.of_users([2])
    by_name = {}
    for name in bundles.P_MODELS:
        one = BundleRecommender(name, replayed=0).fit(shop, task.visible, task.at)
        by_name[name] = one.probability(history)
        assert one.recommend(history) and one.recommend(None), name
    given = bundles.P_MODELS["trees"](0).fit(task.visible, task.at)
    assert by_name["trees"] == pytest.approx(given.probability(history, task.at)[0])
    assert len({p.round(6).tobytes() for p in by_name.values()}) == len(by_name)
    with pytest.raises(BundlebookError, match=r"unknown model 'forest'[\s\S]*'stacked with trees'"):
        BundleRecommender("forest")


def test_pages_of_two_models_are_kept_apart(shop, task):
    pages = [bundles.recommend_bundles(shop, None, task.at, k=3, model=name) for name in ("counting", "trees")]
    again = bundles.recommend_bundles(shop, None, task.at, k=3)
    assert pages[0] == again != pages[1]


def test_without_a_replay_the_order_of_pairs_is_the_same(shop, task, fitted):
    raw = BundleRecommender(replayed=0).fit(shop, task.visible, task.at)
    history = task.histories.of_users([2])
    first, second = (one.candidates(history, sizes=(2,)) for one in (raw, fitted))
    assert raw.replay_.empty and first.members.tolist() == second.members.tolist()
    assert first.probability == pytest.approx(second.raw)
