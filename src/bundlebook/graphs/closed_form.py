r"""Closed forms that a graph network has to beat: a filter on the user–bundle graph, and EASE solved among the users.

EASE learns :math:`B = I - P \operatorname{diag}(P)^{-1}` with :math:`P = (X^\top X + \lambda I)^{-1}`. With
:math:`K = X X^\top` and :math:`Y = (K + \lambda I)^{-1} X` one finds :math:`XP = Y` and
:math:`\operatorname{diag} P = (1 - \operatorname{diag}(X^\top Y)) / \lambda`, hence

.. math:: S = X B = X - \frac{\lambda\, Y}{1 - \operatorname{diag}(X^\top Y)}

so the system has as many rows as users, and whatever else is known of two users can be added to K as a kernel: it is as
if X had further columns.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import svds

from bundlebook.errors import BundlebookError
from bundlebook.graphs.bundle_data import BundleData


def two_sided(matrix: sparse.csr_matrix, rows: float = 0.5, columns: float = 0.5) -> sparse.csr_matrix:
    r"""Scale a matrix of 0 and 1 by the sums of its rows and columns: :math:`D_r^{-a} X D_c^{-b}`."""
    of_row, of_column = (np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1.0) for axis in (1, 0))
    return (sparse.diags(of_row**-rows) @ matrix @ sparse.diags(of_column**-columns)).tocsr()


def graph_filter(matrix: sparse.csr_matrix, rank: int, ideal: float = 0.3, *, seed: int) -> np.ndarray:
    r"""GF-CF: one step of smoothing over the items, and an ideal low-pass.

    .. math:: S = X \tilde X^\top \tilde X + \omega X D^{-1/2} V V^\top D^{1/2}, \qquad
              \tilde X = D_u^{-1/2} X D^{-1/2}, \quad V \in \mathbb{R}^{I \times r} \text{ its singular vectors}

    Parameters
    ----------
    matrix : csr_matrix, shape (n_rows, n_items)
        0 and 1.
    rank, ideal : int, float
        r and ω.
    seed : int
        Seed of the vector that the iteration starts from.

    Returns
    -------
    ndarray, shape (n_rows, n_items), float64

    References
    ----------
    Y. Shen and others: How powerful is graph convolution for recommendation? CIKM 2021.
    """
    if not 1 <= rank < min(matrix.shape):
        remedy = f"use 1 to {min(matrix.shape) - 1}"
        raise BundlebookError(f"rank {rank} of a matrix {matrix.shape}", where="graph_filter", remedy=remedy)
    scaled = two_sided(matrix.astype(np.float64))
    v = svds(scaled, rank, rng=np.random.default_rng(seed))[2].T
    root = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1.0))
    smooth = (matrix @ scaled.T @ scaled).toarray()
    return smooth + ideal * ((matrix @ (v / root[:, None])) @ v.T) * root


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Scale each row to length 1; empty rows stay empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(length > 0, length, 1.0)) @ matrix).tocsr()


def idf_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    r"""Weight each column by :math:`\ln(n / n_i)`, n rows of which n_i hold it, and scale the rows to length 1."""
    many = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return unit_rows(matrix @ sparse.diags(np.log(matrix.shape[0] / np.maximum(many, 1))))


def standardised(scores: np.ndarray) -> np.ndarray:
    """Give each row mean 0 and standard deviation 1, so that scores of several models can be added."""
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)


@dataclass(frozen=True)
class UserSideEASE:
    r"""EASE over bundles, solved among the users, with two more kernels.

    .. math:: K = X_w X_w^\top + w\, K_{\text{items}} + v\, K_{\text{contents}}, \qquad X_w = D_u^{-a} X D_b^{-b}

    K_items is the cosine of the users' item histories, K_contents that of what is in their bundles, with idf weights.

    Parameters
    ----------
    l2 : float
        λ.
    items, contents : float
        w and v; 0 leaves a kernel out.
    user_power, bundle_power : float
        a and b; the scores are scaled back.
    walk, neighbours : float
        Weight of two more scores, each standardised per user: the walk user → item → user → item → bundle, and the
        cosine of the contents of a user's bundles and of each bundle. They reach bundles that nobody took.

    References
    ----------
    H. Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019.
    """

    l2: float = 100.0
    items: float = 3.0
    contents: float = 1.5
    user_power: float = 0.15
    bundle_power: float = 0.1
    walk: float = 0.06
    neighbours: float = 0.06

    def scores(self, data: BundleData, users: np.ndarray) -> np.ndarray:
        """Solve, and score all bundles for some users, shape (len(users), n_bundles), float64.

        Parameters
        ----------
        data : BundleData
            Only the training part of the users' bundles is looked at.
        users : ndarray of int
            Their rows are the system: those without a training pair add nothing.
        """
        if self.l2 <= 0 or min(self.items, self.contents, self.walk, self.neighbours) < 0:
            raise BundlebookError(f"{self}", where="UserSideEASE", remedy="l2 > 0, the weights 0 or more")
        taken = data.user_bundle["train"][users]
        weighted = two_sided(taken, self.user_power, self.bundle_power)
        own = idf_rows(data.user_item)[users]
        bundles = idf_rows(data.bundle_item)
        held = unit_rows(taken @ bundles)
        kernel = (weighted @ weighted.T).toarray()
        for weight, rows in ((self.items, own), (self.contents, held)):
            if weight:
                kernel += weight * (rows @ rows.T).toarray()
        kernel[np.diag_indices_from(kernel)] += self.l2
        y = linalg.cho_solve(linalg.cho_factor(kernel, lower=True, overwrite_a=True), weighted.toarray())
        left = 1 - np.asarray(weighted.multiply(y).sum(axis=0)).ravel()
        own_size, bundle_size = (np.maximum(np.asarray(taken.sum(axis=axis)).ravel(), 1.0) for axis in (1, 0))
        found = -self.l2 * y / left  # without X itself: what is known is masked by whoever ranks
        found = standardised(found * own_size[:, None] ** self.user_power * bundle_size**self.bundle_power)
        if self.walk:
            links = two_sided(data.user_item)
            found += self.walk * standardised(
                (links[users] @ links.T @ links @ two_sided(data.bundle_item).T).toarray()
            )
        if self.neighbours:
            found += self.neighbours * standardised((held @ bundles.T).toarray())
        return found
