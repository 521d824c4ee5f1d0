"""What do we learn from last week, and may it replace what we knew?

===============  ================================================================================================
``store``        the event log of one shop in one file: what came in when, what was set aside, what was taken back
``counts``       what all users together tell, as exact whole numbers that a night's events change
``offers``       bundles for every user, written user by user, with a random group that gets none
``uplift``       what offers changed: offered against held out, with intervals by user
``weekly``       one update: take in, judge new against old, promote or refuse; roll back; forget a user
``online``       models that take in one night and equal a full fit: running counts, EASE by rows that come and go
``prequential``  predict, judge, learn, and again: frozen, with fresh histories, refitted
``bandit``       Beta–Bernoulli choice of an arm, its regret, and feedback that comes late
``drift``        facts of each week or night against those before it, and alarms that keep their level
``guard``        a night that is refused before it is learned from, or rolled back after it
``exposure``     a simulated loop (``sim_``): what is shown decides what can be learned
===============  ================================================================================================
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
