"""Nothing of a held-out household is left to learn from, and its history is short."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import newcomers


def test_held_out_households_are_gone_and_short(task):
    found = newcomers(task, baskets=(1, 2, 4), share=0.3, seed=0)
    assert list(found) == [1, 2, 4]
    users = {n: tuple(judged.histories.user_ids) for n, (judged, _) in found.items()}
    assert len(set(users.values())) == 1, "every n is judged on the same households"
    for n, (judged, (people, outcome)) in found.items():
        assert not set(judged.visible.user_ids) & set(people.user_ids)
        assert set(judged.visible.user_ids) | set(people.user_ids) == set(task.visible.user_ids)
        assert (judged.histories.counts_by_user() == n).all() and (people.counts_by_user() == n).all()
        assert (np.diff(judged.truth.indptr) > 0).all()
        assert (outcome[: judged.truth.shape[0]] != judged.truth).nnz == 0
        assert outcome[judged.truth.shape[0] :].nnz == 0
        rows = [list(task.histories.user_ids).index(user) for user in judged.histories.user_ids]
        assert (judged.truth != task.truth[rows]).nnz == 0


def test_other_seed_other_households_and_bad_shares_are_refused(task):
    first, second = (newcomers(task, seed=seed)[1][0].histories.user_ids for seed in (0, 1))
    assert list(first) != list(second)
    with pytest.raises(BundlebookError, match="share 1"):
        newcomers(task, share=1, seed=0)
    with pytest.raises(BundlebookError, match="fewer than two"):
        newcomers(task, share=0.001, seed=0)
