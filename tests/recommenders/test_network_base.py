"""What all networks share: the cache knows a fit by everything that made it, and heals; the evaluation trains once."""

import json
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import evaluate
from bundlebook.recommenders import (
    EmbeddingNetwork,
    FromCache,
    InterestMLP,
    LiteralRNN,
    NextBasketRecommender,
    ProbabilisticRecommender,
    RecurrentRecommender,
    fit_cached,
)
from bundlebook.recommenders.networks import base
from bundlebook.shop import Baskets, time_split


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(1)
    users, days = np.repeat(np.arange(24), 20), np.tile(np.datetime64("2021-01-04") + 7 * np.arange(20), 24)
    rows = (rng.random((len(users), 8)) < np.tile(rng.random((24, 8)), (1, 20)).reshape(len(users), 8)).astype(
        np.float32
    )
    rows[:, 0] = 1
    days = days + (users % 7)
    user_ids = np.array([f"u{u:02d}" for u in range(24)])
    b = Baskets(sparse.csr_matrix(rows), users, days, user_ids, np.array([f"i{i}" for i in range(8)]))
    return time_split(b, min_users=2).task("validation")


def model(**more):
    return InterestMLP(**{"width": 4, "epochs": 1, "seed": 3} | more)


def test_second_fit_is_read_and_remembers_what_the_first_cost(task, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))
    first = evaluate([FromCache(model())], task, ks=(3,), requests=2, seed=0)

    def refuse(*args, **kwargs):
        raise AssertionError("trained twice")

    monkeypatch.setattr(InterestMLP, "fit", refuse)
    second = evaluate([FromCache(model())], task, ks=(3,), requests=2, seed=0)
    assert second.names == [model().name]
    for board in (first, second):
        assert board.speed_table()["fit, CPU s"].iloc[0] > 0
    cost = [board.speed_table()["fit, CPU s"].iloc[0] for board in (first, second)]
    assert cost[0] == cost[1]
    p, q = (board.judged[model().name].probability for board in (first, second))
    assert np.allclose(p, q, atol=1e-6)
    with pytest.raises(AssertionError, match="trained twice"):
        FromCache(model(seed=4)).fit(task.visible, task.at)


def test_a_name_of_its_own():
    assert FromCache(model(), name="network").name == "network"


@pytest.mark.parametrize("kind", [InterestMLP, LiteralRNN, NextBasketRecommender])
def test_a_network_can_be_renamed_as_the_protocol_says(kind):
    network = kind()
    assert isinstance(network, ProbabilisticRecommender)
    network.name = "mine"
    assert network.name == kind("mine").name == "mine" != kind().name


@pytest.fixture
def key(task, monkeypatch):
    """What names the artefact of a fit, which is not made."""
    monkeypatch.setattr(base, "cached", lambda kind, inputs, **_: SimpleNamespace(key=json.dumps([kind, inputs])))
    return lambda network, visible=task.visible, at=task.at: fit_cached(network, visible, at).key


def changed(value):
    if isinstance(value, str):
        return {"gru": "lstm", "mixed": "late"}[value]
    return not value if isinstance(value, bool) else value / 2 + 0.05 if isinstance(value, float) else value + 1


@pytest.mark.parametrize("kind", [InterestMLP, RecurrentRecommender, NextBasketRecommender])
def test_every_setting_makes_another_artefact(key, kind):
    settings = kind.defaults
    keys = {key(kind(**{f.name: changed(getattr(settings, f.name))})) for f in fields(settings)}
    assert len(keys | {key(kind())}) == len(fields(settings)) + 1


def other_baskets(b: Baskets) -> dict[str, Baskets]:
    """The same baskets, but for one thing."""
    units, item, day, user = b.quantities.copy(), b.quantities.tolil(), b.day.copy(), b.user.copy()
    units.data[0] += 1
    item[0, 5] = 1 - item[0, 5]
    day[0] -= 1
    user[np.flatnonzero(np.diff(user))[0]] += 1
    return {
        "units": replace(b, quantities=units),
        "item bought": replace(b, quantities=item.tocsr()),
        "day": replace(b, day=day),
        "buyer": replace(b, user=user),
        "name of a user": replace(b, user_ids=np.char.add(b.user_ids, "x")),
        "name of an item": replace(b, items=np.char.add(b.items, "x")),
        "fewer users": b.of_users(np.arange(b.n_users - 1)),
    }


def test_every_input_makes_another_artefact(key, task, monkeypatch):
    keys = {"same": key(model())}
    keys |= {name: key(model(), visible) for name, visible in other_baskets(task.visible).items()}
    keys["at"] = key(model(), at=task.at + 1)
    keys["kind"] = key(EmbeddingNetwork(**model().settings.__dict__ | {"repeat": False}))
    keys["kind, same settings"] = key(RecurrentRecommender(**LiteralRNN.defaults.__dict__))
    keys["another kind, same settings"] = key(LiteralRNN())
    with monkeypatch.context() as patch:
        patch.setattr(base, "source_digest", lambda _module: "edited")
        keys["source"] = key(model())
    with monkeypatch.context() as patch:
        backend = SimpleNamespace(backend=lambda: "abacus")
        patch.setattr(base, "import_keras", lambda: SimpleNamespace(backend=backend))
        keys["backend"] = key(model())
    assert len(set(keys.values())) == len(keys), keys


def test_what_the_fit_does_not_read_makes_no_other_artefact(key, task):
    b = task.visible
    later = Baskets(
        sparse.vstack([b.quantities, b.quantities[-1]]).tocsr(),
        np.append(b.user, b.user[-1]),
        np.append(b.day, task.at),
        b.user_ids,
        b.items,
    )
    assert key(model()) == key(model(), later) == key(InterestMLP("mine", **model().settings.__dict__))


def truncate(file):
    file.write_bytes(file.read_bytes()[:100])


def damages():
    return {
        "network cut short": lambda folder: [truncate(file) for file in folder.glob("*.keras")],
        "epochs cut short": lambda folder: [truncate(file) for file in folder.glob("*.npz")],
        "state emptied": lambda folder: (folder / base.STATE).write_text(""),
        "state gone": lambda folder: (folder / base.STATE).unlink(),
        "folder emptied": lambda folder: [file.unlink() for file in folder.iterdir()],
    }


def test_a_damaged_network_is_trained_again(task, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))
    first, fits = fit_cached(model(), task.visible, task.at), []
    weights = first.network.get_weights()
    monkeypatch.setattr(InterestMLP, "fit", lambda self, *_args, **_options: fits.append(self) or first)
    for number, (name, damage) in enumerate(damages().items(), 1):
        (folder,) = (p for p in tmp_path.iterdir() if p.is_dir() and not p.name.endswith(".damaged"))
        damage(folder)
        with pytest.raises(BundlebookError, match="could be read"):
            InterestMLP.load(folder)
        with pytest.warns(UserWarning, match="damaged"):
            fit_cached(model(), task.visible, task.at)
        again = fit_cached(model(), task.visible, task.at)
        assert len(fits) == number, name
        assert all(np.array_equal(a, b) for a, b in zip(again.network.get_weights(), weights, strict=True))


@pytest.mark.usefixtures("without_training")
def test_a_few_users_get_the_answers_that_all_get_together(task, tmp_path):
    RecurrentRecommender(width=2, repeat=2, epochs=1, batch=24).fit(task.visible, task.at).save(tmp_path)
    model = RecurrentRecommender.load(tmp_path)
    together = model.scores(task.histories, task.at)
    assert not model._asked.jit_compile  # XLA compiles every shape in up to seconds
    for n in (1, 2, 5, 24):
        few = model.scores(task.histories.of_users(np.arange(n)), task.at)
        assert few == pytest.approx(together[:n], abs=1e-6)


@pytest.mark.usefixtures("without_training")
def test_only_a_network_that_needs_them_keeps_the_users(task, tmp_path):
    for kind, kept in ((InterestMLP, 0), (EmbeddingNetwork, task.visible.n_users)):
        network = kind(width=2, epochs=1, batch=24).fit(task.visible, task.at)
        network.save(tmp_path / kind.__name__)
        state = json.loads((tmp_path / kind.__name__ / base.STATE).read_text(encoding="utf-8"))
        assert len(network.user_ids) == len(state["user_ids"]) == kept


def test_every_network_goes_on_where_it_was_killed_and_shows_its_epochs(task, tmp_path, monkeypatch):
    whole, save = model(epochs=3).fit(task.visible, task.at), InterestMLP.save

    def save_and_die(self, folder):
        save(self, folder)
        if len(self.losses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(InterestMLP, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        model(epochs=3).fit(task.visible, task.at, checkpoint=tmp_path)
    monkeypatch.undo()
    resumed = model(epochs=3).fit(task.visible, task.at, checkpoint=tmp_path)
    assert np.allclose(resumed.losses, whole.losses, rtol=1e-6)
    for one, other in zip(*(n.probability_by_epoch(task.histories, task.at) for n in (whole, resumed)), strict=True):
        assert np.allclose(one, other, atol=1e-6)
    assert np.allclose(other, whole.probability(task.histories, task.at), atol=1e-6)
