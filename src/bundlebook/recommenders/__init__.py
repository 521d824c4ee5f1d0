"""What will this user buy? Scores and probabilities from histories.

=================  =======================================================================================
``base``           the protocol of every recommender, and how to add one
``counting``       popularity, personal frequency, with forgetting, and what follows what
``neighbours``     users and items that resemble each other: user and item KNN, TIFU-KNN, UP-CF
``linear``         item-to-item weights: cosine and EASE
``factors``        matrix factorisation: ALS and BPR
``content``        items with the attributes of what the user bought
``rules``          association rules
``boosted``        boosted trees on counting features of user, item and pair
``hybrid``         several recommenders: weighted, switching, averaged, stacked
``calibrated``     from scores to probabilities: the replayed period, isotonic regression, Platt scaling
``completing``     what else belongs in this basket
``tuning``         a search for settings
``networks``       everything trained with Keras: recurrent, feed-forward, and what they are trained on
=================  =======================================================================================
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
