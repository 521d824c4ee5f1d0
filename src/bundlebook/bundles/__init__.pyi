from .bundle import Bundle as Bundle, offer as offer
from .coupons import offered_sets as offered_sets, responses as responses
from .elasticity import Demand as Demand, demand as demand
from .generate import (
    Candidates as Candidates,
    Filters as Filters,
    Links as Links,
    candidates as candidates,
    link_items as link_items,
)
from .joint import (
    CoPurchase as CoPurchase,
    SetCalibration as SetCalibration,
    co_purchase as co_purchase,
    fit_calibration as fit_calibration,
    joint_probability as joint_probability,
    plackett as plackett,
)
from .page import (
    Choice as Choice,
    Limits as Limits,
    Objective as Objective,
    Taste as Taste,
    choose as choose,
    mmr as mmr,
    objective as objective,
)
from .pairs import pair_candidates as pair_candidates, score_pairs as score_pairs
from .pricing import (
    ASSUMED_MARGIN as ASSUMED_MARGIN,
    Priced as Priced,
    Weights as Weights,
    price as price,
    price_table as price_table,
    prices as prices,
)
from .reasons import Habit as Habit, explain as explain, habits as habits, numbers as numbers, readable as readable
from .recommend import BundleRecommender as BundleRecommender, recommend_bundles as recommend_bundles
from .weekly import price_response as price_response, weekly_prices as weekly_prices
