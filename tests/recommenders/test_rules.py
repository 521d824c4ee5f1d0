import numpy as np
import pytest
from scipy import sparse

from bundlebook.association import rules_for
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import Recommender, RuleRecommender
from bundlebook.shop import Baskets

LATER = np.datetime64("2021-12-01")


def as_baskets(dense: np.ndarray, user: np.ndarray) -> Baskets:
    day = np.datetime64("2021-01-01") + np.arange(len(dense)).astype("timedelta64[D]")
    users = np.array([f"u{n}" for n in range(user.max() + 1)])
    items = np.array([f"i{n}" for n in range(dense.shape[1])])
    return Baskets(sparse.csr_matrix(dense.astype(np.float32)), user, day, users, items)


@pytest.fixture(scope="module")
def log() -> Baskets:
    rng = np.random.default_rng(8)
    dense = rng.random((200, 6)) < np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    dense[:, 5] |= dense[:, 3] & dense[:, 4]
    dense[~dense.any(axis=1), 0] = True
    return as_baskets(dense, np.repeat(np.arange(10), 20))


def test_a_single_basket_is_scored_as_rules_for_answers(log):
    model = RuleRecommender(0.01, max_antecedent=2, repeats=False).fit(log, LATER)
    carts = log.where(np.arange(0, 200, 20))  # one basket of each user
    scores = model.scores(carts, LATER)
    for user in range(10):
        held = carts.items[carts.quantities[user].indices]
        answer = rules_for(held, model.rules_, top=6)
        for item, confidence in zip(answer["item"], answer["confidence"], strict=True):
            column = np.flatnonzero(log.items == item)[0]
            assert scores[user, column] == pytest.approx(confidence, abs=2e-6)


def test_the_score_by_hand():
    """b follows a in 2 of 3 baskets; a user with a in 1 of 2 baskets gets 1/2 × 2/3 for b."""
    log = as_baskets(np.array([[1, 1], [1, 1], [1, 0], [0, 1]]), np.zeros(4, dtype=int))
    model = RuleRecommender(0.1, repeats=False).fit(log, LATER)
    history = as_baskets(np.array([[1, 0], [0, 1]]), np.zeros(2, dtype=int))
    # a speaks for b in half of the baskets; b for a in the other half (2 of b's 3 baskets hold a)
    assert model.scores(history, LATER)[0] == pytest.approx([1 / 3, 1 / 3], abs=2e-6)
    repeats = RuleRecommender(0.1).fit(log, LATER).scores(history, LATER)[0]
    assert repeats == pytest.approx([1 / 2, 1 / 2], abs=2e-6)


def test_no_history_falls_back_to_popularity(log):
    model = RuleRecommender(0.05).fit(log, LATER)
    scores = model.scores(log, np.datetime64("2020-01-01"))
    assert scores.shape == (10, 6)
    assert np.argsort(-scores[0]).tolist() == np.argsort(-model.share_).tolist()


def test_it_sees_no_future(log):
    at = np.datetime64("2021-04-01")
    model, past = RuleRecommender(0.05).fit(log, at), log.where(log.day < at)
    again = RuleRecommender(0.05).fit(past, at)
    assert again.rules_.equals(model.rules_)
    assert (again.scores(past, at) == model.scores(log, at)).all()
    assert isinstance(model, Recommender)


def test_bad_arguments():
    with pytest.raises(BundlebookError, match="max_antecedent"):
        RuleRecommender(max_antecedent=0)
