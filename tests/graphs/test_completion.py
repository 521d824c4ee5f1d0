"""A basket is completed from its neighbours; a household that nobody has trained on is scored like the others."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.graphs import BasketGraph, Graph, item_pairs
from bundlebook.recommenders import decayed_shares
from bundlebook.shop import Baskets

N_ITEMS, N_USERS = 12, 40
AT = np.datetime64("2020-06-01")


@pytest.fixture(scope="module")
def baskets():
    """Items come in pairs (0, 1), (2, 3) …; every user has one favourite besides."""
    rng = np.random.default_rng(0)
    rows, day, user = [], [], []
    for place in range(2400):
        who = place % N_USERS
        held = np.zeros(N_ITEMS)
        pair = rng.integers(0, 5)
        held[[2 * pair, 2 * pair + 1]] = 1
        held[10 + who % 2] = 1
        rows.append(held)
        user.append(who)
        day.append(AT - 1 - place // 20)
    order = np.lexsort([np.array(day), np.array(user)])
    matrix = sparse.csr_matrix(np.array(rows, dtype=np.float32)[order])
    ids = np.array([f"u{k:02d}" for k in range(N_USERS)])
    items = np.array([f"i{k:02d}" for k in range(N_ITEMS)])
    return Baskets(matrix, np.array(user)[order], np.array(day)[order], ids, items)


@pytest.fixture(scope="module")
def fitted(baskets):
    graph = item_pairs(baskets, baskets.items).graph()
    return BasketGraph(graph, width=8, epochs=12, batch=64, rate=0.02, seed=1).fit(baskets, AT)


def test_the_partner_and_the_favourite_come_first(fitted, baskets):
    carts = sparse.csr_matrix(np.eye(N_ITEMS)[[0, 4, 7]])
    scores = fitted.scores(carts, baskets, np.array([0, 0, 1]), AT)
    assert scores.argsort(axis=1)[:, -2:].tolist() in ([[10, 1], [10, 5], [11, 6]], [[1, 10], [5, 10], [6, 11]]) or [
        set(row[-2:]) for row in scores.argsort(axis=1).tolist()
    ] == [{1, 10}, {5, 10}, {6, 11}]
    assert (scores[[0, 1, 2], [0, 4, 7]] < -1e8).all()  # what lies in the basket is no answer
    assert fitted.losses_[-1] < fitted.losses_[0]


def test_a_new_household_needs_no_training(fitted, baskets):
    carts = sparse.csr_matrix(np.eye(N_ITEMS)[[0]])
    old = fitted.scores(carts, baskets, np.array([3]), AT)
    alone = baskets.of_users(np.array([3]))
    renamed = Baskets(alone.quantities, alone.user, alone.day, np.array(["new"]), alone.items)
    np.testing.assert_allclose(fitted.scores(carts, renamed, np.array([0]), AT), old, rtol=1e-5)


def test_nothing_on_or_after_the_day_is_looked_at(fitted, baskets):
    early = np.datetime64("2020-05-01")
    carts, rows = sparse.csr_matrix(np.eye(N_ITEMS)[[0]]), np.array([2])
    seen = fitted.scores(carts, baskets.between(end=early), rows, early)
    np.testing.assert_allclose(fitted.scores(carts, baskets, rows, early), seen)
    shares = decayed_shares(baskets, baskets.day.min(), 60.0, np.full(N_ITEMS, 0.25))
    np.testing.assert_allclose(shares, 0.25)  # no basket yet: the shop's shares


def test_shares_are_the_formula(baskets):
    one = baskets.of_users(np.array([0]))
    prior = np.linspace(0.1, 0.5, N_ITEMS)
    fade = 2.0 ** -((AT - one.day).astype(float) / 30)
    wanted = (fade @ one.incidence.toarray() + 5 * prior) / (fade.sum() + 5)
    np.testing.assert_allclose(decayed_shares(one, AT, 30.0, prior)[0], wanted, rtol=1e-6)


def test_a_graph_of_other_items_and_an_empty_log_are_refused(baskets):
    with pytest.raises(BundlebookError, match="the baskets do not know"):
        BasketGraph(Graph.of_edges([("a", "b")], ["a", "b"])).fit(baskets, AT)
    graph = Graph.of_edges([], baskets.items)
    with pytest.raises(BundlebookError, match="no basket of two"):
        BasketGraph(graph).fit(baskets, np.datetime64("2019-01-01"))
    with pytest.raises(BundlebookError, match="depth from 0 on"):
        BasketGraph(graph, depth=-1).fit(baskets, AT)
