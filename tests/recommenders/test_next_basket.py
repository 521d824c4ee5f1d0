"""The network over baskets: what it learns, what changes nothing, and what survives on disk."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import NextBasketRecommender, ProbabilisticRecommender
from bundlebook.recommenders.networks._baskets import BasketSteps
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-21")
SMALL = {"width": 8, "repeat": 8, "steps": 6, "epochs": 3, "seed": 5}


@pytest.fixture(scope="module")
def shop() -> Baskets:
    """150 users of two kinds who all buy one item at a time: bread is followed by milk, milk by bread; tea by tea."""
    rng = np.random.default_rng(0)
    rows, user, day = [], [], []
    for u in range(150):
        start, visits = rng.integers(0, 2), rng.integers(6, 16)
        for visit in range(visits):
            rows.append([1, 0, 0] if (start + visit) % 2 else [0, 1, 0])
            if u % 3 == 0:
                rows[-1] = [0, 0, 1]
        user += [u] * visits
        day.append(AT - np.sort(rng.choice(np.arange(1, 120), visits, replace=False))[::-1])
    users = np.array([f"u{u:03d}" for u in range(150)])
    lines = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    return Baskets(lines, np.array(user), np.concatenate(day), users, np.array(["bread", "milk", "tea"]))


@pytest.fixture(scope="module")
def fitted(shop, trained) -> NextBasketRecommender:
    return trained(NextBasketRecommender(**SMALL), shop, AT)


def test_follows_the_protocol(shop, fitted):
    assert isinstance(fitted, ProbabilisticRecommender)
    scores, probability = fitted.scores(shop, AT), fitted.probability(shop, AT)
    assert scores.shape == probability.shape == (150, 3)
    assert probability.dtype == np.float32
    assert np.allclose(probability, expit(scores))


def test_learns_what_follows_what_in_the_order_of_the_visits(shop):
    probability = NextBasketRecommender(**SMALL | {"epochs": 20, "rate": 2e-2}).fit(shop, AT).probability(shop, AT)
    last = shop.quantities[np.cumsum(shop.counts_by_user()) - 1].toarray().argmax(axis=1)
    follows = np.array([1, 0, 2])[last]
    assert (probability.argmax(axis=1) == follows).all()
    assert probability[np.arange(150), follows].mean() > 0.8
    assert probability.sum(axis=1).mean() == pytest.approx(1, abs=0.1)


def test_padding_and_company_change_nothing(shop, fitted):
    together = fitted.scores(shop, AT)
    alone = np.concatenate([fitted.scores(shop.of_users([u]), AT) for u in (0, 1, 77)])
    assert np.allclose(together[[0, 1, 77]], alone, atol=1e-5)


def test_the_order_of_the_lines_in_a_basket_changes_nothing(shop, fitted):
    lines = shop.quantities.tolil()
    lines[:, 1] = 1
    ordered = lines.tocsr()
    turned = ordered.copy()
    turned.indices, turned.data = turned.indices.copy(), turned.data.copy()
    for low, high in zip(turned.indptr, turned.indptr[1:], strict=False):
        turned.indices[low:high] = turned.indices[low:high][::-1]
        turned.data[low:high] = turned.data[low:high][::-1]
    turned.has_sorted_indices = False
    one, other = (fitted.scores(replace(shop, quantities=q), AT) for q in (ordered, turned))
    assert np.allclose(one, other, atol=1e-5)


def test_the_last_step_answers_as_the_whole_sequence_does(shop, fitted):
    users = np.arange(20)
    whole = fitted.network.predict_on_batch(BasketSteps.up_to(shop, AT, 6).inputs(users))[:, -1]
    assert np.allclose(whole, fitted.scores(shop.of_users(users), AT), atol=1e-5)


def test_a_new_customer_and_one_without_a_past_get_an_answer(fitted):
    nobody = Baskets(
        sparse.csr_matrix((1, 3), dtype=np.float32), np.array([0]), np.array([AT - 5]), np.array(["new"]), fitted.items
    ).where(np.array([False]))
    probability = fitted.probability(nobody, AT)
    assert ((probability > 0) & (probability < 1)).all()


def test_the_same_seed_gives_the_same_network_and_another_one_not(shop, fitted, monkeypatch):
    again = NextBasketRecommender(**SMALL).fit(shop, AT)
    assert np.array_equal(again.scores(shop, AT), fitted.scores(shop, AT))
    monkeypatch.setattr("bundlebook.recommenders.networks.base.train", lambda *_args, **_options: None)
    one, other = (
        NextBasketRecommender(**SMALL | {"seed": seed}).fit(shop, AT).network.get_weights() for seed in (5, 6)
    )
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_saved_network_answers_as_before(shop, fitted, tmp_path):
    fitted.save(tmp_path / "kept")
    loaded = NextBasketRecommender.load(tmp_path / "kept")
    assert loaded.settings == fitted.settings
    assert np.array_equal(loaded.scores(shop, AT), fitted.scores(shop, AT))
    assert not list((tmp_path / "kept").glob("*.pkl"))


def test_without_the_head_a_network_still_learns(shop):
    model = NextBasketRecommender(**SMALL | {"repeat": 0, "epochs": 2}).fit(shop, AT)
    assert model.name == "GRU over baskets"
    assert model.losses[-1] < model.losses[0]


@pytest.mark.parametrize(
    "settings, complaint",
    [
        ({"steps": 0}, "steps must be a whole number from 1 on, got 0"),
        ({"thinning": 1.5}, "thinning must lie in .* got 1.5"),
        ({"repeat": -1}, "repeat must not be negative, got -1"),
    ],
)
def test_impossible_settings_are_refused(settings, complaint):
    with pytest.raises(BundlebookError, match=complaint):
        NextBasketRecommender(**settings)


def test_other_items_and_no_fit_are_refused(shop, fitted):
    with pytest.raises(BundlebookError, match="has not been fitted"):
        NextBasketRecommender().scores(shop, AT)
    with pytest.raises(BundlebookError, match="fitted on 3 others"):
        fitted.scores(shop.over(shop.items[:2]), AT)


def test_its_answers_have_a_column_for_every_item(fitted):
    assert fitted.network.output_shape[-1] == fitted.answering().output_shape[-1] == 3
