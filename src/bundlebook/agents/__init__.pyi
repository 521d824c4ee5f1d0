from .baskets import FEATURES as FEATURES, HiddenHalf as HiddenHalf, hidden_half as hidden_half
from .deep import AgentSettings as AgentSettings, DeepAgent as DeepAgent
from .env import BundleEnv as BundleEnv
from .exact import (
    as_probabilities as as_probabilities,
    backward_induction as backward_induction,
    fixed_size_policy as fixed_size_policy,
    greedy_policy as greedy_policy,
    myopic_policy as myopic_policy,
    occupancy as occupancy,
    policy_values as policy_values,
    shaped as shaped,
)
from .offpolicy import (
    ESTIMATORS as ESTIMATORS,
    Estimate as Estimate,
    Log as Log,
    estimate as estimate,
    write_log as write_log,
)
from .pages import PageWorld as PageWorld
from .rollout import Episodes as Episodes, Policy as Policy, by_table as by_table, play as play
from .tabular import Learned as Learned, learn_table as learn_table
from .worlds import (
    TableWorld as TableWorld,
    World as World,
    choice_world as choice_world,
    cliff_world as cliff_world,
)
