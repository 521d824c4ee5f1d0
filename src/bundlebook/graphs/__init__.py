"""Who is linked with whom, and what do the links tell? Graphs of items, users and bundles.

================  ===================================================================================================
``graph``         nodes and checked edges, the messages between them, how rough a signal is
``layers``        graph convolution, attention over neighbours, LightGCN's propagation, for every backend of Keras
``links``         the item graph of significant pairs, fair candidates for new edges, classical methods
``autoencoder``   the graph auto-encoder
``completion``    baskets as nodes of the user–basket–item graph: which item comes next
``bundle_data``   bundle data sets in the format of the papers, from a folder
``closed_form``   a graph filter, and EASE solved among the users with further kernels
``cross_view``    a network with two views of each bundle: who took it, and what it holds
================  ===================================================================================================

``layers`` needs Keras, so it is loaded when it is asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
