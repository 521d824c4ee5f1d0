"""Can a policy learn to build a bundle, and is that worth it?

==============  ================================================================================================
``worlds``      what an agent meets: the protocol of a world, and worlds small enough to be written down as tables
``baskets``     real baskets with a hidden half, where every action's reward is known
``pages``       pages of bundles with the objective of the room ``bundles``
``env``         one episode at a time behind Gymnasium's interface
``rollout``     many episodes at once under any policy
``exact``       the optimum and the value of any policy by backward induction; greedy rules; reward shaping
``tabular``     Q-learning, SARSA, double Q (compiled in ``_tabular``)
``deep``        DQN, REINFORCE with a baseline, actor-critic
``offpolicy``   the value of a policy from another one's log
==============  ================================================================================================

A state is the *set* of items so far, whatever their order. The last action of every world is STOP, which pays nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
