from . import layers as layers
from .autoencoder import GraphAutoEncoder as GraphAutoEncoder
from .bundle_data import BundleData as BundleData, load_bundle_data as load_bundle_data
from .closed_form import (
    UserSideEASE as UserSideEASE,
    graph_filter as graph_filter,
    standardised as standardised,
    two_sided as two_sided,
)
from .completion import BasketGraph as BasketGraph
from .cross_view import CrossView as CrossView
from .graph import Graph as Graph, dirichlet_energy as dirichlet_energy
from .links import (
    ItemPairs as ItemPairs,
    LinkTask as LinkTask,
    item_pairs as item_pairs,
    simple_links as simple_links,
)
