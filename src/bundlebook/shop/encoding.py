"""Encoding: labels and texts as numbers, each fitted on some rows and applied to any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError

#: Token ids that no label may take.
PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Features:
    """Rows described by named numbers.

    Attributes
    ----------
    matrix : csr_matrix, shape (n_rows, n_features), float32
    names : ndarray of str, shape (n_features,)
        ``"brand=National"`` for a one-hot column, ``"candy"`` for a word.
    """

    matrix: sparse.csr_matrix
    names: np.ndarray

    def beside(self, other: "Features") -> "Features":
        """These columns followed by those of *other*; the rows must be the same."""
        if self.matrix.shape[0] != other.matrix.shape[0]:
            raise BundlebookError(f"{self.matrix.shape[0]} rows beside {other.matrix.shape[0]}", where="Features")
        return Features(
            sparse.hstack([self.matrix, other.matrix], format="csr"), np.concatenate([self.names, other.names])
        )


def one_hot(table: pd.DataFrame, columns: Sequence[str], min_rows: int = 1) -> Features:
    """One column of 0 and 1 for each value of some columns.

    Parameters
    ----------
    table : DataFrame
    columns : sequence of str
    min_rows : int
        Values on fewer rows get no column of their own.

    Returns
    -------
    Features
        A missing value is a row of zeros: that it is unknown is no category the item belongs to.

    Raises
    ------
    BundlebookError
        If the table lacks a column.
    """
    parts = []
    for column in columns:
        if column not in table:
            raise BundlebookError(
                f"there is no column {column!r}", where="one_hot", remedy=f"use {list(table.columns)}"
            )
        counts = table[column].value_counts()
        values = np.sort(counts.index[counts >= min_rows].astype(str).to_numpy(dtype=object))
        code = pd.Index(values).get_indexer(table[column].astype(str).where(table[column].notna()))
        rows = np.flatnonzero(code >= 0)
        ones = np.ones(len(rows), dtype=np.float32)
        matrix = sparse.csr_matrix((ones, (rows, code[rows])), shape=(len(table), len(values)))
        parts.append(Features(matrix, np.array([f"{column}={value}" for value in values], dtype=object)))
    if not parts:
        raise BundlebookError("no column given", where="one_hot")
    features = parts[0]
    for part in parts[1:]:
        features = features.beside(part)
    return features


def bag_of_words(texts: Iterable[str], min_rows: int = 2) -> Features:
    """Count each word of each text; order is forgotten.

    Parameters
    ----------
    texts : iterable of str
        Missing texts count as empty.
    min_rows : int
        Words in fewer texts are left out.

    Returns
    -------
    Features
        Lower-case words of two characters or more, sorted. A run of Chinese characters is one word: cut such
        texts with a segmenter first.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    given = pd.Series(list(texts), dtype=object)
    given = given.where(given.notna(), "").astype(str)
    counter = CountVectorizer(min_df=min_rows, dtype=np.float32)
    try:
        matrix = counter.fit_transform(given)
    except ValueError as error:
        raise BundlebookError(
            f"no word stands in {min_rows} of {len(given)} texts", where="bag_of_words", remedy="lower min_rows"
        ) from error
    return Features(sparse.csr_matrix(matrix), counter.get_feature_names_out())


@dataclass(frozen=True)
class Vocabulary:
    """Labels as small whole numbers, for models that look a vector up by number.

    Attributes
    ----------
    labels : tuple of str
        Sorted. The id of ``labels[k]`` is ``k + 2``; 0 pads short sequences and 1 stands for any other label.
    """

    labels: tuple[str, ...]

    @classmethod
    def of(cls, labels: Iterable[str]) -> "Vocabulary":
        """The distinct labels of some training rows."""
        return cls(tuple(sorted({str(label) for label in labels})))

    def __len__(self) -> int:
        """Number of ids, padding and unknown among them."""
        return len(self.labels) + 2

    def encode(self, labels: Iterable[str]) -> np.ndarray:
        """Ids of labels, shape (n_labels,), int64; a label that was not in training becomes 1.

        Examples
        --------
        >>> Vocabulary.of(["milk", "bread", "milk"]).encode(["bread", "milk", "wine"]).tolist()
        [2, 3, 1]
        """
        index = pd.Index(self.labels, dtype=object)
        return index.get_indexer(pd.Index([str(label) for label in labels], dtype=object)).astype(np.int64) + 2

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Labels of ids; padding is left out and the unknown shown as ``"?"``."""
        return ["?" if token == UNKNOWN else self.labels[token - 2] for token in ids if token != PADDING]

    def pad(self, sequences: Sequence[Sequence[str]], length: int) -> np.ndarray:
        """Encode sequences into one matrix, shape (n_sequences, length), int64.

        The last `length` labels of each are kept, because the newest say most, and short ones are padded in
        front.
        """
        matrix = np.full((len(sequences), length), PADDING, dtype=np.int64)
        for row, sequence in enumerate(sequences):
            ids = self.encode(sequence[-length:])
            if len(ids):
                matrix[row, -len(ids) :] = ids
        return matrix
