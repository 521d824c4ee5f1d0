"""Three regimes on the same users, without a look ahead."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import ndcg, rank
from bundlebook.feedback import prequential_tasks, run_prequential, update_days
from bundlebook.feedback.prequential import REGIMES
from bundlebook.recommenders import DecayedFrequency, Popularity
from tests.feedback.test_online import made_baskets

BASKETS = made_baskets(11, n_users=60, n_items=30, n_days=70, many=1500)
DAYS = update_days(BASKETS.day.min() + np.timedelta64(28, "D"), 5)
MAKERS = {"frequency": DecayedFrequency, "popularity": Popularity}


@pytest.fixture(scope="module")
def run():
    return run_prequential(BASKETS, MAKERS, DAYS)


def test_all_regimes_are_equal_on_the_first_day_and_are_judged_on_the_same_users(run):
    table = run.by_update()
    for model in MAKERS:
        assert np.ptp(table[model].iloc[0]) < 1e-12
        assert list(table[model].columns) == list(REGIMES)
    assert not run.values["all"].isna().any().any()
    assert np.array_equal(table.index.to_numpy().astype("datetime64[D]"), DAYS)


def test_each_regime_is_what_it_says(run):
    task = prequential_tasks(BASKETS, DAYS)[-1]
    first = BASKETS.between(end=DAYS[0])
    frozen = DecayedFrequency().fit(first, DAYS[0])
    users = pd.Index(BASKETS.user_ids).get_indexer(task.histories.user_ids)
    wanted = {
        "frozen": frozen.scores(first.of_users(users), DAYS[0]),
        "fresh history": frozen.scores(task.histories, task.at),
        "refit": DecayedFrequency().fit(BASKETS.between(end=task.at), task.at).scores(task.histories, task.at),
    }
    for regime, scores in wanted.items():
        assert run.by_update()["frequency"][regime].iloc[-1] == pytest.approx(
            ndcg(rank(scores, task.truth, 10), 10).mean()
        )


def test_nothing_after_the_day_has_a_say(run):
    cut = DAYS[3]
    changed = BASKETS.where((BASKETS.day < cut + 7) | (BASKETS.user % 2 == 0))
    again = run_prequential(changed, MAKERS, DAYS[:4])
    assert np.allclose(again.by_update().to_numpy(), run.by_update().iloc[:4].to_numpy())


def test_users_without_a_history_on_the_first_day_are_not_judged():
    for task in prequential_tasks(BASKETS, DAYS, min_history=8):
        known = BASKETS.between(end=DAYS[0])
        judged = np.isin(BASKETS.user_ids, task.histories.user_ids)
        assert (known.counts_by_user()[judged] >= 8).all()
        assert task.visible.day.max() < task.at <= task.until - 7


def test_late_purchases_are_not_read():
    prompt, late = prequential_tasks(BASKETS, DAYS), prequential_tasks(BASKETS, DAYS, delay=10)
    assert late[2].visible.day.max() < late[2].at - 10 <= prompt[2].visible.day.max()
    assert (late[2].truth != 0).sum() > 0


def test_a_change_is_the_ratio_of_means_with_an_interval_around_it(run):
    table = run.table(seed=1)
    values = run.values["all"].loc[DAYS[1] :]
    means = values.mean()
    assert np.allclose(table["mean"], means)
    for key, row in table.iterrows():
        assert row["change"] == pytest.approx(means[key] / means[key[0], "frozen"] - 1)
        assert row["low"] <= row["mean"] <= row["high"] and row["change low"] <= row["change"] <= row["change high"]
    change, low, high = run.change("frequency", "refit", "frozen", latest=2, seed=1)
    late = run.values["all"].loc[DAYS[-2] :].mean()["frequency"]
    assert change == pytest.approx(late["refit"] / late["frozen"] - 1) and low <= change <= high


def test_the_interval_draws_whole_users():
    """With one value per user in every week, the interval must not shrink with the number of weeks."""
    users = [f"u{n}" for n in range(40)]
    values = np.random.default_rng(0).random(40)
    from bundlebook.feedback import Prequential

    def of(weeks):
        index = pd.MultiIndex.from_product([pd.date_range("2021-01-04", periods=weeks, freq="7D"), users])
        column = pd.DataFrame(np.tile(values, weeks), index=index.set_names(["at", "user"]))
        column.columns = pd.MultiIndex.from_tuples([("m", "frozen")], names=["model", "regime"])
        return Prequential({"all": column}, "NDCG@10").table(seed=3)

    few, many = of(3), of(30)
    assert np.allclose(few[["mean", "low", "high"]], many[["mean", "low", "high"]])


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(BundlebookError, match="nobody to judge comes"):
        prequential_tasks(BASKETS, update_days(DAYS[0], 30))
    with pytest.raises(BundlebookError, match="no user has 3 baskets"):
        prequential_tasks(BASKETS, update_days("2020-01-06", 3))
    with pytest.raises(BundlebookError, match="0 updates"):
        update_days("2021-01-04", 0)
