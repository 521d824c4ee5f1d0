from .matching import ProfileMatch as ProfileMatch
from .profile import (
    Profiles as Profiles,
    fit as fit,
    match as match,
    portrait as portrait,
    similar_items as similar_items,
)
from .vectors import (
    TODAY as TODAY,
    five_vectors as five_vectors,
    four_users as four_users,
    hide_items as hide_items,
    item_vectors as item_vectors,
)
from .weights import (
    SocialProfile as SocialProfile,
    Weights as Weights,
    people as people,
    ridge_nonnegative as ridge_nonnegative,
)
