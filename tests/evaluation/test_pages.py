"""Pages of bundles against baskets, by hand."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.bundle_pages import (
    page_results,
    pairs_by_link,
    pairs_by_score,
    rule_confidences,
    share_of_baskets,
)
from bundlebook.shop import Baskets

HELD = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 1]], dtype=np.float32)
INSIDE = Baskets(
    sparse.csr_matrix(HELD),
    np.array([0, 0, 1, 1]),
    np.datetime64("2021-01-04") + np.arange(4),
    np.array(["ann", "bob", "cem"]),
    np.array(list("abcd")),
)


def test_results_by_hand():
    pages = [[(0, 1), (0, 2)], [(0, 1), (2, 3)], [(0, 1)]]
    price, category = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, 0, 1, 1])
    table = page_results(pages, INSIDE, price, category)
    assert table["hit"].tolist() == [1, 1, 0]
    assert table["one basket"].tolist() == [1, 0, 0]  # bob bought both, on two days; cem stayed away
    assert table["bought"].tolist() == [1.0, 0.5, 0.0]
    assert table["sales"].tolist() == [3.0 + 5.0, 3.0, 0.0]
    assert table["shown"].tolist() == [4.0, 7.5, 3.0]
    assert table["categories"].tolist() == [2, 2, 1]
    with pytest.raises(BundlebookError, match="1 pages for 3 users"):
        page_results(pages[:1], INSIDE, price, category)


def test_pairs_by_score_and_by_link():
    scores = np.array([[4.0, 3.0, 2.0, 1.0]])
    assert pairs_by_score(scores, 2) == [[(0, 1), (2, 3)]]
    new = np.array([[False, False, True, True]])
    assert pairs_by_score(scores, 2, new) == [[(0, 2), (1, 3)]]
    frequency = sparse.csr_matrix(np.array([[1.0, 0.5, 0, 0]]))
    strength = np.array([[0, 0.2, 0.3, 0], [0.9, 0, 0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert pairs_by_link(frequency, strength, 2) == [[(1, 0)]]  # .45; every other pair holds 0 or 1 again
    assert pairs_by_link(frequency, strength, 2, new) == [[(0, 2), (1, 3)]]


def test_shares_and_confidences():
    assert share_of_baskets(INSIDE).toarray() == pytest.approx(
        np.array([[0.5, 0.5, 0.5, 0], [0.5, 0.5, 0, 0.5], [0, 0, 0, 0]])
    )
    confidence = rule_confidences(INSIDE, 0.2).toarray()
    assert confidence[0, 1] == 0.5 and confidence[3, 1] == 1.0 and confidence[0, 2] == 0
