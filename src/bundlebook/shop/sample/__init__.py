"""The sample shop: small, simulated, complete with browsing and shown bundles, and with a truth that is known.

``bundlebook sample --out FOLDER`` writes it; ``data/sample_shop`` holds the committed copy that ``load_shop("sample")``
reads.
"""

from bundlebook.shop.sample.files import read_truth, truth, write_sample
from bundlebook.shop.sample.planted import Planted, plant, read_plan
from bundlebook.shop.sample.simulation import SAMPLE_SEED, SampleShop, sample_shop

__all__ = [
    "SAMPLE_SEED",
    "Planted",
    "SampleShop",
    "plant",
    "read_plan",
    "read_truth",
    "sample_shop",
    "truth",
    "write_sample",
]
