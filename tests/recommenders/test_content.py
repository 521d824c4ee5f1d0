"""Content-based scores against scikit-learn's cosine and ridge regression."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import ContentBased
from bundlebook.recommenders._interest import interest

AT = np.datetime64("2021-06-01")


@pytest.fixture(scope="module")
def vectors(panel):
    return np.random.default_rng(1).random((panel.n_items, 6))


def test_cosine_is_scikit_learns(panel, vectors):
    model = ContentBased(vectors, method="cosine", half_life=60).fit(panel, AT)
    r = interest(panel, AT, 60).toarray()
    profile = r @ vectors / r.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.profiles(panel, AT), profile, rtol=1e-12)
    expected = cosine_similarity(profile, vectors) + 1e-6 * model.share_
    np.testing.assert_allclose(model.scores(panel, AT), expected, rtol=1e-6)


def test_ridge_is_scikit_learns(panel, vectors):
    model = ContentBased(vectors, method="ridge", l2=0.7, half_life=60, power=0.5).fit(panel, AT)
    r = interest(panel, AT, 60, 0.5).toarray()
    expected = Ridge(alpha=0.7, fit_intercept=False).fit(vectors, r.T).predict(vectors).T + 1e-6 * model.share_
    np.testing.assert_allclose(model.scores(panel, AT), expected, rtol=1e-5, atol=1e-6)


def test_a_new_item_like_an_old_one_is_found(panel, vectors):
    """Item 14 was never bought, but has the attributes of the user's favourite."""
    kept = panel.quantities.copy().tolil()
    kept[:, 14] = 0
    unsold = type(panel)(kept.tocsr(), panel.user, panel.day, panel.user_ids, panel.items)
    unsold.quantities.eliminate_zeros()
    favourite = interest(unsold, AT, 90).toarray()[0].argmax()
    alike = vectors.copy()
    alike[14] = alike[favourite]
    scores = ContentBased(alike, method="cosine").fit(unsold, AT).scores(unsold, AT)[0]
    assert scores[14] == pytest.approx(scores[favourite], abs=2e-6)


def test_vectors_must_be_those_of_the_items(panel, vectors):
    named = pd.DataFrame(vectors, index=panel.items)
    ContentBased(named).fit(panel, AT)
    with pytest.raises(BundlebookError, match="not those of the 15 items, in their order"):
        ContentBased(named[::-1]).fit(panel, AT)
    with pytest.raises(BundlebookError, match="14 item vectors"):
        ContentBased(vectors[1:]).fit(panel, AT)
    with pytest.raises(BundlebookError, match="not finite numbers"):
        ContentBased(np.where(vectors > 0.5, np.nan, vectors))
    with pytest.raises(BundlebookError, match="unknown method 'dot'"):
        ContentBased(vectors, method="dot")
