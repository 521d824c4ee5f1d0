"""The sample shop and one recommender fitted on it, shared by the tests of this room."""

import pytest

from bundlebook.bundles import BundleRecommender
from bundlebook.shop import clean, group_baskets, load_shop, time_split


@pytest.fixture(scope="session")
def shop():
    return clean(load_shop("sample"))[0]


@pytest.fixture(scope="session")
def task(shop):
    return time_split(group_baskets(shop)).task("test")


@pytest.fixture(scope="session")
def fitted(shop, task):
    return BundleRecommender().fit(shop, task.visible, task.at)
