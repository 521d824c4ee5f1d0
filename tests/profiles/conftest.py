import pytest

from bundlebook.shop import clean, group_baskets, load_shop, time_split


@pytest.fixture(scope="session")
def shop():
    return clean(load_shop("sample"))[0]


@pytest.fixture(scope="session")
def split(shop):
    return time_split(group_baskets(shop))
