"""UP-CF against its formula, written as loops over one user's baskets."""

import numpy as np
import pytest

from bundlebook.recommenders import UPCF
from bundlebook.recommenders.neighbours import _user_wise_popularity

AT = np.datetime64("2021-06-01")


def baskets_of(panel, user):
    return panel.incidence[panel.user == user].toarray()


@pytest.mark.parametrize("recency", [1, 3, 100, None])
def test_popularity_is_the_share_of_the_last_baskets(panel, recency):
    found = _user_wise_popularity(panel, recency).toarray()
    for user in range(panel.n_users):
        last = baskets_of(panel, user)[-recency if recency else 0 :]
        assert found[user] == pytest.approx(last.mean(axis=0), rel=1e-6)


def test_scores_by_loops(panel):
    model = UPCF(recency=4, neighbours=6, asymmetry=0.3, locality=2).fit(panel, AT)
    scores = model.scores(panel, AT)
    own = np.array([baskets_of(panel, u)[-4:].mean(axis=0) for u in range(panel.n_users)])
    sets = np.array([baskets_of(panel, u).any(axis=0) for u in range(panel.n_users)])
    for user in (0, 11, 39):
        w = (sets & sets[user]).sum(axis=1) / sets[user].sum() ** 0.3 / sets.sum(axis=1) ** 0.7
        w[user] = 0
        nearest = np.argsort(-np.round(w, 12), kind="stable")[:6]
        expected = own[user] + w[nearest] ** 2 @ own[nearest] + 1e-6 * model.share_
        assert scores[user] == pytest.approx(expected, rel=1e-5)


def test_locality_leaves_the_user_alone(panel):
    """w < 1 for almost everybody else, so a huge power keeps only the user's own popularity."""
    model = UPCF(recency=None, asymmetry=0.5, locality=2000).fit(panel, AT)
    distinct = (model.similarities(panel, AT) > 0.98).sum(axis=1).A1 == 0
    own = _user_wise_popularity(panel, None).toarray()
    assert distinct.sum() > 10
    np.testing.assert_allclose(model.scores(panel, AT)[distinct], own[distinct], atol=2e-6)
