"""Profiles: what an item is, who a customer is, and how well the two match."""

from bundlebook.profiles.attributes import item_attributes, user_attributes
from bundlebook.profiles.hidden import hide_items
from bundlebook.profiles.matching import ProfileMatch
from bundlebook.profiles.profile import Profiles, fit, match, portrait, similar_items
from bundlebook.profiles.social import SocialProfile, people
from bundlebook.profiles.vectors import item_vectors
from bundlebook.profiles.weights import Weights

__all__ = [
    "ProfileMatch",
    "Profiles",
    "SocialProfile",
    "Weights",
    "fit",
    "hide_items",
    "item_attributes",
    "item_vectors",
    "match",
    "people",
    "portrait",
    "similar_items",
    "user_attributes",
]
