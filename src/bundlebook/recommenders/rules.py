"""Association rules as a recommender: score the items that rules connect with what the user's baskets hold."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.association import association_rules, encode, frequent_itemsets
from bundlebook.recommenders._checks import before, past_of, require
from bundlebook.recommenders._interest import with_popularity
from bundlebook.shop import Baskets


@dataclass(eq=False)
class RuleRecommender:
    r"""Score each item by its best matching rule: the share of the user's baskets with A times its confidence.

    .. math:: s_{ui} = \max_{A \Rightarrow i} \; f_u(A) \cdot \operatorname{confidence}(A \Rightarrow i), \qquad
              f_u(A) = \frac{|\{b \in B_u : A \subseteq b\}|}{|B_u|}

    For a history of a single basket (completing a cart) :math:`f_u(A)` is 1 or 0, and the score is the highest
    confidence among the rules that the basket triggers, which is the answer of
    :func:`~bundlebook.association.rules_for`.

    Parameters
    ----------
    min_support : float
        Smallest support of the itemsets mined at the fit.
    max_antecedent : int
        Largest number of items on the left.
    repeats : bool
        Whether an item of the history also counts as a rule for itself, with confidence 1. Set it where users buy
        again, and not where a cart is completed.
    name : str
        Name in tables and figures.
    """

    min_support: float = 0.001
    max_antecedent: int = 2
    repeats: bool = True
    name: str = "rules"

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", max_antecedent=self.max_antecedent)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Mine the rules with one item on the right, and the popularity that breaks ties."""
        past = past_of(visible, at, self.name)
        encoded = encode(past)
        itemsets = frequent_itemsets(encoded, self.min_support, max_len=self.max_antecedent + 1)
        self.rules_ = association_rules(itemsets, max_consequent=1)
        self.share_ = encoded.counts / encoded.n_baskets
        number = {label: place for place, label in enumerate(visible.items.tolist())}
        self.antecedents_ = sorted(set(self.rules_["antecedent"]), key=lambda labels: (len(labels), labels))
        row = {labels: place for place, labels in enumerate(self.antecedents_)}
        left = np.array([row[labels] for labels in self.rules_["antecedent"]], dtype=np.int64)
        right = np.array([number[label] for (label,) in self.rules_["consequent"]], dtype=np.int64)
        shape = (len(self.antecedents_), visible.n_items)
        self.confidence_ = sparse.csr_matrix((self.rules_["confidence"].to_numpy(), (left, right)), shape=shape)
        self._ids = [[number[label] for label in labels] for labels in self.antecedents_]
        return self

    def _held(self, baskets: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return which basket holds which antecedent, shape (n_baskets, n_antecedents)."""
        columns, blocks = baskets.tocsc(), []
        for k in sorted({len(ids) for ids in self._ids}):  # antecedents are sorted by size
            ids = np.array([ids for ids in self._ids if len(ids) == k], dtype=np.int64)
            product = columns[:, ids[:, 0]]
            for place in range(1, k):
                product = product.multiply(columns[:, ids[:, place]])
            blocks.append(product.tocsr())
        return sparse.hstack(blocks).tocsr() if blocks else sparse.csr_matrix((baskets.shape[0], 0))

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Score by the best rule, popularity ordering equal items; shape (n_users, n_items), float32."""
        past = before(histories, at)
        per_user = np.maximum(past.counts_by_user(), 1)
        gather = sparse.csr_matrix(
            (1 / per_user[past.user], (past.user, np.arange(past.n_baskets))), shape=(past.n_users, past.n_baskets)
        )
        share = (gather @ self._held(past.incidence)).tocsr()
        out = (gather @ past.incidence).toarray() if self.repeats else np.zeros((past.n_users, past.n_items))
        confidence = self.confidence_
        for user in range(past.n_users):
            row = out[user]
            for place in range(share.indptr[user], share.indptr[user + 1]):
                rule = slice(confidence.indptr[share.indices[place]], confidence.indptr[share.indices[place] + 1])
                items = confidence.indices[rule]
                row[items] = np.maximum(row[items], share.data[place] * confidence.data[rule])
        return with_popularity(out, self.share_)
