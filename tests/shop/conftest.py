"""The real shop, read and cleaned once for all tests of this room."""

import pytest

from bundlebook.shop import clean, load_shop


@pytest.fixture(scope="session")
def real_shop():
    return load_shop("completejourney")


@pytest.fixture(scope="session")
def cleaned_shop(real_shop):
    return clean(real_shop)[0]
