"""Cosine similarity of items, from the same 0/1 matrix as the rules."""

import numpy as np
from scipy import sparse

from bundlebook.association.matrix import encode


def item_cosine(baskets) -> sparse.csr_matrix:
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
