"""The examples of the training: what they know, how they are batched, and how customers are made to look new."""

import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.recommenders import (
    Examples,
    RecurrentRecommender,
    examples_per_second,
    period_panel,
    shuffled_batches,
    train,
)
from bundlebook.recommenders.networks import training
from bundlebook.recommenders.networks.training import _thinned
from bundlebook.shop import Baskets


@pytest.fixture(scope="module")
def shoppers() -> tuple[Baskets, np.datetime64]:
    rng = np.random.default_rng(3)
    n_users, n_items, n_baskets = 50, 12, 900
    user = np.sort(rng.integers(0, n_users, n_baskets))
    day = np.datetime64("2021-01-04") + rng.integers(0, 140, n_baskets)
    order = np.lexsort((day, user))
    quantities = sparse.csr_matrix(rng.poisson(0.4, (n_baskets, n_items)).astype(np.float32) + np.eye(1, n_items))
    users = np.array([f"u{i:02d}" for i in range(n_users)])
    items = np.array([f"i{i:02d}" for i in range(n_items)])
    return Baskets(quantities, user[order], day[order], users, items), np.datetime64("2021-05-24")


def test_examples_end_one_period_before_their_targets(shoppers):
    visible, at = shoppers
    examples = Examples.before(visible, at)
    assert (examples.inputs.n_periods, examples.targets.n_periods) == (4, 5)
    assert examples.inputs.at == at - 28
    assert np.array_equal(examples.inputs.starts, examples.targets.starts[:-1])
    users = np.arange(visible.n_users)
    assert np.array_equal(examples.inputs.bought(users), examples.targets.bought(users)[:, :-1])


def test_nothing_after_the_day_of_the_fit_reaches_the_examples(shoppers):
    visible, at = shoppers
    earlier = at - np.timedelta64(30, "D")
    cut, whole = Examples.before(visible.between(end=earlier), earlier), Examples.before(visible, earlier)
    users = np.arange(visible.n_users)
    assert np.array_equal(cut.targets.bought(users), whole.targets.bought(users))
    assert np.array_equal(cut.trend(), whole.trend())
    assert np.array_equal(cut.item_log_odds(), whole.item_log_odds())


def test_the_trend_of_a_period_knows_no_later_period(shoppers):
    visible, at = shoppers
    whole = Examples.before(visible, at).trend()
    changed = visible.quantities.tolil()
    changed[visible.day >= at - 28, 3] = 9
    other = Examples.before(Baskets(changed.tocsr(), visible.user, visible.day, visible.user_ids, visible.items), at)
    assert np.array_equal(whole[:-1], other.trend()[:-1])
    assert other.trend()[-1, 3] > whole[-1, 3]


def test_log_odds_are_those_of_a_purchase_by_a_known_user(shoppers):
    visible, at = shoppers
    examples = Examples.before(visible, at)
    bought = examples.targets.bought(np.arange(visible.n_users))[:, 1:]
    share = bought.sum(axis=(0, 1)) / examples.targets.seen[:, 1:].sum()
    assert np.allclose(1 / (1 + np.exp(-examples.item_log_odds())), share, atol=0.01)


def test_every_user_is_in_a_batch_and_batches_hold_users_of_a_size():
    sizes = np.random.default_rng(0).integers(1, 400, 103)
    batches = shuffled_batches(sizes, 10, np.random.default_rng(1))
    assert {len(batch) for batch in batches} == {10}
    assert set(np.concatenate(batches)) == set(range(103))
    spread = np.mean([np.ptp(sizes[batch]) for batch in batches])
    assert spread < np.ptp(sizes) / 3
    again = shuffled_batches(sizes, 10, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_thinning_only_ever_takes_away(shoppers):
    visible, _ = shoppers
    known = {(u, d, i): q for u, d, i, q in lines(visible)}
    less = _thinned(visible, 1.0, np.random.default_rng(0))
    kept = list(lines(less))
    assert 0 < len(kept) < 0.8 * len(known)
    assert all((u, d, i) in known for u, d, i, _ in kept)
    assert np.diff(less.quantities.indptr).min() > 0
    assert np.array_equal(less.user_ids, visible.user_ids)


def test_thinning_no_share_changes_nothing(shoppers):
    visible, _ = shoppers
    assert list(lines(_thinned(visible, 0.0, np.random.default_rng(0)))) == list(lines(visible))


def test_many_thinned_users_begin_late_and_keep_all_from_then_on(shoppers):
    visible, _ = shoppers
    less = _thinned(visible, 1.0, np.random.default_rng(0))
    late = 0
    for user in range(visible.n_users):
        before, after = visible.day[visible.user == user], less.day[less.user == user]
        late += 0 < len(after) < len(before) and np.array_equal(before[-len(after) :], after)
    assert late > visible.n_users / 3


@pytest.mark.parametrize(("ways", "begins_late"), [("late", True), ("lost", False)])
def test_a_way_of_thinning_takes_away_in_that_way_only(shoppers, ways, begins_late):
    visible, _ = shoppers
    less = _thinned(visible, 1.0, np.random.default_rng(0), ways)
    suffixes = []
    for user in range(visible.n_users):
        before, after = visible.of_users([user]), less.of_users([user])
        last = before.where(np.arange(before.n_baskets) >= before.n_baskets - after.n_baskets)
        suffixes.append(list(lines(last)) == list(lines(after)))
    assert less.n_baskets < visible.n_baskets
    assert all(suffixes) if begins_late else np.mean(suffixes) < 0.2


def test_the_order_within_baskets_and_of_baskets_within_a_period_is_nothing_to_a_panel(shoppers):
    """Reordering, the third usual augmentation of sequences, is none for a model that sums a period."""
    visible, at = shoppers
    rng = np.random.default_rng(5)
    shuffled = visible.quantities.copy()
    for start, end in pairwise(shuffled.indptr):
        order = start + rng.permutation(end - start)
        shuffled.indices[start:end], shuffled.data[start:end] = shuffled.indices[order], shuffled.data[order]
    order = np.lexsort((rng.random(visible.n_baskets), visible.day, visible.user))  # baskets of a day change places
    assert (order != np.arange(visible.n_baskets)).any()
    other = replace(visible, quantities=shuffled[order], user=visible.user[order], day=visible.day[order])
    a, b = period_panel(visible, at), period_panel(other, at)
    for name in ("first_pair", "item", "baskets", "units", "recency", "trips", "seen"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


@pytest.fixture
def loop(shoppers):
    """Train nothing for an epoch, with a progress bar if somebody watches."""
    network = SimpleNamespace(train_on_batch=lambda *_args, **_options: 0.5)
    return lambda progress: train(network, lambda _rng: Examples.before(*shoppers), 1, 16, 0, progress=progress)


def test_a_page_keeps_no_step_of_a_progress_bar(loop, capsys, monkeypatch):
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=False))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    loop(progress=True)
    assert capsys.readouterr().err == ""
    shell.kernel._allow_stdin = True  # an open notebook
    loop(progress=True)
    assert "epoch 1 of 1" in capsys.readouterr().err
    loop(progress=False)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_the_progress_bar(loop, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    loop(progress=True)
    assert "epoch 1 of 1" in capsys.readouterr().err


def test_speed_is_the_examples_over_the_seconds_of_the_second_pass(shoppers, monkeypatch):
    clock = iter([0.0, 10.0, 14.0])
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    passes, examples = [], Examples.before(*shoppers)
    network = SimpleNamespace(train_on_batch=lambda *_args, **_options: passes.append(1))
    model = SimpleNamespace(settings=RecurrentRecommender(batch=25).settings, untrained=lambda _examples: network)
    assert examples_per_second(model, examples, batches=2, seed=1) == examples.weights.sum() / 4
    assert len(passes) == 4


def lines(baskets: Baskets):
    """All lines as (user, day, item, units)."""
    table = baskets.quantities.tocoo()
    return zip(baskets.user[table.row], baskets.day[table.row], table.col, table.data, strict=True)
