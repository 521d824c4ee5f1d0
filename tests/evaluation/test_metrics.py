"""Ranking metrics agree with scikit-learn on random rankings with ties, and refuse what cannot be judged."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, roc_auc_score

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import METRICS, evaluate, metrics, rank, three_rows
from bundlebook.recommenders import Calibrated, DecayedFrequency, PersonalFrequency, Popularity
from bundlebook.shop import Baskets

N_USERS, N_ITEMS = 60, 25


@pytest.fixture(params=range(4), ids=lambda seed: f"seed{seed}")
def drawn(request):
    """Scores with many ties, and a truth with one to twelve purchases a user."""
    rng = np.random.default_rng(request.param)
    scores = rng.integers(0, 6, size=(N_USERS, N_ITEMS)).astype(float)
    bought = np.argsort(rng.random((N_USERS, N_ITEMS))) < rng.integers(1, 13, size=(N_USERS, 1))
    return scores, bought


def untied(scores, bought):
    """Scores without ties that put items in the order drawn for the list, and their ranking."""
    drawn = rank(scores, sparse.csr_matrix(bought), depth=N_ITEMS)
    resolved = np.empty_like(scores)
    np.put_along_axis(resolved, drawn.items, np.tile(-np.arange(N_ITEMS, dtype=float), (len(scores), 1)), axis=1)
    return rank(resolved, sparse.csr_matrix(bought), depth=N_ITEMS), resolved


@pytest.mark.parametrize("k", [1, 5, 10, 25])
def test_ndcg_is_scikit_learns(drawn, k):
    full, resolved = untied(*drawn)
    assert metrics.ndcg(full, k).mean() == pytest.approx(ndcg_score(drawn[1], resolved, k=k), abs=1e-12)
    tied = rank(drawn[0], sparse.csr_matrix(drawn[1]), depth=N_ITEMS)
    assert metrics.ndcg(tied, k).mean() == pytest.approx(ndcg_score(drawn[1], drawn[0], k=k), abs=1e-12)


def test_average_precision_is_scikit_learns(drawn):
    full, resolved = untied(*drawn)
    expected = label_ranking_average_precision_score(drawn[1], resolved)
    assert metrics.average_precision(full, N_ITEMS).mean() == pytest.approx(expected, abs=1e-12)


def test_user_auc_is_scikit_learns_with_ties(drawn):
    scores, bought = drawn
    expected = [roc_auc_score(y, s) for s, y in zip(scores, bought, strict=True)]
    assert metrics.user_auc(scores, sparse.csr_matrix(bought)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [1, 7, 25])
def test_the_rest_agree_with_sets_and_loops(drawn, k):
    full, _ = untied(*drawn)
    for row, bought in enumerate(drawn[1]):
        truth, places = set(np.flatnonzero(bought)), list(full.items[row, :k])
        found = [item in truth for item in places]
        assert metrics.precision(full, k)[row] == pytest.approx(sum(found) / k)
        assert metrics.recall(full, k)[row] == pytest.approx(sum(found) / len(truth))
        assert metrics.hit_rate(full, k)[row] == any(found)
        first = found.index(True) + 1 if any(found) else np.inf
        assert metrics.reciprocal_rank(full, k)[row] == pytest.approx(1 / first)


def test_ndcgs_two_ideals_differ_only_beyond_k_purchases(drawn):
    full, _ = untied(*drawn)
    truncated, whole = metrics.ndcg(full, 5), metrics.ndcg(full, 5, ideal="full")
    few = full.relevant <= 5
    assert few.any() and not few.all()
    assert whole[few] == pytest.approx(truncated[few])
    assert (whole[~few] <= truncated[~few]).all() and (whole[~few] < truncated[~few]).any()
    gain = 1 / np.log2(np.arange(2, 40))
    by_hand = [gain[:5][h].sum() / gain[:n].sum() for h, n in zip(full.hits[:, :5], full.relevant, strict=True)]
    assert whole == pytest.approx(by_hand)


def test_scores_decide_before_the_draw(drawn):
    scores, bought = drawn
    full = rank(scores, sparse.csr_matrix(bought), depth=N_ITEMS)
    assert (np.diff(np.take_along_axis(scores, full.items, axis=1)) <= 0).all()
    assert (np.sort(full.items, axis=1) == np.arange(N_ITEMS)).all()


LIST_METRICS = [metric for metric in METRICS.values() if metric.of == "list"]


@pytest.mark.parametrize("metric", LIST_METRICS, ids=lambda metric: metric.name)
def test_a_metric_of_ties_is_its_mean_over_all_orders(metric):
    rng = np.random.default_rng(2)
    scores, bought = rng.integers(0, 3, size=(8, 6)).astype(float), rng.random((8, 6)) < 0.4
    bought[:, 0] = True
    ranking = rank(scores, sparse.csr_matrix(bought), depth=5)
    orders = np.array(list(permutations(range(6))))
    for user, (score, wanted) in enumerate(zip(scores, bought, strict=True)):
        every = rank(score - orders / 100, sparse.csr_matrix(np.tile(wanted, (len(orders), 1))), depth=5)
        for k in (1, 3, 5):
            assert metric.fn(ranking, k)[user] == pytest.approx(metric.fn(every, k).mean(), abs=1e-12)


def test_the_order_drawn_for_ties_is_fair_to_every_pair():
    """An order by item number, even from another start in every row, puts i before i + 1 nearly always."""
    n_users, n_items = 4000, 30
    scores = np.zeros((n_users, n_items))
    scores[0, -1] = 1  # one opinion, or the scores would be refused
    items = rank(scores, sparse.csr_matrix(np.ones((n_users, n_items))), depth=n_items).items[1:]
    place = np.argsort(items, axis=1)
    for i, j in ((0, 1), (13, 14), (0, 29), (5, 20)):
        assert (place[:, i] < place[:, j]).mean() == pytest.approx(0.5, abs=0.03)


@pytest.fixture(scope="module")
def renamed(split):
    """The same shop judged twice: items stand in the order of their names, and in the second their names are others."""
    rng, b = np.random.default_rng(5), split.baskets
    names = np.array([f"{number:03d}" for number in rng.permutation(b.n_items)])
    order = np.argsort(names)
    other = Baskets(b.quantities[:, order].tocsr(), b.user, b.day, b.user_ids, names[order], b.level)
    makers = PersonalFrequency, DecayedFrequency, Popularity
    return [
        evaluate([Calibrated(make()) for make in makers], replace(split, baskets=one).task("test"), requests=0, seed=0)
        for one in (b, other)
    ]


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_other_names_of_the_items_change_no_metric(renamed, metric):
    for track in ("all", "repeat", "explore") if metric.of == "list" else ("all",):
        assert np.allclose(*(one.per_user(metric.label(10), track).to_numpy() for one in renamed), atol=1e-6)


def test_other_names_of_the_items_change_no_calibration(renamed):
    columns = ["shown P", "shown bought", "ECE shown"]
    assert np.allclose(*(one.probability_table()[columns].sort_index().to_numpy() for one in renamed), atol=1e-6)


def test_tied_marks_the_places_where_a_cut_is_arbitrary():
    ranking = rank(np.array([[3.0, 2, 2, 1], [9, 8, 7, 6]]), sparse.csr_matrix(np.ones((2, 4))), depth=3)
    assert ranking.tied.tolist() == [[False, True, False], [False, False, False]]


def test_candidates_limit_list_truth_and_padding():
    scores, truth = three_rows()
    candidates = np.array([[0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], dtype=bool)
    ranking = rank(scores, truth, depth=3, candidates=candidates)
    assert ranking.items.tolist() == [[1, 2, -1], [1, 2, 3], [3, 4, -1]]
    assert ranking.relevant.tolist() == [1, 1, 2]
    assert metrics.recall(ranking, 3).tolist() == [1, 0, 1]
    assert metrics.precision(ranking, 3) == pytest.approx([1 / 3, 0, 2 / 3])


def test_a_candidate_scored_minus_infinity_precedes_a_forbidden_item():
    scores = np.array([[5.0, -np.inf, 4.0, 3.0]])
    candidates = np.array([[False, True, True, False]])
    ranking = rank(scores, sparse.csr_matrix([[1, 1, 0, 0]]), depth=3, candidates=candidates)
    assert ranking.items.tolist() == [[2, 1, -1]]


def test_blocks_of_rows_do_not_matter():
    rng = np.random.default_rng(0)
    scores, bought = rng.integers(0, 3, size=(1100, 9)).astype(float), np.ones((1100, 9))
    whole = rank(scores, sparse.csr_matrix(bought), depth=9)
    first = rank(scores[:700], sparse.csr_matrix(bought[:700]), depth=9)
    assert (whole.items[:700] == first.items).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_properties(seed, k):
    """All metrics lie in [0, 1]; a perfect order is perfect; only the order of scores counts."""
    rng = np.random.default_rng(seed)
    bought = rng.random((8, 12)) < 0.3
    bought[:, 0] = True
    truth, scores = sparse.csr_matrix(bought), rng.normal(size=(8, 12))
    ranking, squeezed = rank(scores, truth, depth=12), rank(np.exp(scores / 3), truth, depth=12)
    perfect = rank(bought + scores / 1e6, truth, depth=12)
    for measure in (metrics.recall, metrics.precision, metrics.ndcg, metrics.hit_rate, metrics.average_precision):
        values = measure(ranking, k)
        assert ((values >= 0) & (values <= 1)).all()
        assert (measure(squeezed, k) == values).all()
        assert (measure(perfect, k) >= values - 1e-12).all()
    for measure in (metrics.ndcg, metrics.average_precision, metrics.hit_rate, metrics.reciprocal_rank):
        assert measure(perfect, k) == pytest.approx(1)


ONES = sparse.csr_matrix(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("scores", "truth", "depth", "message"),
    [
        (np.array([[1.0, np.nan, 0], [1, 2, 3]]), ONES, 2, "1 scores are NaN, first: user 0, item 1"),
        (np.ones((2, 4)), ONES, 2, r"shape \(2, 4\), the truth \(2, 3\)"),
        (np.ones(3), ONES, 2, r"shape \(3,\)"),
        (np.ones((2, 3)), ONES, 2, "same score, for every user"),
        (np.ones((2, 1)), sparse.csr_matrix(np.ones((2, 1))), 1, "catalogue of one item"),
        (np.ones((0, 3)), sparse.csr_matrix((0, 3)), 2, "no user to judge"),
        (np.arange(6.0).reshape(2, 3), sparse.csr_matrix([[1, 0, 0], [0, 0, 0]]), 2, "1 of 2 users .* row 1"),
        (np.arange(6.0).reshape(2, 3), ONES, 4, "lists of 4 items from a catalogue of 3"),
    ],
    ids=["nan", "wrong shape", "one row", "ties only", "one item", "no user", "nothing bought", "too deep"],
)
def test_bad_input_is_one_clear_error(scores, truth, depth, message):
    with pytest.raises(BundlebookError, match=message):
        rank(scores, truth, depth)


def test_a_metric_deeper_than_the_ranking_is_refused():
    ranking = rank(*three_rows(), depth=2)
    with pytest.raises(BundlebookError, match="k = 3, but lists are 2 long"):
        metrics.recall(ranking, 3)
    with pytest.raises(BundlebookError, match="unknown ideal"):
        metrics.ndcg(ranking, 2, ideal="perfect")


def test_auc_needs_both_outcomes():
    with pytest.raises(BundlebookError, match="nothing or everything"):
        metrics.user_auc(np.arange(6.0).reshape(2, 3), ONES)
