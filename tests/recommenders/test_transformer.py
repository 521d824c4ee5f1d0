"""The set Transformer: a basket is a set, masks hide what they should, and what it refuses."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import TransformerCompleter, import_keras
from bundlebook.recommenders.networks.transformer import MOST_ITEMS, CartSteps
from bundlebook.shop import Baskets

N_USERS, N_ITEMS = 24, 12
AT = np.datetime64("2021-06-01")
SMALL = {"width": 8, "heads": 2, "repeat": 4, "steps": 6, "epochs": 2, "batch": 8, "most": 4, "seed": 5}


def log() -> Baskets:
    """Households that buy items 0 and 1 together, 2 and 3 together, and whatever else."""
    rng = np.random.default_rng(0)
    rows, user, day = [], [], []
    for person in range(N_USERS):
        for visit in np.sort(rng.choice(150, 10, replace=False)):
            basket = rng.random(N_ITEMS) < 0.15
            pair = 2 * int(rng.integers(2))
            basket[pair : pair + 2] = True
            rows.append(basket.astype(np.float32))
            user.append(person)
            day.append(AT - 151 + visit)
    ids, items = np.array([f"u{n:02d}" for n in range(N_USERS)]), np.array([f"i{n:02d}" for n in range(N_ITEMS)])
    return Baskets(sparse.csr_matrix(np.array(rows)), np.array(user), np.array(day), ids, items)


@pytest.fixture(scope="module")
def visible() -> Baskets:
    return log()


@pytest.fixture(scope="module")
def fitted(visible) -> TransformerCompleter:
    return TransformerCompleter(**SMALL).fit(visible, AT)


@pytest.fixture(scope="module")
def alone(visible) -> TransformerCompleter:
    return TransformerCompleter(history=False, **SMALL).fit(visible, AT)


def test_a_cart_is_a_set_and_what_lies_in_it_is_no_candidate(visible, fitted):
    carts = fitted.carts_of([["i00", "i05", "i07"], ["i07", "i00", "i05", "i05"]])
    score = fitted.completions(carts, visible, np.zeros(2, int), AT)
    assert score.shape == (2, N_ITEMS) and np.allclose(score[0], score[1], atol=1e-5)
    assert (score[:, [0, 5, 7]] < -1e8).all() and (np.delete(score, [0, 5, 7], axis=1) > -100).all()


def test_a_permutation_of_the_tokens_permutes_what_a_block_returns(fitted):
    block = fitted.network.get_layer("past")
    rng = np.random.default_rng(1)
    x, order = rng.normal(size=(1, 5, 8)).astype(np.float32), rng.permutation(5)
    mask = np.ones((1, 5, 5), bool)
    assert np.allclose(block(x[:, order], mask), np.asarray(block(x, mask))[:, order], atol=1e-5)
    placed = x + np.arange(5, dtype=np.float32)[None, :, None] * np.linspace(0, 1, 8, dtype=np.float32)
    again = x[:, order] + np.arange(5, dtype=np.float32)[None, :, None] * np.linspace(0, 1, 8, dtype=np.float32)
    assert not np.allclose(block(again, mask), np.asarray(block(placed, mask))[:, order], atol=1e-3)


def test_no_basket_reads_a_later_one_and_nobody_reads_what_is_not_there(fitted):
    block, rng = fitted.network.get_layer("past"), np.random.default_rng(2)
    x = rng.normal(size=(1, 5, 8)).astype(np.float32)
    causal = np.tril(np.ones((1, 5, 5), bool))
    later = x.copy()
    later[0, 4] += 3
    assert np.allclose(np.asarray(block(x, causal))[0, :4], np.asarray(block(later, causal))[0, :4], atol=1e-6)
    padded = np.ones((1, 1, 5), bool)
    padded[0, 0, 2] = False
    other = x.copy()
    other[0, 2] += 3
    rest = [0, 1, 3, 4]
    assert np.allclose(np.asarray(block(x, padded))[0, rest], np.asarray(block(other, padded))[0, rest], atol=1e-6)


def test_a_row_that_may_read_nothing_is_finite_and_a_mask_of_numbers_is_refused(fitted):
    block, x = fitted.network.get_layer("past"), np.ones((1, 5, 8), np.float32)
    assert np.isfinite(np.asarray(block(x, np.zeros((1, 5, 5), bool)))).all()
    with pytest.raises(BundlebookError, match="mask of float32"):
        block(x, np.ones((1, 5, 5), np.float32))


def test_what_is_asked_about_is_hidden_and_lies_after_the_history(visible):
    model = TransformerCompleter(**SMALL)
    steps = model.drawn(model.examples(visible, AT), np.random.default_rng(3))
    rows = np.arange(visible.n_baskets)
    has_next = np.append(np.diff(visible.user) == 0, False)
    target = steps.target[has_next]
    assert (visible.user[target] == visible.user[has_next]).all() and (target > rows[has_next]).all()
    waited = visible.day[target] - visible.day[has_next]
    assert ((target == rows[has_next] + 1) | (waited <= np.timedelta64(60, "D"))).all()
    shown, hidden = (part.toarray() for part in steps._parts)
    assert ((shown + hidden) == (visible.incidence.toarray() > 0)).all()
    assert hidden.sum(axis=1).min() >= 1 and shown.sum(axis=1).max() <= SMALL["most"]
    inputs, wanted, weight = steps.batch(np.arange(4))
    assert not (inputs["held"] * wanted).any() and (wanted.sum(axis=-1)[weight > 0] > 0).all()
    listed = np.sort(inputs["cart"], axis=-1)
    for place in np.argwhere(weight > 0)[:20]:
        row = listed[tuple(place)]
        assert (row[row >= 0] == np.flatnonzero(inputs["held"][tuple(place)])).all()


def test_the_scores_of_a_household_in_training_know_the_others_only(visible):
    model = TransformerCompleter(**SMALL)
    steps = model.drawn(model.examples(visible, AT), np.random.default_rng(3))
    even = visible.user % 2 == 0
    lines = visible.quantities.toarray()
    lines[even, 11] = 1
    changed = replace(visible, quantities=sparse.csr_matrix(lines))
    again = model.examples(changed, AT)
    assert (steps.links[0] == again.links[0]).all() and not (steps.links[1] == again.links[1]).all()


def test_it_learns_what_goes_together(visible, alone, fitted):
    for model in (alone, fitted):
        carts = model.carts_of([["i00"], ["i02"]])
        score = model.completions(carts, visible, np.array([3, 3]), AT)
        assert score[0].argmax() == 1 and score[1].argmax() == 3
        assert model.losses[-1] < model.losses[0]


def test_an_empty_cart_asks_for_the_next_basket(visible, fitted):
    empty = sparse.csr_matrix((N_USERS, N_ITEMS), dtype=np.float32)
    asked = fitted.completions(empty, visible, np.arange(N_USERS), AT)
    p = fitted.probability(visible, AT)
    assert p.dtype == np.float32 and (p > 0).all() and (p < 1).all()
    size = visible.sizes().mean()
    q = np.exp(asked) / np.exp(asked).sum(axis=1, keepdims=True)
    assert np.allclose(p, 1 - (1 - q) ** size, atol=1e-5)
    assert np.array_equal(fitted.scores(visible, AT), p)  # of two households, too, scores can be compared


def test_a_history_of_one_basket_or_none_is_answered(visible, fitted):
    short = visible.of_users(np.arange(2)).last(1)
    for histories in (short, visible.empty()):
        score = fitted.completions(fitted.carts_of([["i00"]]), histories, np.zeros(1, int), AT)
        assert np.isfinite(score).all()


def test_attention_is_a_share_of_what_lies_in_the_cart(visible, fitted, alone):
    carts = fitted.carts_of([["i00", "i05", "i07"], ["i02"]])
    for model in (fitted, alone):
        read = model.attention(carts, visible, np.array([0, 1]), AT)
        assert ((read > 0) == (carts.toarray() > 0)).all() and (read.sum(axis=1) < 1).all()


def test_saved_and_loaded_it_says_the_same(visible, fitted, alone, tmp_path):
    for number, model in enumerate((fitted, alone)):
        model.save(tmp_path / str(number))
        read = TransformerCompleter.load(tmp_path / str(number))
        carts = model.carts_of([["i00"], ["i02", "i09"]])
        both = [one.completions(carts, visible, np.array([0, 1]), AT) for one in (model, read)]
        assert np.allclose(*both, atol=1e-6) and np.array_equal(model.links, read.links)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"attend": False}, {"cart_0", "past"}),
        ({"history": False, "attend": False}, {"cart_0", "past", "repeat"}),
        ({"repeat": 0}, {"repeat"}),
    ],
)
def test_parts_can_be_taken_out(visible, settings, parts):
    model = TransformerCompleter(**(SMALL | {"epochs": 1} | settings)).fit(visible, AT)
    assert not parts & {layer.name for layer in model.network.layers}
    assert np.isfinite(model.completions(model.carts_of([["i00"]]), visible, np.zeros(1, int), AT)).all()


def test_without_links_no_linear_model_is_kept(visible):
    model = TransformerCompleter(**(SMALL | {"epochs": 1, "links": 0, "blocks": 2})).fit(visible, AT)
    assert model.links.shape == (0, N_ITEMS)
    assert np.isfinite(model.completions(model.carts_of([["i00"]]), visible, np.zeros(1, int), AT)).all()


ONE = np.zeros(1, int)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda m, b: m.carts_of([["i00"], ["unicorn"]]), "cart 1 holds 'unicorn'"),
        (lambda m, b: m.completions(m.carts_of([[]]), b, ONE, AT), "cart 0 is empty"),
        (lambda m, b: m.completions(np.ones((1, N_ITEMS)), b, ONE, AT), "sparse matrix of 0 and 1"),
        (lambda m, b: m.completions(2 * m.carts_of([["i00"]]), b, ONE, AT), "sparse matrix of 0 and 1"),
        (lambda m, b: m.completions(m.carts_of([["i00"]])[:, :5], b, ONE, AT), "carts count 5 items"),
        (lambda m, b: m.completions(m.carts_of([["i00"]]), b, ONE + 0.5, AT), "float64"),
        (lambda m, b: m.completions(m.carts_of([["i00"]]), b, ONE + 99, AT), "row 99"),
        (lambda m, b: m.completions(m.carts_of([["i00"]]), b, np.zeros(2, int), AT), "1 carts and rows of shape"),
        (lambda m, b: TransformerCompleter(width=10, heads=4), "cannot be shared by 4 heads"),
        (lambda m, b: TransformerCompleter(blocks=0), "blocks must be"),
        (lambda m, b: TransformerCompleter().completions(m.carts_of([["i00"]]), b, ONE, AT), "not been fitted"),
        (lambda m, b: TransformerCompleter(**SMALL).fit(b.of_users(ONE), AT), "one user alone"),
    ],
)
def test_bad_input_is_named(visible, alone, attempt, message):
    with pytest.raises(BundlebookError, match=message):
        attempt(alone, visible)


def test_a_cart_of_hundreds_of_items_is_refused(visible, alone, monkeypatch):
    monkeypatch.setattr("bundlebook.recommenders.networks.transformer.MOST_ITEMS", 3)
    assert MOST_ITEMS == 256
    with pytest.raises(BundlebookError, match="cart 0 holds 4 items, more than 3"):
        alone.completions(alone.carts_of([["i00", "i01", "i02", "i03"]]), visible, ONE, AT)


def test_its_attention_is_the_formula(fitted):
    """softmax(Q Kᵀ / √d) V by hand, with the weights of the layer."""
    block, rng = fitted.network.get_layer("cart_0"), np.random.default_rng(4)
    x = rng.normal(size=(5, 8)).astype(np.float32)
    numpy = import_keras().ops.convert_to_numpy
    told, seen = (numpy(part)[0] for part in block.read(x[None], np.ones((1, 1, 5), bool), weights=True))
    g, b = (numpy(weight) for weight in (block.norm.gamma, block.norm.beta))
    normed = g * (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) + b
    query, bq, key, bk, value, bv, out, bo = (numpy(weight) for weight in block.attention.weights)
    read = bo.copy()
    for head in range(2):
        q, k, v = (normed @ w[:, head] + bias[head] for w, bias in ((query, bq), (key, bk), (value, bv)))
        score = np.exp(q[:1] @ k.T / np.sqrt(4))
        weights = score / score.sum()
        assert np.allclose(seen[head], weights, atol=1e-5)
        read = read + (weights @ v)[0] @ out[head]
    assert np.allclose(told[0], read, atol=1e-5)


@pytest.mark.crosscheck
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX, an optional extra, is not installed")
def test_jax_answers_what_tensorflow_answers(visible, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    carts = fitted.carts_of([["i00"], ["i02", "i09"]])
    np.save(tmp_path / "told.npy", fitted.completions(carts, visible.empty(), np.zeros(2, int), AT))
    code = """
import sys
from pathlib import Path
import numpy as np
from bundlebook.recommenders import TransformerCompleter, import_keras
from tests.recommenders import test_transformer as here
folder = Path(sys.argv[1])
model = TransformerCompleter.load(folder / "model")
visible = here.log()
score = model.completions(model.carts_of([["i00"], ["i02", "i09"]]), visible.empty(), np.zeros(2, int), here.AT)
assert import_keras().backend.backend() == "jax"
assert np.allclose(score, np.load(folder / "told.npy"), atol=1e-4), np.abs(score - np.load(folder / "told.npy")).max()
again = TransformerCompleter(**(here.SMALL | {"epochs": 1})).fit(visible, here.AT)
assert np.isfinite(again.completions(again.carts_of([["i00"]]), visible, np.zeros(1, int), here.AT)).all()
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": "jax"}, check=True, timeout=300)


def test_a_basket_with_more_items_than_are_shown_hides_the_rest(visible):
    model = TransformerCompleter(**(SMALL | {"most": 1}))
    steps = model.drawn(model.examples(visible, AT), np.random.default_rng(0))
    assert isinstance(steps, CartSteps) and steps._parts[0].sum(axis=1).max() == 1
