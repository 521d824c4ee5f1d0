"""The completer: its likelihood, its probabilities, and that it uses basket and household."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import hide_one, metrics, rank
from bundlebook.recommenders import EASE, BasketCompleter, SummedCompleter
from bundlebook.recommenders.completing import _conditional_logit
from bundlebook.shop import clean, group_baskets, load_shop, time_split


@pytest.fixture(scope="module")
def split():
    return time_split(group_baskets(clean(load_shop("sample"))[0]))


def test_conditional_logit_finds_the_coefficients_that_made_the_choices():
    rng = np.random.default_rng(0)
    x, beta = rng.normal(size=(4000, 12, 3)), np.array([1.0, -0.5, 0.0])
    free = rng.random((4000, 12)) < 0.8
    free[:, 0] = True
    utility = np.where(free, x @ beta + rng.gumbel(size=(4000, 12)), -np.inf)
    assert _conditional_logit(x, free, utility.argmax(axis=1)) == pytest.approx(beta, abs=0.06)


@pytest.fixture(scope="module")
def visible(split):
    return split.baskets.between(end=split.train_end)


@pytest.fixture(scope="module")
def fitted(split, visible):
    return BasketCompleter().fit(visible, split.train_end)


def test_probabilities_sum_to_the_items_to_come_and_skip_the_cart(split, visible, fitted):
    cart = sparse.csr_matrix((np.ones(2), ([0, 0], [1, 4])), shape=(1, visible.n_items))
    p = fitted.probability(cart, visible, np.array([0]), split.train_end)
    assert (p[0, [1, 4]] == 0).all() and (p >= 0).all() and (p < 1).all()
    share = 1 - (1 - p) ** (1 / fitted.rest_)
    assert share.sum() == pytest.approx(1)


def test_both_basket_and_household_help(split, visible, fitted):
    at = split.train_end
    inside = split.baskets.between(at, split.validation_end)
    cases = hide_one(inside.where(inside.sizes() >= 2), seed=0)
    carts = cases.carts.incidence

    def found(model, carts):
        score = model.scores(carts, visible, cases.user, at)
        return metrics.recall(rank(score, cases.truth, 5, cases.candidates), 5).mean()

    both = found(fitted, carts)
    assert both > found(BasketCompleter(history=False).fit(visible, at), carts)
    assert both > found(fitted, sparse.csr_matrix(carts.shape))


def test_a_log_without_a_period_is_refused(split):
    with pytest.raises(BundlebookError, match="28 days"):
        BasketCompleter().fit(split.baskets, split.start)


def test_the_two_term_sum_is_frequency_plus_ease(split, visible):
    at = split.train_end
    carts = visible.where(visible.sizes() >= 2).incidence[:20]
    rows = np.arange(20) % visible.n_users
    both, plain = (SummedCompleter(weight=w).fit(visible, at) for w in (1.5, 0.0))
    e = EASE(400, rows="baskets").fit(visible, at).weights_
    habit = plain.scores(carts, visible, rows, at)
    assert both.scores(carts, visible, rows, at) == pytest.approx(habit + 1.5 * np.asarray(carts @ e), abs=1e-6)
    past = visible.one(visible.user_ids[0])
    weight = 2.0 ** (-(at - past.day).astype(int) / 60)
    everybody = (np.bincount(visible.quantities.indices, minlength=visible.n_items) + 0.5) / (visible.n_baskets + 1)
    by_hand = (weight @ past.incidence.toarray() + 5 * everybody) / (weight.sum() + 5)
    assert habit[0] == pytest.approx(by_hand)


def test_the_two_term_sum_beats_its_terms(split, visible):
    at = split.train_end
    inside = split.baskets.between(at, split.validation_end)
    cases = hide_one(inside.where(inside.sizes() >= 2), seed=0)
    carts = cases.carts.incidence

    def found(weight, carts):
        score = SummedCompleter(weight=weight).fit(visible, at).scores(carts, visible, cases.user, at)
        return metrics.recall(rank(score, cases.truth, 5, cases.candidates), 5).mean()

    assert found(1.5, carts) > found(0.0, carts)


def test_the_two_term_sum_refuses_a_weight_below_zero_and_an_empty_past(split):
    with pytest.raises(BundlebookError, match="weight must not be negative"):
        SummedCompleter(weight=-1)
    with pytest.raises(BundlebookError, match="no basket lies before"):
        SummedCompleter().fit(split.baskets, split.start)
