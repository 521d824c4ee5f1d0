"""The coupon campaigns of the real shop, and the interval of a share."""

from dataclasses import replace

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import clean, load_campaigns, load_shop


@pytest.fixture(scope="module")
def campaigns(real_shop):
    return load_campaigns(real_shop)


def test_rows_are_accounted_for(campaigns):
    assert len(campaigns.descriptions) == 27
    assert len(campaigns.exposures) == 6589
    assert len(campaigns.redemptions) == 2102
    assert (campaigns.repeated, len(campaigns.coupons)) == (4872, 116204 - 4872)
    assert not campaigns.coupons.duplicated().any()


def test_responses_by_kind(campaigns):
    table = campaigns.responses().groupby("kind")[["exposed", "responded"]].sum()
    rate = table["responded"] / table["exposed"]
    assert rate.round(3).to_dict() == {"Type A": 0.166, "Type B": 0.065, "Type C": 0.059}
    assert campaigns.responses().loc[24, ["responded", "rate", "low"]].tolist() == [0, 0, 0]


def test_one_campaign_keeps_its_own(campaigns):
    one = campaigns.one(18)
    assert one.descriptions.index.tolist() == [18]
    for table in (one.exposures, one.coupons, one.redemptions):
        assert set(table["campaign_id"]) == {18}
    assert one.responses().loc[18].equals(campaigns.responses().loc[18])
    with pytest.raises(BundlebookError, match="no campaign 99"):
        campaigns.one(99)


def test_a_shop_without_campaigns_says_so():
    with pytest.raises(BundlebookError, match="no coupon campaigns"):
        load_campaigns(load_shop("sample"))


def test_intervals_are_wilsons_and_nobody_asked_means_nothing_known(campaigns):
    k, n = campaigns.responses()[["responded", "exposed"]].to_numpy(float).T
    middle, half = k + 1.96**2 / 2, 1.96 * np.sqrt(k * (n - k) / n + 1.96**2 / 4)
    assert np.allclose(campaigns.responses()["low"], (middle - half) / (n + 1.96**2), atol=1e-5)
    assert np.allclose(campaigns.responses()["high"], (middle + half) / (n + 1.96**2), atol=1e-5)
    nobody = replace(campaigns.one(18), exposures=campaigns.exposures[:0])
    assert nobody.responses().loc[18, ["exposed", "low", "high"]].tolist() == [0, 0, 1]


def test_campaigns_are_read_once_and_only_when_asked(real_shop):
    read = []
    shop = replace(real_shop, read_campaigns=lambda: read.append(1) or real_shop.read_campaigns())
    clean(shop)
    assert not read
    assert shop.campaigns is shop.campaigns and len(read) == 1
