import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bundlebook import profiles
from bundlebook.errors import BundlebookError
from bundlebook.profiles import ProfileMatch, SocialProfile, Weights, people, ridge_nonnegative
from bundlebook.profiles.weights import _learn_product, _normal_equations, _normalised
from bundlebook.recommenders import PersonalFrequency, Recommender
from bundlebook.shop import Baskets

DAY = np.datetime64("2021-01-01")
VECTORS = pd.DataFrame(
    [[1, 0, 1, 0], [1, 0, 0.6, 0.8], [0, 1, 1, 0], [0, 1, 0, 1]],
    index=list("abcd"),
    columns=["kind: tea", "kind: toys", "price: low", "price: high"],
)


def three_users():
    """Ann buys a twice and b once; Bob buys c, lately too; Cem buys d once, lately."""
    rows = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    day = DAY + np.array([0, 10, 50, 0, 50, 50])
    user = np.array([0, 0, 0, 1, 1, 2])
    return Baskets(sparse.csr_matrix(np.array(rows, np.float32)), user, day, np.array(["ann", "bob", "cem"]),
                   np.array(list("abcd")))  # fmt: skip


@pytest.fixture
def by_hand():
    weights = Weights.by_hand({"purchases": 3, "everyone": 1}, {"item": 1, "kind": 2, "price": 1})
    return ProfileMatch(VECTORS, weights=weights).fit(three_users(), DAY + 60)


@pytest.fixture(scope="module")
def fitted(shop, split):
    return profiles.fit(shop, split, seed=1)


def test_the_score_is_the_formula(by_hand):
    b = three_users()
    f_ann, crowd = np.array([2, 2, 0, 0]) / 3, np.array([1, 2, 1, 1]) / 4  # of the last 56 days
    u = 0.75 * f_ann + 0.25 * crowd
    kind = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    price = np.array([[1, 0.6, 1, 0], [0.6, 1, 0.6, 0.8], [1, 0.6, 1, 0], [0, 0.8, 0, 1]])
    scale = by_hand.scale_
    kernel = 0.25 * np.eye(4) / scale["item"] + 0.5 * kind / scale["kind"] + 0.25 * price / scale["price"]
    assert by_hand.scores(b, DAY + 60)[0] == pytest.approx(u @ kernel, rel=1e-5)


def test_parts_sum_to_the_score(by_hand):
    b = three_users()
    by_source, by_block = by_hand.parts(b, DAY + 60)
    scores = by_hand.scores(b, DAY + 60)
    assert np.sum(list(by_source.values()), axis=0) == pytest.approx(scores, rel=1e-5)
    assert np.sum(list(by_block.values()), axis=0) == pytest.approx(scores, rel=1e-5)
    assert list(by_source) == ["purchases", "everyone"] and by_block["kind"][0, 3] < by_block["kind"][0, 0]


def test_personal_frequency_is_a_special_case():
    weights = Weights.by_hand({"purchases": 1}, {"item": 1})
    b = three_users()
    model = ProfileMatch(VECTORS, weights=weights).fit(b, DAY + 60)
    mine = model.scores(b, DAY + 60)
    counted = PersonalFrequency().fit(b, DAY + 60).scores(b, DAY + 60) / b.counts_by_user()[:, np.newaxis]
    assert mine * model.scale_["item"] == pytest.approx(counted, rel=1e-5)


def test_recent_purchases_count_by_age():
    weights = Weights.by_hand({"recent": 1}, {"item": 1})
    model = ProfileMatch(VECTORS, weights=weights).fit(three_users(), DAY + 60)
    weight = 0.5 ** (np.array([60, 50, 10]) / 28)
    ann = model.mixture(three_users(), DAY + 60)[0]
    assert ann[:2] == pytest.approx([weight[:2].sum() / weight.sum(), weight[1:].sum() / weight.sum()], rel=1e-5)


def test_a_stranger_gets_what_everyone_buys_and_no_identity_block_means_attributes_only(by_hand):
    b = three_users()
    nobody = b.of_users([0]).where(np.zeros(3, dtype=bool))
    assert by_hand.mixture(nobody, DAY + 60)[0] == pytest.approx(0.25 * np.array([1, 2, 1, 1]) / 4)
    blind = ProfileMatch(VECTORS, weights=Weights.by_hand({"purchases": 1}, {"kind": 1}), identity=False)
    scores = blind.fit(b, DAY + 60).scores(b, DAY + 60)
    assert scores[0, 0] == scores[0, 1] > 0 and scores[0, 2] == scores[0, 3] == 0


def test_later_baskets_change_nothing(fitted, split):
    task = split.task("validation")
    model = ProfileMatch(fitted.vectors, fitted.people, seed=1)
    everything = model.fit(split.baskets, task.at).scores(split.baskets.of_users(np.arange(9)), task.at)
    visible = model.fit(task.visible, task.at).scores(task.visible.of_users(np.arange(9)), task.at)
    assert everything == pytest.approx(visible, rel=1e-6)


def test_learned_weights_sum_to_one_and_own_purchases_gain_with_history(fitted):
    w = fitted.model.weights_
    assert w.sources.sum(axis=1).to_numpy() == pytest.approx(1) and w.blocks.sum() == pytest.approx(1)
    assert (w.sources >= 0).all().all() and (w.blocks >= 0).all()
    own = w.sources[["purchases", "recent"]].sum(axis=1)
    # The active-set solver leaves 0 or rounding, by processor.
    assert own.loc[0] == pytest.approx(0, abs=1e-9) and own.loc[1] < own.loc[4] < own.loc[32]


def test_fit_is_reproducible_and_follows_the_protocol(fitted, split):
    again = ProfileMatch(fitted.vectors, fitted.people, seed=1).fit(split.training, split.train_end)
    assert isinstance(again, Recommender)
    assert again.weights_.sources.equals(fitted.model.weights_.sources)
    assert again.scores(split.training, split.train_end).dtype == np.float32


def test_weights_of_a_length_are_those_of_the_last_row_not_longer():
    table = pd.DataFrame({"purchases": [0.0, 0.4], "everyone": [1.0, 0.6]}, index=[0, 4])
    w = Weights(table, pd.Series({"item": 1.0}))
    assert w.of_length(np.array([0, 3, 4, 99]))[:, 0] == pytest.approx([0, 0, 0.4, 0.4])


@pytest.mark.parametrize("bad", [{"purchases": -1, "recent": 2}, {"purchases": 0}, {"purchases": np.nan}])
def test_weights_that_cannot_be_normalised(bad):
    with pytest.raises(BundlebookError, match="cannot be normalised"):
        Weights.by_hand(bad, {"item": 1})


def test_errors_name_the_problem(by_hand):
    b = three_users()
    with pytest.raises(BundlebookError, match="unknown blocks"):
        ProfileMatch(VECTORS, weights=Weights.by_hand({"recent": 1}, {"colour": 1}))
    with pytest.raises(BundlebookError, match="are not the"):
        ProfileMatch(VECTORS).fit(b.over(np.array(["a", "b"])), DAY + 60)
    with pytest.raises(BundlebookError, match="no basket lies before"):
        ProfileMatch(VECTORS).fit(b, DAY)


def test_learning_finds_the_weights_that_made_the_purchases():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 80, 50)).astype(np.float32)
    w, v = np.array([0.8, 0.2]), np.array([0.6, 0.4, 0.0])
    score = np.einsum("i,j,ijun->un", w, v, features)
    gram, right = _normal_equations(features, score > 0.8)
    found = _learn_product(gram / score.size, right / score.size, l2=1e-6)
    assert found[0] == pytest.approx(w, abs=0.03) and found[1] == pytest.approx(v, abs=0.03)


def test_nonnegative_ridge_meets_its_conditions():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(40, 6))
    gram, right = A.T @ A, A.T @ rng.normal(size=40)
    theta = ridge_nonnegative(gram, right, 0.1)
    slope = gram @ theta + 0.1 * np.trace(gram) / 6 * theta - right
    assert (theta >= 0).all() and (theta == 0).any()
    assert slope[theta > 0] == pytest.approx(0, abs=1e-8) and (slope[theta == 0] >= 0).all()
    assert _normalised(pd.DataFrame([[1.0, 3.0]])).to_numpy().tolist() == [[0.25, 0.75]]


def test_people_leaves_out_what_names_single_users_and_keeps_missing_as_a_value():
    users = pd.DataFrame(
        {"user_id": [f"u{i:02d}" for i in range(30)], "age": ["young", "old", None] * 10, "name": range(30), "one": "x"}
    )
    table = people(users)
    assert table.columns.tolist() == ["age: old", "age: unknown", "age: young"] and (table.sum(axis=1) == 1).all()
    assert people(None) is None and people(users[["user_id"]]) is None


def test_social_profile_is_a_ridge_regression_and_knows_nothing_of_strangers():
    rng = np.random.default_rng(2)
    ids = np.array([f"u{i:02d}" for i in range(40)])
    table = people(pd.DataFrame({"user_id": ids[:30], "age": rng.choice(["a", "b", "c"], 30)}))
    F = rng.random((40, 5))
    from sklearn.linear_model import Ridge

    found = SocialProfile(table, l2=3.0).fit(ids, F).deviation(ids)
    library = Ridge(alpha=3.0).fit(table.to_numpy(), F[:30])
    assert found[:30] == pytest.approx(library.predict(table.to_numpy()) - F[:30].mean(axis=0), abs=1e-6)
    assert not found[30:].any()
    with pytest.raises(BundlebookError, match="positive"):
        SocialProfile(table, l2=0)


def test_portrait_of_a_user_and_of_an_item(fitted):
    mine = profiles.portrait(fitted, "U007")
    assert mine["percentile"].between(0, 100).all()
    assert mine.loc["spend per period", "value"] == fitted.users.loc["U007", "spend per period"]
    item = fitted.items.index[0]
    assert profiles.portrait(fitted, item)["group"].tolist()[0] == "at what price"
    with pytest.raises(BundlebookError, match="no portrait"):
        profiles.portrait(fitted, "nobody")


def test_similar_items(fitted):
    found = profiles.similar_items(fitted, fitted.items.index[0], k=4)
    assert len(found) == 4 and found.is_monotonic_decreasing and found.between(0, 1).all()
    with pytest.raises(BundlebookError, match="no item"):
        profiles.similar_items(fitted, "nothing")


def test_match_explains_the_scores_of_the_recommender(fitted):
    found = profiles.match(fitted, "U007", k=5)
    row = np.flatnonzero(fitted.visible.user_ids == "U007")
    scores = fitted.model.scores(fitted.visible.of_users(row), fitted.at)[0]
    assert found.index.tolist() == fitted.visible.items[np.argsort(-scores, kind="stable")[:5]].tolist()
    assert found[list(fitted.model.weights_.sources)].sum(axis=1).to_numpy() == pytest.approx(found["score"].to_numpy())
    stranger = profiles.match(fitted, "nobody", k=5)
    assert stranger["score"].iloc[0] == 1 and not stranger["bought"].any() and not stranger["purchases"].any()


def test_hidden_items_have_no_past_and_keep_their_future(shop, split):
    later_shop, later, hidden = profiles.hide_items(shop, split, share=0.2, seed=3)
    b, old = later.baskets, split.baskets
    assert hidden.sum() == round(0.2 * old.n_items) and b.n_baskets == old.n_baskets
    assert not b.between(end=split.train_end).quantities[:, np.flatnonzero(hidden)].nnz
    after = [x.between(start=split.train_end).quantities for x in (b, old)]
    assert (after[0] != after[1]).nnz == 0
    others = [x.quantities[:, np.flatnonzero(~hidden)] for x in (b, old)]
    assert (others[0] != others[1]).nnz == 0
    sold = later_shop.purchases.merge(shop.products[["item_id", "product_type"]], on="item_id")
    gone = sold["product_type"].isin(old.items[hidden]) & (sold["time"] < pd.Timestamp(split.train_end))
    assert not gone.any() and len(sold) > len(shop.purchases) / 2
    with pytest.raises(BundlebookError, match="share"):
        profiles.hide_items(shop, split, share=1.0, seed=3)
    model = ProfileMatch(profiles.item_vectors(later_shop, later), identity=False).fit(later.training, later.train_end)
    assert model.scores(later.training, later.train_end)[:, hidden].max() > 0


def test_a_social_profile_does_not_learn_from_those_it_is_judged_on(fitted, split, monkeypatch):
    taught = []
    original = SocialProfile.fit

    def spy(self, user_ids, frequency):
        taught.append(set(user_ids))
        return original(self, user_ids, frequency)

    monkeypatch.setattr(SocialProfile, "fit", spy)
    model = ProfileMatch(fitted.vectors, fitted.people, sample=50, seed=1).fit(split.training, split.train_end)
    assert len(taught) == 2 and len(taught[1] - taught[0]) >= 50 and model._social is not None
