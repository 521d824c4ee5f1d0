"""From probabilities to an offer: sets that go together, their price, their worth, and the reasons."""

from bundlebook.bundles.bundle import Bundle, offer
from bundlebook.bundles.choice import Choice, Limits, choose, mmr
from bundlebook.bundles.completing import BasketCompleter
from bundlebook.bundles.coupons import offered_sets, responses
from bundlebook.bundles.elasticity import Demand, demand
from bundlebook.bundles.generate import Candidates, Filters, candidates
from bundlebook.bundles.joint import CoPurchase, co_purchase, plackett
from bundlebook.bundles.joint_sets import SetCalibration, fit_calibration, joint_probability
from bundlebook.bundles.links import Links, link_items
from bundlebook.bundles.onecall import recommend_bundles
from bundlebook.bundles.pairs import pair_candidates, score_pairs
from bundlebook.bundles.pricing import ASSUMED_MARGIN, Priced, price, price_table, prices
from bundlebook.bundles.reasons import Habit, explain, habits, numbers, readable
from bundlebook.bundles.recommender import BundleRecommender
from bundlebook.bundles.worth import Objective, Taste, Weights, objective

__all__ = [
    "ASSUMED_MARGIN",
    "BasketCompleter",
    "Bundle",
    "BundleRecommender",
    "Candidates",
    "Choice",
    "CoPurchase",
    "Demand",
    "Filters",
    "Habit",
    "Limits",
    "Links",
    "Objective",
    "Priced",
    "SetCalibration",
    "Taste",
    "Weights",
    "candidates",
    "choose",
    "co_purchase",
    "demand",
    "explain",
    "fit_calibration",
    "habits",
    "joint_probability",
    "link_items",
    "mmr",
    "numbers",
    "objective",
    "offer",
    "offered_sets",
    "pair_candidates",
    "plackett",
    "price",
    "price_table",
    "prices",
    "readable",
    "recommend_bundles",
    "responses",
    "score_pairs",
]
