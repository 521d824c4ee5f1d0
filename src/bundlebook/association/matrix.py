"""Baskets as one sparse 0/1 matrix: encoded and checked once, and the cosine of its columns."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import overload

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

#: Relative slack of a threshold against its integer count. Shares of two different counts of up to a billion
#: baskets differ by more, so the slack forgives rounding (.1 + .2 for .3) and never moves a threshold.
_SLACK = 1e-12


@dataclass(frozen=True)
class BasketMatrix:
    """Baskets as a sparse 0/1 matrix.

    Attributes
    ----------
    matrix : csr_matrix, shape (n_baskets, n_items), int8
        1 where the basket holds the item; column numbers sorted within a row.
    items : ndarray of str, shape (n_items,)
        Sorted labels of the columns, so that the order of column numbers is the order of labels.
    """

    matrix: sparse.csr_matrix
    items: np.ndarray

    @property
    def n_baskets(self) -> int:
        return self.matrix.shape[0]

    @property
    def n_items(self) -> int:
        return self.matrix.shape[1]

    @property
    def counts(self) -> np.ndarray:
        """Baskets that hold each item, shape (n_items,), int64."""
        return np.bincount(self.matrix.indices, minlength=self.n_items)

    @property
    def sizes(self) -> np.ndarray:
        """Distinct items in each basket, shape (n_baskets,)."""
        return np.diff(self.matrix.indptr)

    def only(self, columns: np.ndarray) -> "BasketMatrix":
        """Keep the columns numbered *columns* (ascending); baskets that become empty stay, for they still count."""
        return BasketMatrix(self.matrix[:, columns], self.items[columns])


#: Every form of baskets that :func:`encode` reads.
BasketLike = Baskets | BasketMatrix | Iterable[Iterable[str]]


def encode(baskets: BasketLike, duplicates: str = "raise") -> BasketMatrix:
    """Bring baskets of any supported form to a sparse 0/1 matrix.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
        A quantity of 0 or less in a :class:`~bundlebook.shop.Baskets` counts as not bought, and a missing cell (None,
        NaN) in a sequence as no item.
    duplicates : {"raise", "merge"}
        What to do with an item that a basket lists twice. An itemset is a set: the second mention carries no
        information, but in a log it often means that two baskets were glued together.

    Returns
    -------
    BasketMatrix

    Raises
    ------
    BundlebookError
        If there is no basket, fewer than two distinct items, or a duplicate while *duplicates* is ``"raise"``.

    Examples
    --------
    >>> encode([["tea", "milk"], ["milk"]]).items.tolist()
    ['milk', 'tea']
    """
    if duplicates not in ("raise", "merge"):
        raise BundlebookError(f"unknown value {duplicates!r}", where="duplicates", remedy="use 'raise' or 'merge'")
    if isinstance(baskets, BasketMatrix):
        encoded = baskets
    elif isinstance(baskets, Baskets):
        encoded = BasketMatrix(_binary(baskets.quantities, baskets.items, duplicates), np.asarray(baskets.items))
    else:
        encoded = _encode_lists(baskets, duplicates)
    if encoded.n_baskets == 0:
        raise BundlebookError("there is no basket", where="baskets", remedy="check the filter that made them")
    if encoded.n_items < 2:
        raise BundlebookError(
            f"the baskets hold {encoded.n_items} distinct item(s)",
            where="baskets",
            remedy="association needs two items at least; count at a finer level",
        )
    return encoded


def _binary(quantities: sparse.csr_matrix, items: np.ndarray, duplicates: str) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(quantities)
    if not matrix.has_canonical_format:
        stored = matrix.nnz
        matrix = matrix.copy()
        matrix.sum_duplicates()
        if matrix.nnz < stored and duplicates == "raise":
            cells = quantities.tocoo()
            (basket, item), _ = Counter(zip(cells.row.tolist(), cells.col.tolist(), strict=True)).most_common(1)[0]
            raise _duplicate_error(basket, items[item])
    if len(matrix.data) and not matrix.data.min() > 0:
        matrix = matrix.multiply(matrix > 0).tocsr()
        matrix.eliminate_zeros()
    ones = np.ones(matrix.nnz, dtype=np.int8)
    return sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def _duplicate_error(basket: int, item: str) -> BundlebookError:
    return BundlebookError(
        f"basket {basket} lists {str(item)!r} more than once",
        where="baskets",
        remedy="merge the lines of a basket first, or pass encode(baskets, duplicates='merge')",
    )


def _encode_lists(baskets: Iterable[Iterable[str]], duplicates: str) -> BasketMatrix:
    rows = []
    for number, basket in enumerate(baskets):
        if isinstance(basket, str):
            raise BundlebookError(
                f"basket {number} is the text {basket!r}", where="baskets", remedy="give each basket as a list of items"
            )
        labels = [str(label) for label in basket if not (label is None or label is pd.NA or label != label)]
        distinct = sorted(set(labels))
        if len(distinct) < len(labels) and duplicates == "raise":
            raise _duplicate_error(number, Counter(labels).most_common(1)[0][0])
        rows.append(distinct)
    items = sorted({label for row in rows for label in row})
    column = {label: number for number, label in enumerate(items)}
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = np.array([column[label] for row in rows for label in row], dtype=np.int32)
    ones = np.ones(len(indices), dtype=np.int8)
    matrix = sparse.csr_matrix((ones, indices, indptr), shape=(len(rows), len(items)))
    return BasketMatrix(matrix, np.array(items, dtype=object))


@overload
def least_count(share: float, total: int) -> int: ...
@overload
def least_count(share: float, total: np.ndarray) -> np.ndarray: ...
def least_count(share: float, total: int | np.ndarray) -> int | np.ndarray:
    r"""Smallest integer count whose share of *total* reaches *share*.

    .. math:: c = \min\{k \in \mathbb{N} : k / n \ge s\}

    ``ceil(share * total)`` can be one too many: ``.07 * 100`` is 7.000000000000001 in floating point and would give 8.
    Thresholds are compared as these integers everywhere, so nothing exactly at a threshold is lost.

    Examples
    --------
    >>> least_count(0.07, 100), least_count(7 / 25, 25), least_count(5 / 6, 6)
    (7, 7, 5)
    """
    counts = np.ceil(np.asarray(total, dtype=np.float64) * share * (1 - _SLACK)).astype(np.int64)
    return int(counts) if counts.ndim == 0 else counts


def item_cosine(baskets: BasketLike) -> sparse.csr_matrix:
    r"""Cosine of every two items' columns of the basket matrix (余弦相似度).

    .. math:: \cos(i, j) = \frac{x_i \cdot x_j}{\lVert x_i \rVert \lVert x_j \rVert}
              = \frac{\operatorname{count}(i, j)}{\sqrt{\operatorname{count}(i)\operatorname{count}(j)}}

    with :math:`x_i \in \{0, 1\}^{n}` the column of item *i*. The second form holds for 0/1 columns: on them the cosine
    is the rule measure of the same name.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels

    Returns
    -------
    csr_matrix, shape (n_items, n_items), float64
        Symmetric, zero diagonal, only pairs that meet in some basket are stored.
    """
    encoded = encode(baskets)
    matrix = encoded.matrix.astype(np.float64)
    norm = np.sqrt(encoded.counts)
    scale = sparse.diags(np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0))
    cosine = (scale @ (matrix.T @ matrix) @ scale).tocsr()
    cosine.setdiag(0.0)
    cosine.eliminate_zeros()
    cosine.sort_indices()
    return cosine
