from .attributes import item_attributes as item_attributes, user_attributes as user_attributes
from .hidden import hide_items as hide_items
from .matching import ProfileMatch as ProfileMatch
from .profile import (
    Profiles as Profiles,
    fit as fit,
    match as match,
    portrait as portrait,
    similar_items as similar_items,
)
from .small import TODAY as TODAY, five_vectors as five_vectors, four_users as four_users
from .social import SocialProfile as SocialProfile, people as people
from .vectors import item_vectors as item_vectors
from .weights import Weights as Weights, ridge_nonnegative as ridge_nonnegative
