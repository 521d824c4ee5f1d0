from .bundle import Bundle as Bundle
from .elasticity import (
    Demand as Demand,
    demand as demand,
    elasticity_readings as elasticity_readings,
    item_weeks as item_weeks,
    responses as responses,
    uplift_by_depth as uplift_by_depth,
)
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
    joint_probability as joint_probability,
    plackett as plackett,
)
from .page import (
    Limits as Limits,
    Objective as Objective,
    Taste as Taste,
    choose as choose,
    objective as objective,
)
from .pricing import (
    ASSUMED_MARGIN as ASSUMED_MARGIN,
    Priced as Priced,
    Weights as Weights,
    price as price,
    prices as prices,
)
from .reasons import (
    Reason as Reason,
    Said as Said,
    explain as explain,
    never_bought as never_bought,
    numbers as numbers,
    weakened as weakened,
)
from .recommend import (
    P_MODELS as P_MODELS,
    BundleRecommender as BundleRecommender,
    readable as readable,
    recommend_bundles as recommend_bundles,
)
