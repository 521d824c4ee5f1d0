"""From probabilities to an offer: pairs that go together, their price, their worth, and the reasons."""

from bundlebook.bundles.bundle import Bundle, offer
from bundlebook.bundles.candidates import pair_candidates
from bundlebook.bundles.joint import CoPurchase, co_purchase, plackett
from bundlebook.bundles.objective import Weights, score_pairs
from bundlebook.bundles.pricing import ASSUMED_MARGIN, prices

__all__ = [
    "ASSUMED_MARGIN",
    "Bundle",
    "CoPurchase",
    "Weights",
    "co_purchase",
    "offer",
    "pair_candidates",
    "plackett",
    "prices",
    "score_pairs",
]
