"""The recurrent recommenders: what they compute, what they cannot know, and what survives on disk."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Examples,
    LiteralRNN,
    ProbabilisticRecommender,
    RecurrentRecommender,
    import_keras,
    period_panel,
)
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-21")
SMALL = {"width": 8, "repeat": 8, "epochs": 3, "seed": 5}


@pytest.fixture(scope="module")
def shop() -> Baskets:
    """120 users with a taste of their own, 15 items, 168 days before AT and 28 days after it."""
    rng = np.random.default_rng(0)
    n_users, n_items, n_baskets = 120, 15, 2400
    taste = rng.dirichlet(np.full(n_items, 0.15), n_users)
    user = np.sort(rng.integers(0, n_users, n_baskets))
    day = AT - 168 + rng.integers(0, 196, n_baskets)
    order = np.lexsort((day, user))
    quantities = sparse.csr_matrix(np.array([rng.multinomial(3, taste[u]) for u in user[order]]), dtype=np.float32)
    users = np.array([f"u{i:03d}" for i in range(n_users)])
    return Baskets(quantities, user[order], day[order], users, np.array([f"i{i:02d}" for i in range(n_items)]))


@pytest.fixture(scope="module")
def fitted(shop, trained) -> RecurrentRecommender:
    return trained(RecurrentRecommender(**SMALL), shop, AT)


def with_baskets(shop: Baskets, chosen: np.ndarray) -> Baskets:
    return shop.between(end=AT).where(chosen)


def test_follows_the_protocol(shop, fitted):
    assert isinstance(fitted, ProbabilisticRecommender)
    scores, probability = fitted.scores(shop, AT), fitted.probability(shop, AT)
    assert scores.shape == probability.shape == (120, 15)
    assert probability.dtype == np.float32
    assert np.allclose(probability, expit(scores))


def test_learns_who_buys_what_and_how_often(shop):
    bought = shop.between(AT).user_item().toarray() > 0
    probability = RecurrentRecommender(**SMALL | {"epochs": 25, "rate": 1e-2}).fit(shop, AT).probability(shop, AT)
    popular = np.tile(bought.mean(axis=0), (len(bought), 1))

    def log_loss(p):
        return -np.log(np.where(bought, p, 1 - p).clip(1e-6)).mean()

    assert log_loss(probability) < 0.85 * log_loss(popular)
    assert 0.85 < probability.sum() / bought.sum() < 1.15


def test_nothing_on_or_after_the_day_is_asked(shop, fitted):
    assert np.array_equal(fitted.scores(shop.between(end=AT), AT), fitted.scores(shop, AT))


@pytest.mark.usefixtures("without_training")
def test_seed_decides(shop):
    one, again, other = (
        RecurrentRecommender(**SMALL | {"seed": seed}).fit(shop, AT).network.get_weights() for seed in (5, 5, 6)
    )
    same = [[np.array_equal(a, b) for a, b in zip(one, weights, strict=True)] for weights in (again, other)]
    assert all(same[0]) and not all(same[1])


def test_no_user_is_held_so_neighbours_in_the_batch_change_nothing(shop, fitted):
    together = fitted.scores(shop, AT)
    alone = np.concatenate([fitted.scores(shop.of_users([user]), AT) for user in (7, 50, 119)])
    assert np.allclose(together[[7, 50, 119]], alone, atol=1e-5)


def test_padding_changes_nothing(shop, fitted):
    panel, users = period_panel(shop, AT, fitted.n_periods), np.arange(30)
    narrow = fitted.network.predict_on_batch(panel.batch(users, width=32))
    wide = fitted.network.predict_on_batch(panel.batch(users, width=256))
    assert np.allclose(narrow, wide, atol=1e-5)


def test_unknown_periods_before_the_first_basket_change_nothing(shop, fitted):
    recent = shop.between(AT - 84, AT)
    short, long = (period_panel(recent, AT, periods) for periods in (3, fitted.n_periods))
    users, predict = np.arange(30), fitted.network.predict_on_batch
    state = import_keras().Model(fitted.network.input, fitted.network.get_layer("h").output).predict_on_batch
    assert np.allclose(state(short.batch(users))[:, -1], state(long.batch(users))[:, -1], atol=1e-6)
    trend = np.asarray(fitted.network.get_layer("product").trend)
    gain = float(fitted.network.get_layer("product").gain)
    moved = gain * (trend[-1] - trend[2])  # the last period is the calendar's last one, whatever the length
    assert np.allclose(predict(short.batch(users))[:, -1] + moved, predict(long.batch(users))[:, -1], atol=1e-5)


def test_the_last_step_is_the_last_step_of_the_whole_network(shop, fitted):
    panel = period_panel(shop, AT, fitted.n_periods)
    whole = fitted.network.predict_on_batch(panel.batch(np.arange(120)))[:, -1]
    assert np.allclose(whole, fitted.scores(shop, AT), atol=1e-5)


def test_the_order_of_lines_within_a_basket_is_nothing_to_the_network(shop, fitted):
    lines = shop.quantities.tocoo()
    shuffled = np.random.default_rng(1).permutation(lines.nnz)
    shuffled = shuffled[np.argsort(lines.row[shuffled], kind="stable")]  # rows in order, lines of a row in any
    table = sparse.csr_matrix((lines.data[shuffled], lines.col[shuffled], shop.quantities.indptr), lines.shape)
    assert not table.has_sorted_indices
    other = Baskets(table, shop.user, shop.day, shop.user_ids, shop.items)
    assert np.array_equal(fitted.scores(other, AT), fitted.scores(shop, AT))


def test_the_order_of_periods_matters_to_the_network(shop, fitted):
    past = shop.between(end=AT)
    mirrored = Baskets(past.quantities, past.user, AT - 168 + (AT - 1 - past.day), past.user_ids, past.items)
    assert not np.allclose(fitted.scores(past, AT), fitted.scores(mirrored, AT), atol=0.05)


def test_the_literal_network_orders_the_items_alike_for_everybody(shop):
    model = LiteralRNN(width=8, epochs=2, batch=120, seed=1).fit(shop, AT)
    scores = model.scores(shop, AT)
    differences = scores - scores[:, [0]]
    assert np.allclose(differences, differences[0], atol=1e-4)
    assert np.ptp(scores[:, 0]) > 1e-3  # the level is each user's own


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_other_cells_and_no_head(shop, cell):
    model = RecurrentRecommender(cell=cell, repeat=0, width=8, epochs=1, batch=120).fit(shop, AT)
    assert np.isfinite(model.scores(shop, AT)).all()
    assert "repeat" not in model.name


@pytest.mark.usefixtures("without_training")
def test_the_literal_cell_has_no_head_and_its_name_says_so(shop):
    model = RecurrentRecommender(cell="literal", width=8).fit(shop, AT)
    assert model.name == "literal RNN" and "repeat" not in [layer.name for layer in model.network.layers]
    assert np.isfinite(model.scores(shop, AT)).all()


def test_the_loss_is_the_cross_entropy_of_every_item(shop):
    from bundlebook.recommenders.networks._layers import FullVocabularyLoss

    rng = np.random.default_rng(0)
    logits, bought = rng.normal(size=(3, 2, 5)).astype("float32"), rng.integers(0, 2, (3, 2, 5)).astype("float32")
    p = expit(logits)
    expected = -np.where(bought > 0, np.log(p), np.log(1 - p)).sum(axis=-1).mean()
    assert np.isclose(float(FullVocabularyLoss()(bought, logits)), expected, rtol=1e-5)


def test_the_noted_losses_are_those_of_the_examples(shop):
    model = RecurrentRecommender(**SMALL | {"epochs": 1, "rate": 1e-9, "thinning": 0.0, "batch": 40}).fit(shop, AT)
    examples, users = Examples.before(shop, AT), np.arange(120)
    logits = model.network.predict_on_batch(examples.inputs.batch(users))
    bought, known = examples.targets.bought(users)[:, 1:] > 0, examples.weights > 0
    p = expit(logits)
    expected = -np.log(np.where(bought, p, 1 - p))[known].mean()
    assert np.isclose(model.losses[0], expected, rtol=1e-4)


def test_repeat_features_against_loops(shop):
    from bundlebook.recommenders.networks._layers import DECAYS, RepeatFeatures

    panel = period_panel(shop.of_users(np.arange(4)), AT, 4)
    batch = panel.batch(np.arange(4))
    names = ("baskets", "units", "recency", "trips", "seen")
    features = np.asarray(RepeatFeatures()(*(batch[name] for name in names)))
    assert features.shape[-1] == 3 * len(DECAYS) + 5
    user, pair, t, decay = 2, 0, 2, 0.7
    weights = decay ** np.arange(t, -1, -1)
    bought = np.minimum(batch["baskets"][user, pair, : t + 1], 1)
    share = (weights @ bought) / (1 + weights @ batch["seen"][user, : t + 1])
    assert np.isclose(features[user, pair, t, 3 * DECAYS.index(decay)], share, rtol=1e-5)
    last = max(s for s in range(t + 1) if bought[s])
    days = batch["recency"][user, pair, last] + 28 * (t - last)
    assert np.isclose(features[user, pair, t, 3 * len(DECAYS) + 1], np.log(days), rtol=1e-5)


def test_survives_disk_without_pickle(shop, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    assert {file.suffix for file in (tmp_path / "model").iterdir()} == {".keras", ".npz", ".json"}
    loaded = RecurrentRecommender.load(tmp_path / "model")
    assert np.array_equal(loaded.scores(shop, AT), fitted.scores(shop, AT))
    assert (loaded.settings, loaded.losses) == (fitted.settings, fitted.losses)
    assert np.array_equal(loaded._snapshots[1][0], fitted._snapshots[1][0])


def test_every_epoch_can_be_looked_at(shop, fitted):
    first, second, third = fitted.probability_by_epoch(shop, AT)
    assert np.array_equal(third, fitted.probability(shop, AT))
    assert not np.allclose(first, second)


def test_goes_on_where_it_was_killed_and_reads_nothing_on_or_after_the_day(shop, fitted, tmp_path, monkeypatch):
    model, save, past = RecurrentRecommender(**SMALL), RecurrentRecommender.save, shop.between(end=AT)

    def save_and_die(self, folder):
        save(self, folder)
        if len(self.losses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RecurrentRecommender, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        model.fit(past, AT, checkpoint=tmp_path)
    monkeypatch.undo()
    resumed = RecurrentRecommender(**SMALL).fit(past, AT, checkpoint=tmp_path)
    assert np.allclose(resumed.losses, fitted.losses, rtol=1e-6)
    assert np.allclose(resumed.scores(shop, AT), fitted.scores(shop, AT), atol=1e-5)


def test_a_checkpoint_of_something_else_is_refused(shop, fitted, tmp_path):
    fitted.save(tmp_path)
    with pytest.raises(BundlebookError, match="other settings or other data"):
        RecurrentRecommender(**SMALL | {"seed": 99}).fit(shop, AT, checkpoint=tmp_path)
    with pytest.raises(BundlebookError, match="other settings or other data"):
        RecurrentRecommender(**SMALL).fit(shop, AT - 28, checkpoint=tmp_path)


@pytest.mark.parametrize(
    "settings", [{"cell": "clay"}, {"epochs": 0}, {"width": 0}, {"repeat": -1}, {"thinning": 1.5}, {"batch": 0}]
)
def test_settings_that_cannot_be_are_one_clear_message(settings):
    with pytest.raises(BundlebookError, match=str(next(iter(settings.values())))):
        RecurrentRecommender(**settings)


def test_bad_input_is_one_clear_message(shop, fitted, tmp_path):
    with pytest.raises(BundlebookError, match="has not been fitted"):
        RecurrentRecommender().scores(shop, AT)
    with pytest.raises(BundlebookError, match="over"):
        fitted.scores(shop.over(shop.items[:10]), AT)
    with pytest.raises(BundlebookError, match="two periods"):
        RecurrentRecommender(**SMALL).fit(shop, AT - 168)
    with pytest.raises(BundlebookError, match="could be read"):
        RecurrentRecommender.load(tmp_path)


def test_an_empty_history_gets_the_probabilities_of_nobody_in_particular(shop, fitted):
    nobody = fitted.probability(with_baskets(shop, np.zeros(shop.between(end=AT).n_baskets, dtype=bool)), AT)
    assert np.allclose(nobody, nobody[0]) and (nobody > 0).all() and (nobody < 1).all()


@pytest.mark.crosscheck
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX, an optional extra, is not installed")
def test_another_backend_computes_the_same(shop, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    past = shop.between(end=AT)
    np.savez(tmp_path / "q.npz", q=past.quantities.toarray(), user=past.user, day=past.day)
    code = """
import sys, numpy as np
from scipy import sparse
from bundlebook.recommenders import RecurrentRecommender
from bundlebook.shop import Baskets
folder = sys.argv[1]
model = RecurrentRecommender.load(f"{folder}/model")
data = np.load(f"{folder}/q.npz")
users = np.array([f"u{i:03d}" for i in range(120)])
past = Baskets(sparse.csr_matrix(data["q"]), data["user"], data["day"], users, model.items)
np.save(f"{folder}/scores.npy", model.scores(past, np.datetime64("2021-06-21")))
again = RecurrentRecommender(width=8, repeat=8, epochs=1).fit(past, np.datetime64("2021-06-21"))
assert np.isfinite(again.losses).all()
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": "jax"}, check=True, timeout=300)
    assert np.allclose(np.load(tmp_path / "scores.npy"), fitted.scores(shop, AT), atol=1e-4)
