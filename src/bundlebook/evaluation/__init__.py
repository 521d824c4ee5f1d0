"""How good is it, and how sure are we?

==================  ==========================================================================================
``tasks``           what is to be predicted: tracks, new users, basket completion, the last basket
``ranking``         from scores to ranked lists, ties resolved
``metrics``         metrics of lists, what lists are like, and the registry :data:`METRICS`
``calibration``     whether a probability means what it says, altogether and by group
``statistics``      bootstrap intervals, paired differences, sizes of experiments
``judge``           one recommender on prepared tasks: lists, values by user, costs
``results``         :func:`evaluate`, and the tables that come out of it
``methods``         the registry of recommenders, and what each would need on a shop
``leaderboard``     every method on every task; the record of looks at the test window; kept rows
``stored``          figures as JSON, and back
``leakage``         whether a prediction knew what it could not know
``bundle_pages``    pages of bundles against what was bought
==================  ==========================================================================================

``metrics``, ``calibration`` and ``bundle_pages`` are public as modules: ``metrics.ndcg(ranking, 10)``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
