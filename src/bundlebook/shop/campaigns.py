"""Coupon campaigns (优惠券活动): who was sent coupons, for which products, and who used them.

The only place in the real shop where customers answer an offer. It is an observation, not an experiment: the shop chose
whom to send coupons.
"""

from dataclasses import dataclass

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop, SourceFile


@dataclass(frozen=True)
class Campaigns:
    """The coupon campaigns of a shop.

    Attributes
    ----------
    descriptions : DataFrame
        Index ``campaign_id`` (int): ``kind`` (how coupons were chosen), ``start``, ``end`` (days, both included).
    exposures : DataFrame
        ``campaign_id``, ``user_id``: who was sent coupons.
    coupons : DataFrame
        ``campaign_id``, ``coupon_id``, ``item_id``: the products each coupon is good for, each row once.
    redemptions : DataFrame
        ``campaign_id``, ``user_id``, ``coupon_id``, ``day``.
    repeated : int
        Rows of the coupon table that only repeated another one and were dropped.
    files : tuple of SourceFile
        What was read.
    """

    descriptions: pd.DataFrame
    exposures: pd.DataFrame
    coupons: pd.DataFrame
    redemptions: pd.DataFrame
    repeated: int
    files: tuple[SourceFile, ...]

    def one(self, campaign: int) -> "Campaigns":
        """Keep one campaign.

        Raises
        ------
        BundlebookError
            If there is no such campaign.
        """
        if campaign not in self.descriptions.index:
            known = self.descriptions.index
            raise BundlebookError(
                f"there is no campaign {campaign!r}",
                where="campaigns",
                remedy=f"use one of {known.min()} to {known.max()}",
            )
        tables = {
            name: getattr(self, name)[getattr(self, name)["campaign_id"] == campaign].reset_index(drop=True)
            for name in ("exposures", "coupons", "redemptions")
        }
        return Campaigns(self.descriptions.loc[[campaign]], **tables, repeated=self.repeated, files=self.files)

    def responses(self) -> pd.DataFrame:
        """Count how many of those who were sent coupons used at least one.

        Returns
        -------
        DataFrame
            Index ``campaign_id``: ``kind``, ``exposed``, ``responded`` (customers) and ``rate`` with ``low`` and
            ``high``, Wilson's 95 % interval, which is sound for few customers too; 0 and 1 where nobody was sent any.

        References
        ----------
        E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209–212.
        """
        from statsmodels.stats.proportion import proportion_confint  # half a second to import

        used = self.redemptions.drop_duplicates(["campaign_id", "user_id"]).merge(self.exposures)
        exposed, responded = (
            table.groupby("campaign_id")["user_id"].nunique().reindex(self.descriptions.index, fill_value=0)
            for table in (self.exposures, used)
        )
        low, high = proportion_confint(responded, exposed.clip(lower=1), method="wilson")
        low, high = low.clip(lower=0).where(exposed > 0, 0), high.clip(upper=1).where(exposed > 0, 1)
        rate = responded / exposed.where(exposed > 0)
        columns = {"exposed": exposed, "responded": responded, "rate": rate, "low": low, "high": high}
        return self.descriptions[["kind"]].assign(**columns)


def load_campaigns(shop: Shop) -> Campaigns:
    """Return the coupon campaigns that come with a shop.

    Raises
    ------
    BundlebookError
        If the shop has none: only the real shop does. ``shop.campaigns`` is None then.
    """
    if shop.campaigns is None:
        raise BundlebookError(
            "this shop has no coupon campaigns", where=f"shop {shop.name!r}", remedy='use SHOP = "completejourney"'
        )
    return shop.campaigns
