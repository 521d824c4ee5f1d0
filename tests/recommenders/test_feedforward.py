"""The feed-forward networks: what each computes, what it cannot know, and what survives on disk."""

import importlib.util
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    DeepMF,
    EmbeddingNetwork,
    HistoryCNN,
    InterestMLP,
    ProbabilisticRecommender,
    period_panel,
)
from bundlebook.recommenders.networks.feedforward import _columns, _decayed_rates
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-21")
KINDS = (InterestMLP, HistoryCNN, DeepMF, EmbeddingNetwork)
READ_HISTORY = (InterestMLP, HistoryCNN, DeepMF)


def make_shop() -> Baskets:
    """160 users of two kinds: one buys the first ten items, the other the last ten; 168 days before AT, 28 after."""
    rng = np.random.default_rng(0)
    n_users, n_items, n_baskets = 160, 20, 2600
    taste = np.full((n_users, n_items), 0.004)
    taste[::2, :10], taste[1::2, 10:] = 0.096, 0.096
    user = np.sort(rng.integers(0, n_users, n_baskets))
    day = AT - 168 + rng.integers(0, 196, n_baskets)
    order = np.lexsort((day, user))
    quantities = sparse.csr_matrix(np.array([rng.multinomial(2, taste[u]) for u in user[order]]), dtype=np.float32)
    users = np.array([f"u{i:03d}" for i in range(n_users)])
    return Baskets(quantities, user[order], day[order], users, np.array([f"i{i:02d}" for i in range(n_items)]))


SHOP = make_shop()
SMALL = {"width": 8, "epochs": 3, "batch": 16, "rate": 2e-2, "seed": 5}


@pytest.fixture(scope="module")
def fitted(trained):
    return cache(lambda kind: trained(kind(**SMALL | {"epochs": 12}), SHOP, AT))


@pytest.mark.parametrize("kind", KINDS)
def test_follows_the_protocol(kind, fitted):
    model = fitted(kind)
    assert isinstance(model, ProbabilisticRecommender)
    scores, probability = model.scores(SHOP, AT), model.probability(SHOP, AT)
    assert scores.shape == probability.shape == (160, 20)
    assert scores.dtype == probability.dtype == np.float32
    assert np.allclose(probability, expit(scores))
    assert kind(name="mine").name == "mine"


@pytest.mark.parametrize("kind", KINDS)
def test_learns_who_buys_what_better_than_popularity(kind, fitted):
    bought = SHOP.between(AT).user_item().toarray() > 0
    p = fitted(kind).probability(SHOP, AT)
    popular = np.tile(bought.mean(axis=0), (len(bought), 1))  # what popularity says at best

    def log_loss(q):
        return -np.log(np.where(bought, q, 1 - q).clip(1e-6)).mean()

    assert log_loss(p) < 0.95 * log_loss(popular)
    assert 0.75 < p.sum() / bought.sum() < 1.15
    kinds = np.arange(160) % 2
    own = np.where(kinds[:, None] == 0, np.arange(20) < 10, np.arange(20) >= 10)
    top = np.argsort(-p, axis=1)[:, :5]
    assert np.take_along_axis(own, top, axis=1).mean() > 0.9


@pytest.mark.parametrize("kind", READ_HISTORY)
def test_taste_reaches_items_never_bought(kind):
    """Purchases of four items of a kind speak for the other six of that kind."""
    rows = np.zeros((6, 20), dtype=np.float32)
    rows[:3, :4], rows[3:, 10:14] = 1, 1
    days = AT - np.array([66, 38, 10, 66, 38, 10])
    names = np.array(["a", "b"])
    two = Baskets(sparse.csr_matrix(rows), np.repeat(np.arange(2), 3), days, names, SHOP.items)
    model = kind(**SMALL | {"epochs": 8, "repeat": False}).fit(SHOP, AT)
    assert "slope" not in [weight.name for weight in model.network.weights]
    p = model.probability(two, AT)
    assert p[0, 4:10].mean() > 1.3 * p[1, 4:10].mean()
    assert p[1, 14:].mean() > 1.3 * p[0, 14:].mean()


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_and_the_past_decide_and_nothing_else(kind, monkeypatch):
    past, once = SHOP.between(end=AT), SMALL | {"epochs": 1, "batch": 160}
    first, again = (kind(**once).fit(b, AT).network.get_weights() for b in (SHOP, past))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    monkeypatch.setattr("bundlebook.recommenders.networks.base.train", lambda *_args, **_options: None)
    one, other = (kind(**once | {"seed": seed}).fit(past, AT).network.get_weights() for seed in (5, 6))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", READ_HISTORY)
def test_a_new_user_is_a_history_like_any_other(kind, fitted):
    known, model = SHOP.of_users([3, 8]), fitted(kind)
    new = Baskets(known.quantities, known.user, known.day, np.array(["new", "newer"]), SHOP.items)
    assert np.allclose(model.scores(new, AT), model.scores(SHOP, AT)[[3, 8]], atol=1e-5)


def test_strangers_are_one_average_customer_to_the_embedding_network(fitted):
    known, model = SHOP.of_users([3, 8]), fitted(EmbeddingNetwork)
    new = Baskets(known.quantities, known.user, known.day, np.array(["new", "u008"]), SHOP.items)
    p, of_all = model.probability(new, AT), model.probability(SHOP, AT)
    assert np.allclose(p[1], of_all[8], atol=1e-6)
    nobody = model.probability(SHOP.where(np.zeros(SHOP.n_baskets, dtype=bool)), AT)
    assert np.allclose(nobody, of_all, atol=1e-6)  # it reads who, never what
    assert not np.allclose(p[0], of_all[3], atol=0.02)
    assert np.abs(p[0] - of_all.mean(axis=0)).mean() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_survives_disk_without_pickle(kind, tmp_path, fitted):
    model = fitted(kind)
    model.save(tmp_path / "model")
    assert {file.suffix for file in (tmp_path / "model").iterdir()} == {".keras", ".npz", ".json"}
    loaded = kind.load(tmp_path / "model")
    assert np.allclose(loaded.scores(SHOP, AT), model.scores(SHOP, AT), atol=1e-5)
    kept = ("name", "settings", "losses", "n_periods", "fit_seconds_")
    assert all(getattr(loaded, key) == getattr(model, key) for key in kept)


def test_decayed_rates_against_a_loop():
    panel, users = period_panel(SHOP, AT, 4), np.array([5, 2])
    read = _decayed_rates(panel, users, periods=2, decay=0.5)
    rates, visits = read["x"], read["v"]
    assert rates.shape == (2, 2, 20) and visits.shape == (2, 2, 1)
    for row, user in enumerate(users):
        for place, t in enumerate((2, 3)):
            start = AT - 28 * 4
            past = SHOP.of_users([user]).between(start, start + 28 * (t + 1))
            age = t - ((past.day - start).astype(int) // 28)
            counts = (0.5**age) @ past.incidence.toarray()
            known = sum(0.5 ** (t - s) for s in range(t + 1) if panel.seen[user, s])
            assert np.allclose(rates[row, place], np.log1p(50 * counts / (1 + known)), atol=1e-5)
            assert np.allclose(visits[row, place], np.log((0.1 + (0.5**age).sum()) / (1 + known)), atol=1e-5)


def test_the_factorisation_sees_no_column_beyond_its_rows():
    panel = period_panel(SHOP, AT, 6)
    early = _columns(panel, 3)
    cut = SHOP.between(end=AT - 28 * 3)
    assert np.allclose(early, _columns(period_panel(cut, AT, 6), 6))
    assert np.allclose(np.linalg.norm(early, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_history_has_a_probability(kind, fitted):
    nobody = fitted(kind).probability(SHOP.where(np.zeros(SHOP.n_baskets, dtype=bool)), AT)
    assert np.isfinite(nobody).all() and (nobody > 0).all() and (nobody < 1).all()


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"width": 0}, {"batch": 0}, {"periods": 0}, {"thinning": 1.5}])
def test_settings_that_cannot_be_are_one_clear_message(settings):
    with pytest.raises(BundlebookError, match=str(next(iter(settings.values())))):
        InterestMLP(**settings)


def test_bad_input_is_one_clear_message(tmp_path, fitted):
    with pytest.raises(BundlebookError, match="has not been fitted"):
        HistoryCNN().scores(SHOP, AT)
    with pytest.raises(BundlebookError, match="over"):
        fitted(HistoryCNN).scores(SHOP.over(SHOP.items[:10]), AT)
    with pytest.raises(BundlebookError, match="two periods"):
        InterestMLP(**SMALL).fit(SHOP, AT - 168)
    with pytest.raises(BundlebookError, match="could be read"):
        DeepMF.load(tmp_path)
    with pytest.raises(BundlebookError, match="repeat"):
        EmbeddingNetwork(repeat=True)


@pytest.mark.crosscheck
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX, an optional extra, is not installed")
def test_another_backend_computes_the_same(tmp_path, fitted):
    for kind in KINDS:
        fitted(kind).save(tmp_path / kind.__name__)
        np.save(tmp_path / f"{kind.__name__}.npy", fitted(kind).scores(SHOP, AT))
    code = """
import sys, numpy as np
from tests.recommenders.test_feedforward import AT, KINDS, SHOP, SMALL
for kind in KINDS:
    loaded, expected = kind.load(f"{sys.argv[1]}/{kind.__name__}"), np.load(f"{sys.argv[1]}/{kind.__name__}.npy")
    assert np.allclose(loaded.scores(SHOP, AT), expected, atol=1e-4)
    assert np.isfinite(kind(**SMALL | {"epochs": 1}).fit(SHOP, AT).losses).all()
"""
    command, environment = [sys.executable, "-c", code, str(tmp_path)], os.environ | {"KERAS_BACKEND": "jax"}
    subprocess.run(command, env=environment, cwd=paths.root(), check=True, timeout=300)
