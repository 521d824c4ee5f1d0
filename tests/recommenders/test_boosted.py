"""Boosted trees: features as counted by hand, no look ahead, sampling that is undone, bounded work."""

import pickle

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import future_influence, truth_in_features
from bundlebook.recommenders import FEATURE_GROUPS, BoostedTrees, ItemKNN, UserKNN, boosted, counting_features
from bundlebook.recommenders.calibrated import _Replay
from bundlebook.shop import Task
from tests.recommenders.conftest import AT, made

PAIR = FEATURE_GROUPS["how often"] + FEATURE_GROUPS["how long ago"]


#: Five kinds of three items each; one item has no label.
GROUPS = pd.Series({f"i{n:02d}": f"kind {n % 5}" for n in range(14)})


def small(**settings):
    return BoostedTrees(**{"rounds": 20, "cuts": 3, "keep": 1.0} | settings)


def by_hand(baskets, user, item):
    """The features of one pair, counted basket by basket."""
    mine = np.flatnonzero(baskets.user == user)
    age = (AT - baskets.day[mine]).astype(int)
    since = np.arange(len(mine))[::-1]
    holds = np.asarray(baskets.quantities[mine, item].todense()).ravel()
    has, size = holds > 0, baskets.sizes()[mine]
    n, first, last = has.sum(), age[has].max(), age[has].min()
    gap = (first - last + 28) / n
    longest = max([1, *-np.diff(age[has])]) if n > 1 else np.nan

    def rate(weight, scale=1.0):
        return (weight * scale)[has].sum() / weight.sum() if np.ndim(scale) else weight[has].sum() / weight.sum()

    return [
        n / (1 + len(mine)),
        *(rate(2.0 ** (-age / h)) for h in (14, 45, 150)),
        rate(0.85**since),
        rate(0.95**since, size**-0.25),
        holds.sum() / n,
        *((2.0 ** (-age / h))[has].sum() for h in (45, 150)),
        last,
        since[has].min(),
        gap,
        last / gap,
        last / longest,
        first,
    ]


def test_features_are_what_one_counts_by_hand(panel):
    table = counting_features(panel, AT)
    assert tuple(table.columns) == PAIR
    assert len(table) == panel.user_item().nnz
    for user, item in table.index[::17]:
        assert table.loc[(user, item)].to_numpy() == pytest.approx(by_hand(panel, user, item), rel=1e-5, nan_ok=True)


def test_a_basket_on_the_day_itself_is_not_counted():
    log = made([[1, 0], [0, 2]], users=[0, 0], ages=[5, 0])
    table = counting_features(log, AT)
    assert list(table.index) == [(0, 0)]
    assert table["days since"].tolist() == [5]
    assert counting_features(log, AT - 10).empty


def features_of(model, histories):
    """The trees' table of features: a row per user and item that they look at."""
    _, pairs, x = model._rows(model.now_, histories)
    index = pd.MultiIndex.from_arrays(np.divmod(pairs, histories.n_items))
    return pd.DataFrame(x, index, boosted._NAMES)


def test_items_of_one_kind_are_counted_together():
    """The user bought milk a four times and milk b once, yesterday; bread two days ago."""
    rows = [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], [0, 3, 0, 0], [0, 0, 0, 1], [1, 0, 1, 1]]
    log = made(rows, users=[0, 0, 0, 0, 0, 1, 1], ages=[43, 33, 23, 2, 1, 40, 3])
    groups = {"i0": "milk", "i1": "milk", "i2": "bread"}
    table = features_of(small(cuts=1, groups=groups).fit(log, AT), log)
    one = table.loc[(0, 0)]
    assert one["days since"] == 2 and one["like days since"] == 1
    assert one["like share"] == pytest.approx(5 / 6)
    assert one["like overdue"] == pytest.approx(1 / ((43 - 1 + 28) / 5))
    assert one["like count 45"] == pytest.approx(sum(2 ** (-d / 45) for d in (43, 33, 23, 2, 1)))
    assert one["part lately"] == pytest.approx(5 / 6)  # of six purchases of milk in eight weeks, five were of a
    assert table.loc[(0, 1), "like share"] == one["like share"]
    # Of an item that is new to the user, the kind may be known; one without a label is a kind of its own.
    assert table.loc[(1, 1), "like days since"] == 3 and np.isnan(table.loc[(1, 1), "days since"])
    assert np.isnan(table.loc[(0, 3), "like share"]) and table.loc[(0, 3), "part lately"] == 1


def test_without_groups_nothing_is_said_of_items_of_one_kind(panel):
    like = FEATURE_GROUPS["items like it"]
    plain, told = small().fit(panel, AT), small(groups=GROUPS).fit(panel, AT)
    assert len(told._columns) == len(plain._columns) + len(like)
    assert features_of(plain, panel)[list(like)].isna().all(axis=None)
    assert np.isfinite(told.scores(panel, AT)).all()
    # Another grouping is another fit; labels of items that the log lacks are no matter.
    made_of = told.made_of_
    told.groups = GROUPS[::-1]
    assert told.fit(panel, AT).made_of_ == made_of
    told.groups = pd.concat([GROUPS, pd.Series({"elsewhere": "kind 9"})])
    assert told.fit(panel, AT).made_of_ == made_of
    told.groups = GROUPS.iloc[:5]
    assert told.fit(panel, AT).made_of_ != made_of


def test_what_is_known_of_users_and_items_is_counted_by_hand():
    """One user: item a in every basket, b only in the last; item c was never sold."""
    rows, ages = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0]], [80, 50, 30, 6]
    log = made(rows, users=[0, 0, 0, 0], ages=ages)
    user = dict(zip(FEATURE_GROUPS["user"], boosted._user_history(log, AT)[0], strict=True))
    assert (user["items lately"], user["visits lately"]) == (2, pytest.approx(sum(2 ** (-a / 45) for a in ages)))
    assert user["repeats lately"] == pytest.approx(3 / 4)  # a, a, and of the last basket a but not b
    item = pd.DataFrame(boosted._item_history(log, AT), columns=FEATURE_GROUPS["item"])
    assert item["last sold"].tolist() == pytest.approx([6, 6, np.nan], nan_ok=True)
    # Three purchases of a are four weeks old, and two of them were followed by another within four weeks.
    assert item["again in a period"].tolist() == pytest.approx([2.2 / 5, 0.2 / 2, 0.2 / 2])


def test_neighbours_scores_are_those_of_the_neighbours(panel):
    model = small(others=15).fit(panel, AT)
    table = features_of(model, panel)
    row, item = (table.index.get_level_values(n) for n in (0, 1))
    assert table["user-neighbour score"].to_numpy() == pytest.approx(
        UserKNN().fit(panel, AT).scores(panel, AT)[row, item]
    )
    alone = ItemKNN(own_weight=0).fit(panel, AT).scores(panel, AT)
    assert table["item neighbours"].to_numpy() == pytest.approx(alone[row, item], abs=1e-5)


def test_features_and_trees_know_nothing_of_the_window(panel):
    at = AT - np.timedelta64(28, "D")
    visible, came = panel.between(end=at), panel.between(at, AT)
    assert visible.n_baskets < panel.n_baskets
    task = Task("t", at, AT, visible, visible, came.user_item())
    rows = counting_features(visible, at)
    table = np.zeros((panel.n_users, panel.n_items))
    table[rows.index.get_level_values(0), rows.index.get_level_values(1)] = rows["share"]
    assert not truth_in_features(table, task)["leak"]
    for target in ("window", "next_basket"):

        def predict(baskets, target=target):
            model = small(target=target, groups=GROUPS, seed=1).fit(baskets, at)
            return model.scores(baskets, at)

        assert future_influence(predict, panel, at, seed=0) == 0


@pytest.mark.parametrize("target", ["window", "next_basket"])
def test_p_is_right_in_the_mean_and_sampling_is_undone(panel, target):
    replay = _Replay.of(panel, AT, where="test", min_history=1, target=target)
    share = (replay.bought > 0).mean()
    for keep in (1.0, 0.4):
        p = (
            small(target=target, keep=keep, cuts=1, thinning=0)
            .fit(panel, AT)
            .probability(replay.histories, replay.then)
        )
        assert p.mean() == pytest.approx(share, rel=0.15), keep


def test_each_group_of_features_can_be_left_out(panel):
    whole = small(groups=GROUPS).fit(panel, AT)
    for group, names in FEATURE_GROUPS.items():
        less = small(groups=GROUPS, without=(group,)).fit(panel, AT)
        assert len(less._columns) == len(whole._columns) - len(names)
        assert np.isfinite(less.scores(panel, AT)).all()
    with pytest.raises(BundlebookError, match="unknown without 'colour'"):
        small(without=("colour",))
    with pytest.raises(BundlebookError, match="every feature is left out"):
        small(without=tuple(FEATURE_GROUPS))


def test_work_is_bounded_and_blocks_change_nothing(panel, monkeypatch):
    whole = small().fit(panel, AT)
    scores = whole.scores(panel, AT)
    monkeypatch.setattr(boosted, "_CELLS_AT_ONCE", 4 * panel.n_items)
    assert (whole.scores(panel, AT) == scores).all()
    few = small(most_pairs=60).fit(panel, AT)
    assert few.n_rows_ < whole.n_rows_ / 2


def test_only_the_likeliest_new_items_are_seen_by_the_trees(panel):
    one, all_of_them = small(others=1).fit(panel, AT), small(others=100).fit(panel, AT)
    _, pairs, x = one._rows(one.now_, panel)
    known = panel.user_item().nnz
    assert known <= len(pairs) <= known + panel.n_users
    assert np.isnan(x[known:, : len(PAIR)]).all() and np.isfinite(x[:known, PAIR.index("share")]).all()
    assert len(all_of_them._rows(all_of_them.now_, panel)[1]) == panel.n_users * panel.n_items


def test_a_thinned_user_keeps_the_latest_baskets(panel):
    rng = np.random.default_rng(0)
    assert boosted._thinned(panel, 0.0, rng).digest == panel.digest
    thin = boosted._thinned(panel, 1.0, rng)
    kept, before = thin.counts_by_user(), panel.counts_by_user()
    assert (kept >= 1).all() and (kept <= before).all() and (kept < before).any()
    for user in np.flatnonzero(kept < before)[:5]:
        assert (thin.day[thin.user == user] == panel.day[panel.user == user][-kept[user] :]).all()


def test_fitted_trees_can_be_sent_to_another_process(panel):
    fitted = small().fit(panel, AT)
    sent = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(sent.probability(panel, AT), fitted.probability(panel, AT))


def test_probabilities_of_newcomers_add_up(panel):
    """The regression for new items met newcomers: what it promises them is what they buy, in the mean."""
    replay = _Replay.of(panel, AT, where="test", min_history=1)
    known = replay.histories.last(1)
    bought = (replay.bought > 0).sum()
    promised = small(thinning=0.5, cuts=1).fit(panel, AT).probability(known, replay.then).sum()
    assert promised == pytest.approx(bought, rel=0.3)
