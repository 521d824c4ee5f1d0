"""The board judges everybody alike, keeps its rows, and says what it leaves out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import (
    METHODS,
    Method,
    MethodInputs,
    Options,
    Size,
    Stored,
    evaluate,
    judge as judge_module,
    make_leaderboard,
    outside_vocabulary,
    plan,
    settings_of,
    split_for,
    summary,
    within,
    write_figures,
)
from bundlebook.evaluation.methods import _FAMILIES
from bundlebook.recommenders import DecayedFrequency, Popularity, ProbabilisticRecommender
from bundlebook.shop import clean, load_shop

OPTIONS = Options(seed=3, seeds=2, requests=2)
SIMPLE = [method for method in METHODS if method.family == "counting"]


class Noisy(DecayedFrequency):
    """Decayed frequency with a grain of chance, so that seeds differ."""

    def __init__(self, seed):
        super().__init__(name="noisy")
        self.seed = seed

    def scores(self, histories, at):
        rng = np.random.default_rng([self.seed, histories.n_users])
        return super().scores(histories, at) * rng.lognormal(0, 0.05, (histories.n_users, histories.n_items))


@pytest.fixture(scope="module")
def shop():
    return clean(load_shop("sample"))[0]


@pytest.fixture(scope="module")
def split(shop):
    return split_for(shop, "auto")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def kept_here(cache, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(cache))


@pytest.fixture(scope="module")
def made(shop, split, cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUNDLEBOOK_CACHE", str(cache))
        learned = Method("noisy", "factors", lambda inputs, seed: Noisy(seed), learned=True)
        return make_leaderboard(shop, split, [*SIMPLE, learned], OPTIONS, progress=False)


def test_tasks_tracks_and_seeds(made):
    assert list(made.evaluations) == ["window", "next_basket", "new, 1", "new, 2", "new, 4"]
    runs = {name: len(judged.runs) for name, judged in made.evaluations["window"].judged.items()}
    assert runs == {method.name: 1 for method in SIMPLE} | {"noisy": 2}
    noisy = made.evaluations["window"].judged["noisy"]
    assert noisy.spread("NDCG@10", "all") > 0 and noisy.spread("Log loss", "all") > 0
    means = [run["all"]["NDCG@10"] for run in noisy.runs]
    assert noisy.values["all"]["NDCG@10"].mean() == pytest.approx(np.mean(means))
    assert np.isnan(made.evaluations["window"].judged["popularity"].spread("NDCG@10", "all"))


def test_the_board_is_the_evaluation_of_the_same_recommenders(made, split):
    again = evaluate([Popularity(), DecayedFrequency()], split.task("test"), requests=0, seed=0)
    for name in ("popularity", "decayed frequency + popularity"):
        for track in ("all", "repeat", "explore"):
            mine = made.evaluations["window"].per_user("NDCG@10", track)[name]
            assert mine.to_numpy() == pytest.approx(again.per_user("NDCG@10", track)[name].to_numpy())


def test_finished_rows_are_kept_and_a_changed_setting_is_not_a_finished_row(made, shop, split, monkeypatch):
    calls = []
    judge = judge_module._judge_one
    monkeypatch.setattr(judge_module, "_judge_one", lambda *given: calls.append(given[0].name) or judge(*given))
    again = make_leaderboard(shop, split, SIMPLE, OPTIONS, progress=False)
    assert calls == []
    for task, evaluation in again.evaluations.items():
        for name, judged in evaluation.judged.items():
            first = made.evaluations[task].judged[name]
            assert (judged.values["all"] == first.values["all"]).all().all()
            assert (judged.rankings["all"].items == first.rankings["all"].items).all()
            assert judged.fit_seconds == first.fit_seconds
    other = replace(SIMPLE[0], make=lambda inputs, seed: Popularity(days=14))
    make_leaderboard(shop, split, [other], OPTIONS, progress=False)
    assert calls == ["popularity", "popularity"], "one row for the main tasks, one for new households"


def test_an_interrupted_board_goes_on(shop, split, monkeypatch):
    options = replace(OPTIONS, seed=4)
    judge, done = judge_module._judge_one, []

    def judge_twice(recommender, arenas):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(recommender.name)
        return judge(recommender, arenas)

    monkeypatch.setattr(judge_module, "_judge_one", judge_twice)
    with pytest.raises(KeyboardInterrupt):
        make_leaderboard(shop, split, SIMPLE, options, progress=False)
    assert done == ["popularity", "popularity"]
    monkeypatch.setattr(judge_module, "_judge_one", lambda *given: done.append(given[0].name) or judge(*given))
    make_leaderboard(shop, split, SIMPLE, options, progress=False)
    assert done.count("popularity") == 2 and len(done) == 2 * len(SIMPLE)


def test_one_that_gives_up_does_not_stop_the_others(shop, split):
    class Gives(Popularity):
        def fit(self, visible, at):
            raise BundlebookError("nothing to learn from", where="fit")

    class Greedy(Popularity):
        def scores(self, histories, at):
            raise MemoryError

    broken = [
        Method("gives", "counting", lambda g, s: Gives()),
        Method("greedy", "counting", lambda g, s: Greedy()),
    ]
    board = make_leaderboard(shop, split, [*broken, SIMPLE[0]], replace(OPTIONS, new_share=0), progress=False)
    assert board.failures == {"gives": "nothing to learn from", "greedy": "ran out of memory"}
    assert list(board.evaluations["window"].judged) == ["popularity"] and [c.name for c in board.methods] == [
        "popularity"
    ]
    assert summary(board, 100)["failed"] == board.failures


def test_blocks_of_users_do_not_show(made, split, monkeypatch):
    monkeypatch.setattr(judge_module, "_CELLS_AT_ONCE", 7 * split.baskets.n_items)
    blocks = evaluate([SIMPLE[2].recommender(MethodInputs(None, split), 0)], split.task("test"), requests=0, seed=0)
    whole = made.evaluations["window"]
    name = "decayed frequency + popularity"
    for metric, track in (("NDCG@10", "explore"), ("AUC", "all"), ("Log loss", "all")):
        assert blocks.per_user(metric, track)[name].to_numpy() == pytest.approx(whole.per_user(metric, track)[name])
    assert blocks.probability_table().loc[name].to_numpy() == pytest.approx(whole.probability_table().loc[name])
    assert (blocks.judged[name].rankings["all"].items == whole.judged[name].rankings["all"].items).all()


def test_a_sample_of_users_is_judged_and_all_are_learned_from(split):
    task, seen = split.task("test"), []

    class Spy(Popularity):
        def fit(self, visible, at):
            seen.append(visible.n_users)
            return super().fit(visible, at)

    board = evaluate([Spy()], task, requests=0, most_users=50, seed=0)
    assert seen == [task.visible.n_users]
    assert board.outcome.shape[0] == 50 and 10 < len(board.per_user("NDCG@10")) <= 50
    assert set(board.per_user("NDCG@10").index) <= set(task.histories.user_ids)


def test_what_is_stored_is_what_was_measured(made, tmp_path):
    content = summary(made, resamples=300)
    write_figures(tmp_path / "board.json", {"boards": {"product_type": content}})
    json.loads((tmp_path / "board.json").read_text(), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    board = Stored.read(tmp_path / "board.json", "product_type")
    evaluation = made.evaluations["window"]
    for metric, track in (("NDCG@10", "all"), ("Recall@10", "explore"), ("Log loss", "all")):
        expected = evaluation.intervals(metric, track, 300, seed=OPTIONS.seed)
        found = board.intervals(metric, "window", track).loc[expected.index]
        assert found[["mean", "low", "high"]].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5)
        assert board.leaders(metric, "window", track) == evaluation.leaders(metric, track, 300, seed=OPTIONS.seed)
    reference = "decayed frequency + popularity"
    differences = evaluation.differences("NDCG@10", reference, resamples=300, seed=OPTIONS.seed)
    assert board.against("NDCG@10").loc[differences.index, "p_holm"].to_numpy(float) == pytest.approx(
        differences["p_holm"].to_numpy(), abs=1e-5
    )
    assert (board.lists("window", "explore")["bought before"] == 0).all()
    assert board.probabilities().index[0] == board.intervals("Log loss").index[0]
    assert board.table(("NDCG@10",)).index[0] == evaluation.per_user("NDCG@10").mean().idxmax()
    assert board.methods.loc["noisy", "seeds"] == 2
    assert len(content["readings of the test window"]) == 2
    with pytest.raises(BundlebookError, match="no track 'new'"):
        board.track("window", "new")
    with pytest.raises(BundlebookError, match="no level 'item_id'"):
        Stored.read(tmp_path / "board.json", "item_id")
    with pytest.raises(BundlebookError, match="no leaderboard could be read"):
        Stored.read(tmp_path / "nothing.json", "item_id")


def test_what_falls_out_of_the_truth_is_counted(shop, split):
    assert outside_vocabulary(shop, split) == {"items": 0, "pairs": 0}
    half = split.baskets.over(split.baskets.items[::2])
    lost = outside_vocabulary(shop, replace(split, baskets=half))
    window = split.baskets.between(split.validation_end, split.test_end).user_item()
    assert lost["pairs"] == pytest.approx(window[:, 1::2].nnz / window.nnz)


def test_every_method_has_a_family_and_estimates_a_probability(shop, split):
    names = [method.name for method in METHODS]
    assert len(set(names)) == len(names)
    order = [_FAMILIES.index(method.family) for method in METHODS]
    assert order == sorted(order)
    inputs = MethodInputs(shop, split)
    for method in METHODS:
        made = method.recommender(inputs, 1)
        assert isinstance(made, ProbabilisticRecommender)
        other = method.recommender(inputs, 2)
        assert (repr(settings_of(made)) != repr(settings_of(other))) == method.learned


def test_the_planner_switches_off_what_does_not_fit_and_says_why():
    small = Size.of(split_for(clean(load_shop("sample"))[0], "item_id"))
    assert plan(small, 2, 10)[1] == {}
    chosen, left_out = plan(Size(users=1_000_000, items=100_000, pairs=20_000_000, baskets=10_000_000), 12, minutes=10)
    names = {method.name for method in chosen}
    assert {"popularity", "personal frequency", "decayed frequency + popularity"} <= names
    for dense in ("TIFU-KNN", "EASE (counts)", "content-based"):
        assert "GB of memory" in left_out[dense]
    assert "minutes to fit" in left_out["GRU + repeat-aware head"]
    assert set(plan(small, 2, 10, networks=False)[1].values()) == {"networks were switched off"}


def test_networks_that_a_leaderboard_has_no_time_for_are_left_out_and_named():
    methods = [method for method in METHODS if method.name in ("popularity", "interest MLP", "GRU + repeat-aware head")]
    size, options = Size(14_000, 2300, 540_000, 100_000), Options(seeds=1, most_users=2000, new_to_networks=False)
    assert within(methods, size, options, 60) == (tuple(methods), {})
    chosen, left_out = within(methods, size, options, 7)  # the best network first, and what still fits behind it
    assert [method.name for method in chosen] == ["popularity", "GRU + repeat-aware head"]
    assert "7 are allowed for all methods together" in left_out["interest MLP"]
    chosen, left_out = within(methods, size, options, 0.01)
    assert [method.name for method in chosen] == ["popularity"] and len(left_out) == 2
    twice = Options(seeds=2, most_users=2000, new_to_networks=False)
    assert len(within(methods, size, twice, 8)[1]) == 1 and not within(methods, size, options, 8)[1]
