"""Codes mean the same as the plain pandas and scikit-learn encodings, and missing values are no category."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.preprocessing import OneHotEncoder

from bundlebook.errors import BundlebookError
from bundlebook.shop import PADDING, UNKNOWN, Vocabulary, bag_of_words, one_hot

TABLE = pd.DataFrame({"brand": ["b", "a", None, "b"], "size": ["S", "S", "L", "M"]})
words = st.lists(st.text("abc 例", max_size=3), max_size=8)


def test_one_hot_agrees_with_scikit_learn():
    known = TABLE.dropna()
    theirs = OneHotEncoder().fit(known)
    ours = one_hot(known, ["brand", "size"])
    np.testing.assert_array_equal(ours.matrix.toarray(), theirs.transform(known).toarray())
    assert ours.names.tolist() == ["brand=a", "brand=b", "size=M", "size=S"]
    assert ours.matrix.dtype == np.float32


def test_a_missing_value_is_a_row_of_zeros():
    assert one_hot(TABLE, ["brand"]).matrix.toarray().tolist() == [[0, 1], [1, 0], [0, 0], [0, 1]]


def test_rare_values_get_no_column():
    features = one_hot(TABLE, ["size"], min_rows=2)
    assert features.names.tolist() == ["size=S"]
    assert features.matrix.toarray().ravel().tolist() == [1, 1, 0, 0]


def test_an_absent_column_is_refused():
    with pytest.raises(BundlebookError, match="no column 'colour'"):
        one_hot(TABLE, ["colour"])
    with pytest.raises(BundlebookError, match="no column given"):
        one_hot(TABLE, [])


def test_words_are_counted_and_rare_ones_left_out():
    bag = bag_of_words(["Milk, whole milk", "soy milk", None, "牛奶 milk"], min_rows=1)
    assert bag.names.tolist() == ["milk", "soy", "whole", "牛奶"]
    assert bag.matrix.toarray().tolist() == [[2, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    assert bag_of_words(["ab cd", "ab"], min_rows=2).names.tolist() == ["ab"]
    with pytest.raises(BundlebookError, match="no word stands in 2 of 2 texts"):
        bag_of_words(["ab", "cd"])


def test_features_stand_beside_each_other_only_for_the_same_rows():
    both = one_hot(TABLE, ["brand"]).beside(one_hot(TABLE, ["size"]))
    assert both.matrix.shape == (4, 5)
    assert both.names.tolist() == ["brand=a", "brand=b", "size=L", "size=M", "size=S"]
    with pytest.raises(BundlebookError, match="4 rows beside 2"):
        both.beside(one_hot(TABLE[:2], ["size"]))


@given(training=words, new=words)
def test_known_labels_survive_the_round_trip_and_others_become_unknown(training, new):
    vocabulary = Vocabulary.of(training)
    assert vocabulary.decode(vocabulary.encode(training)) == training
    ids = vocabulary.encode(new)
    assert ((ids == UNKNOWN) == [label not in training for label in new]).all()
    assert (ids < len(vocabulary)).all()
    assert PADDING not in ids


def test_the_order_of_the_training_rows_does_not_matter():
    assert Vocabulary.of(["b", "a", "b"]) == Vocabulary.of(["a", "b"])


def test_sequences_keep_their_newest_labels_and_are_padded_in_front():
    vocabulary = Vocabulary.of("abc")
    assert vocabulary.pad(["abc", "b", "", "z"], 2).tolist() == [[3, 4], [0, 3], [0, 0], [0, 1]]
