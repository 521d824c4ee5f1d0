"""The coupon campaigns of the real shop, and the interval of a share."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import load_campaigns, load_shop
from bundlebook.shop.campaigns import wilson


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


def test_wilson_agrees_with_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    k, n = np.array([0, 1, 7, 50]), np.array([5, 30, 20, 50])
    expected = proportion_confint(k, n, method="wilson")
    assert np.allclose(wilson(k, n, z=1.959963984540054), expected)
    assert [bound.tolist() for bound in wilson(0, 0)] == [0.0, 1.0]
