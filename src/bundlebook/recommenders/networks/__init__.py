"""Neural networks that predict what a user will buy; all public names are in the door of the room above.

===============  ==========================================================================================
``backend``      Keras, imported late and quietly; seeds; which device trains
``base``         settings, ``fit``, ``scores``, ``probability``, ``save`` and ``load`` of every network; the cache
``periods``      histories as periods of four weeks
``_baskets``     histories as baskets, one step per visit
``training``     the examples of the periods, batches, and the training loop
``transformer``  attention over the items of a basket and over past baskets
``recurrent``    the articles' network as printed, the GRU over periods, the GRU over baskets
``feedforward``  the articles' interest model and embedding network, a convolution, deep matrix factorisation
``_layers``      the layers of all networks
===============  ==========================================================================================

To add a network, read ``base`` and the family it belongs to (``recurrent`` or ``feedforward``).
"""
