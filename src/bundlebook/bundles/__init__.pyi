from .bundle import Bundle as Bundle, offer as offer
from .choice import Choice as Choice, Limits as Limits, choose as choose, mmr as mmr
from .completing import BasketCompleter as BasketCompleter
from .coupons import offered_sets as offered_sets, responses as responses
from .elasticity import Demand as Demand, demand as demand
from .generate import Candidates as Candidates, Filters as Filters, candidates as candidates
from .joint import CoPurchase as CoPurchase, co_purchase as co_purchase, plackett as plackett
from .joint_sets import (
    SetCalibration as SetCalibration,
    fit_calibration as fit_calibration,
    joint_probability as joint_probability,
)
from .links import Links as Links, link_items as link_items
from .onecall import recommend_bundles as recommend_bundles
from .pairs import pair_candidates as pair_candidates, score_pairs as score_pairs
from .pricing import (
    ASSUMED_MARGIN as ASSUMED_MARGIN,
    Priced as Priced,
    price as price,
    price_table as price_table,
    prices as prices,
)
from .reasons import Habit as Habit, explain as explain, habits as habits, numbers as numbers, readable as readable
from .recommender import BundleRecommender as BundleRecommender
from .weekly import price_response as price_response, weekly_prices as weekly_prices
from .worth import Objective as Objective, Taste as Taste, Weights as Weights, objective as objective
