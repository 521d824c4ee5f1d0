"""Leave-last-basket-out looks ahead; its twin in time does not."""

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import evaluate, last_baskets_in_time, leave_last_out
from bundlebook.recommenders import DecayedFrequency, Popularity


def test_the_last_basket_is_hidden_and_nothing_else(split):
    b = split.baskets
    task = leave_last_out(b)
    assert task.visible.n_baskets + task.truth.shape[0] == b.n_baskets
    for row, user in enumerate(task.histories.user_ids[:20]):
        whole = b.of_users([list(b.user_ids).index(user)])
        assert (task.truth[row] > 0).toarray().tolist() == (whole.quantities[-1] > 0).toarray().tolist()
        assert task.histories.of_users([row]).n_baskets == whole.n_baskets - 1
    board = evaluate([Popularity(), DecayedFrequency()], task, ks=(5,), requests=0, probabilities=False, seed=0)
    assert board.per_user("NDCG@5").mean().between(0, 1).all()


def test_the_twin_judges_the_same_baskets_and_sees_only_what_came_before(split):
    b = split.baskets
    hidden = dict(zip(leave_last_out(b).histories.user_ids, leave_last_out(b).truth.toarray().tolist(), strict=True))
    seen = set()
    for task in last_baskets_in_time(b):
        assert (task.visible.day < task.at).all() and (task.histories.day < task.at).all()
        for user, truth in zip(task.histories.user_ids, task.truth.toarray().tolist(), strict=True):
            assert hidden[user] == truth and user not in seen
            seen.add(user)
    assert len(seen) > 0.9 * len(hidden)


def test_too_few_baskets(split):
    with pytest.raises(BundlebookError, match="more than 1000 baskets"):
        leave_last_out(split.baskets, min_history=1000)
    with pytest.raises(BundlebookError, match="step of 0 days"):
        last_baskets_in_time(split.baskets, step_days=0)
