"""The protocol shows recommenders nothing but the past, and its tables add up."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import evaluate, everyone, future_influence, log_loss, metrics, rank, tracks
from bundlebook.evaluation.leakage import _rewrite_future
from bundlebook.recommenders import Calibrated, DecayedFrequency, PersonalFrequency, Popularity


class Returns:
    """A recommender that returns what it was given."""

    def __init__(self, scores, name="fixed"):
        self.given, self.name, self.seen = scores, name, []

    def fit(self, visible, at):
        self.seen.append((visible, at))
        return self

    def scores(self, histories, at):
        self.seen.append((histories, at))
        return self.given


@pytest.fixture(scope="module")
def evaluation(task):
    roster = [Calibrated(Popularity()), PersonalFrequency(), Calibrated(DecayedFrequency())]
    return evaluate(roster, task, ks=(5, 10), requests=7, seed=0)


def test_a_recommender_is_shown_the_past_only(task):
    spy = Returns(np.random.default_rng(0).random(task.truth.shape))
    evaluate([spy], task, requests=3, seed=0)
    assert len(spy.seen) == 2 + 4, "fit, all users, one warm-up and three timed requests"
    for baskets, at in spy.seen:
        assert at == task.at and (baskets.day < task.at).all()


def test_values_are_the_metrics_of_the_scores(task):
    scores = np.random.default_rng(1).random(task.truth.shape)
    result = evaluate([Returns(scores)], task, ks=(5,), requests=0, seed=0)
    ranking = rank(scores, task.truth, depth=5)
    assert (result.per_user("NDCG@5")["fixed"] == metrics.ndcg(ranking, 5)).all()
    assert (result.per_user("Recall@5")["fixed"] == metrics.recall(ranking, 5)).all()
    assert list(result.per_user("AUC").index) == list(task.histories.user_ids)


def test_who_bought_everything_has_no_auc_and_stops_nothing(task):
    truth = task.truth.tolil()
    truth[0] = 1
    greedy = replace(task, truth=truth.tocsr())
    board = evaluate([Returns(np.random.default_rng(0).random(task.truth.shape))], greedy, requests=0, seed=0)
    assert len(board.per_user("AUC")) == len(board.per_user("NDCG@10")) - 1
    assert board.per_user("AUC")["fixed"].between(0, 1).all()


def test_tracks_split_every_purchase_into_known_and_new(task):
    every = tracks(task)
    assert every["repeat"].truth.sum() + every["explore"].truth.sum() == task.truth.sum()
    before = task.histories.user_item().toarray() > 0
    for name, known in (("repeat", True), ("explore", False)):
        track = every[name]
        assert (track.candidates() == (before[track.rows] == known)).all()
        assert (np.diff(track.truth.indptr) > 0).all()
        bought = task.truth[track.rows].toarray() > 0
        assert (track.truth.toarray() > 0).tolist() == (bought & track.candidates()).tolist()


def test_everyone_includes_who_stayed_away(split):
    """Take the second half of the users' window baskets away: they leave the task, but not the population."""
    b, at = split.baskets, split.train_end
    away = (b.user >= b.n_users // 2) & (b.day >= at) & (b.day < split.validation_end)
    task = replace(split, baskets=b.where(~away)).task("validation")
    histories, truth = everyone(task)
    judged = len(task.histories.user_ids)
    assert judged < histories.n_users == truth.shape[0]
    assert (histories.counts_by_user() >= 3).all() and (histories.day < at).all()
    assert list(histories.user_ids[:judged]) == list(task.histories.user_ids)
    assert (histories.quantities[: task.histories.n_baskets] != task.histories.quantities).nnz == 0
    assert (truth[:judged] != task.truth).nnz == 0 and truth[judged:].nnz == 0
    board = evaluate([Calibrated(Popularity())], task, requests=0, seed=0)
    assert len(board.per_user("Log loss")) == histories.n_users
    assert len(board.per_user("NDCG@10")) == judged


def test_lists_of_a_track_hold_its_candidates_only(evaluation):
    for name in ("repeat", "explore"):
        track = evaluation.tracks[name]
        for judged in evaluation.judged.values():
            items = judged.rankings[name].items
            allowed = np.take_along_axis(track.candidates(), items, axis=1)
            assert allowed[items >= 0].all()
    assert evaluation.list_table(5, "explore")["bought before"].eq(0).all()
    assert evaluation.list_table(5, "repeat")["bought before"].eq(1).all()


def test_frequency_beats_popularity_on_users_with_tastes(evaluation):
    means = evaluation.per_user("NDCG@10").mean()
    assert means["personal frequency"] > means["popularity"] + 0.1
    assert evaluation.leaders("NDCG@10", seed=0)[0] != "popularity"
    assert "popularity" not in evaluation.leaders("NDCG@10", seed=0)


def test_personal_frequency_has_no_opinion_on_new_items(evaluation):
    ties = evaluation.list_table(5, "explore")["ties"]
    assert ties["personal frequency"] == 1 and ties["popularity"] < 1


def test_log_loss_by_user_adds_up_and_less_is_better(evaluation, task):
    losses = evaluation.per_user("Log loss")
    assert len(losses) == evaluation.outcome.shape[0]
    assert list(losses.columns) == ["popularity", "decayed frequency + popularity"], "frequency gives no probability"
    p = evaluation.judged["popularity"].probability
    assert losses["popularity"].mean() == pytest.approx(log_loss(p, evaluation.outcome.toarray()))
    assert evaluation.leaders("Log loss", seed=0)[0] == losses.mean().idxmin()
    table = evaluation.probability_table(k=5)
    assert table.index[0] == losses.mean().idxmin()
    assert table.loc["popularity", "log loss"] == pytest.approx(losses["popularity"].mean())
    assert table["shown P"].between(0, 1).all() and table["ECE shown"].between(0, 1).all()


def test_leaderboard_sorts_marks_and_brackets(evaluation):
    table = evaluation.leaderboard(("NDCG@10", "Recall@5"), resamples=300, seed=0)
    means = evaluation.per_user("NDCG@10").mean().sort_values(ascending=False)
    assert list(table.index) == list(means.index)
    interval = evaluation.intervals("NDCG@10", resamples=300, seed=0).loc[means.index[0]]
    expected = f"{interval['mean']:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    assert table["NDCG@10"].iloc[0].removesuffix(" *") == expected
    starred = table["NDCG@10"].str.endswith("*")
    assert list(table.index[starred]) == (
        [means.index[0]] if len(evaluation.leaders("NDCG@10", resamples=300, seed=0)) == 1 else []
    )


def test_an_asterisk_needs_a_winner_beyond_doubt(task):
    perfect = task.truth.toarray() + np.random.default_rng(0).random(task.truth.shape) / 100
    noise = np.random.default_rng(1).random(task.truth.shape)
    table = evaluate([Returns(noise, "noise"), Returns(perfect, "oracle")], task, requests=0, seed=0).leaderboard(
        seed=0
    )
    assert table.loc["oracle"].str.endswith("*").all() and not table.loc["noise"].str.contains(r"\*").any()
    twins = evaluate([Returns(noise, "one"), Returns(noise.copy(), "two")], task, requests=0, seed=0)
    assert not twins.leaderboard(seed=0).apply(lambda column: column.str.contains(r"\*")).to_numpy().any()


def test_speed_is_measured_or_taken_from_the_cache(evaluation, task):
    table = evaluation.speed_table()
    assert (table["p99, ms"] >= table["p50, ms"]).all() and (table[["fit, CPU s", "p50, ms"]] > 0).all().all()
    assert (table["fit, MB"] >= 0).all()
    assert all(len(judged.latency_ms) == 7 for judged in evaluation.judged.values())
    cached = Returns(np.random.default_rng(0).random(task.truth.shape))
    cached.fit_seconds_ = 123.0
    assert evaluate([cached], task, requests=0, seed=0).speed_table().loc["fixed", "fit, CPU s"] == 123


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s * np.nan, "broken, scores: .* NaN"),
        (lambda s: s[:, :-1], "broken: scores have shape"),
        (lambda s: s[:-1], "broken: scores have shape"),
        (lambda s: s * 0, "broken, scores: all items have the same score"),
        (lambda s: s[0], "broken: scores have shape"),
    ],
    ids=["nan", "items", "users", "ties only", "one row"],
)
def test_a_broken_recommender_is_named(task, spoil, message):
    scores = np.random.default_rng(0).random(task.truth.shape)
    with pytest.raises(BundlebookError, match=message):
        evaluate([Returns(spoil(scores), "broken")], task, requests=0, seed=0)


def test_users_who_bought_nothing_are_refused(task):
    truth = task.truth.tolil()
    truth[5] = 0
    with pytest.raises(
        BundlebookError, match=f"1 of .* bought nothing in the window, first: user {task.histories.user_ids[5]}"
    ):
        evaluate([Popularity()], replace(task, truth=truth.tocsr()), requests=0, seed=0)


def test_a_catalogue_of_one_item_is_refused(task):
    one = task.visible.items[:1]
    only = {"visible": task.visible.over(one), "histories": task.histories.over(one)}
    bought = np.ones((task.truth.shape[0], 1), dtype=np.float32)
    with pytest.raises(BundlebookError, match="ranked"):
        evaluate([Popularity()], replace(task, truth=sparse.csr_matrix(bought), **only), requests=0, seed=0)


def test_a_probability_of_the_wrong_shape_or_beyond_one_is_refused(task):
    class Boasts(Popularity):
        def probability(self, histories, at):
            return self.scores(histories, at) + 1

    class Short(Popularity):
        def probability(self, histories, at):
            return self.scores(histories, at)[:, :-1]

    with pytest.raises(BundlebookError, match="outside"):
        evaluate([Boasts()], task, requests=0, seed=0)
    with pytest.raises(BundlebookError, match="popularity: probabilities have shape"):
        evaluate([Short()], task, requests=0, seed=0)


def test_unknown_names_are_refused(evaluation, task):
    with pytest.raises(BundlebookError, match="not distinct"):
        evaluate([Popularity(), Popularity()], task, seed=0)
    with pytest.raises(BundlebookError, match="no track 'new'"):
        evaluation.per_user("NDCG@10", "new")
    with pytest.raises(BundlebookError, match="no metric 'NDCG@7'"):
        evaluation.per_user("NDCG@7")
    nobody_estimates = evaluate([PersonalFrequency()], task, requests=0, seed=0)
    with pytest.raises(BundlebookError, match="no method estimates"):
        nobody_estimates.probability_table()


def test_rewriting_the_future_keeps_the_past_and_its_calendar(split):
    b, at = split.baskets, split.train_end
    other = _rewrite_future(b, at, seed=0)
    past = b.day < at
    assert (other.quantities[past] != b.quantities[past]).nnz == 0
    assert (other.quantities[~past] != b.quantities[~past]).nnz > 0
    assert (other.day == b.day).all() and (other.user == b.user).all()
    assert other.quantities.sum() == b.quantities.sum()


@pytest.mark.parametrize("recommender", [Popularity(), PersonalFrequency(), Calibrated(DecayedFrequency())])
def test_no_recommender_here_reads_the_future(split, recommender):
    def predict(baskets):
        past = baskets.between(end=split.train_end)
        fitted = recommender.fit(past, split.train_end)
        return getattr(fitted, "probability", fitted.scores)(past, split.train_end)

    assert future_influence(predict, split.baskets, split.train_end, seed=0) == 0


def test_planted_leaks_are_caught(split):
    at = split.train_end

    def counts_everything(baskets):
        return np.tile(baskets.user_item().sum(axis=0), (3, 1))

    def lists_what_will_sell(baskets):
        return baskets.over(baskets.items[np.unique(baskets.between(start=at, end=at + 3).quantities.indices)]).sizes()

    assert future_influence(counts_everything, split.baskets, at, seed=0) > 1
    assert future_influence(lists_what_will_sell, split.baskets, at, seed=0) == float("inf")
    with pytest.raises(BundlebookError, match="no basket lies"):
        _rewrite_future(split.baskets, np.datetime64("2099-01-01"), seed=0)
