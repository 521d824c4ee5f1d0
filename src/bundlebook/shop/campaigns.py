"""Coupon campaigns (优惠券活动): who was sent coupons, for which products, and who used them.

The only place in the real shop where customers answer an offer. It is an observation, not an experiment: the shop chose
whom to send coupons.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.completejourney import read_table
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
        """How many of those who were sent coupons used at least one.

        Returns
        -------
        DataFrame
            Index ``campaign_id``: ``kind``, ``exposed``, ``responded`` (customers) and ``rate`` with ``low`` and
            ``high``, the 95 % interval of :func:`wilson`.
        """
        used = self.redemptions.drop_duplicates(["campaign_id", "user_id"]).merge(self.exposures)
        exposed, responded = (
            table.groupby("campaign_id")["user_id"].nunique().reindex(self.descriptions.index, fill_value=0)
            for table in (self.exposures, used)
        )
        low, high = wilson(responded.to_numpy(), exposed.to_numpy())
        rate = responded / exposed.where(exposed > 0)
        columns = {"exposed": exposed, "responded": responded, "rate": rate, "low": low, "high": high}
        return self.descriptions[["kind"]].assign(**columns)


def load_campaigns(shop: Shop) -> Campaigns:
    """Read the coupon campaigns that come with a shop.

    Raises
    ------
    BundlebookError
        If the shop has none: only the real shop does.
    """
    if shop.name != "completejourney":
        raise BundlebookError(
            "this shop has no coupon campaigns", where=f"shop {shop.name!r}", remedy='use SHOP = "completejourney"'
        )
    names = ("campaign_descriptions", "campaigns", "coupons", "coupon_redemptions")
    tables, files = zip(*(read_table(name) for name in names), strict=True)
    described, exposed, coupons, redeemed = tables
    label = {"household_id": "user_id", "coupon_upc": "coupon_id", "product_id": "item_id"}
    exposed, coupons, redeemed = (
        table.rename(columns=label).assign(**{to: table[at].astype(str) for at, to in label.items() if at in table})
        for table in (exposed, coupons, redeemed)
    )
    descriptions = described.set_index("campaign_id").sort_index()
    descriptions = pd.DataFrame(
        {
            "kind": descriptions["campaign_type"].astype(str),
            "start": pd.to_datetime(descriptions["start_date"]),
            "end": pd.to_datetime(descriptions["end_date"]),
        }
    )
    once = coupons[["campaign_id", "coupon_id", "item_id"]].drop_duplicates()
    redeemed["day"] = pd.to_datetime(redeemed["redemption_date"])
    return Campaigns(
        descriptions,
        exposed[["campaign_id", "user_id"]].sort_values(["campaign_id", "user_id"], ignore_index=True),
        once.sort_values(["campaign_id", "coupon_id", "item_id"], ignore_index=True),
        redeemed[["campaign_id", "user_id", "coupon_id", "day"]].sort_values(
            ["campaign_id", "day", "user_id", "coupon_id"], ignore_index=True
        ),
        len(coupons) - len(once),
        files,
    )


def wilson(successes: np.ndarray | int, trials: np.ndarray | int, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    r"""Wilson's interval for a share, which stays within [0, 1] and is sound for few trials too.

    .. math:: \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Parameters
    ----------
    successes, trials : int or ndarray of int
    z : float
        1.96 for 95 %.

    Returns
    -------
    (low, high) : ndarray
        0 and 1 where there was no trial.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209–212.

    Examples
    --------
    >>> [round(float(bound), 3) for bound in wilson(0, 10)], [round(float(bound), 3) for bound in wilson(8, 10)]
    ([0.0, 0.278], [0.49, 0.943])
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    safe = np.maximum(n, 1)
    p = k / safe
    half = z * np.sqrt(p * (1 - p) / safe + z**2 / (4 * safe**2))
    middle, scale = p + z**2 / (2 * safe), 1 + z**2 / safe
    low = np.where(n > 0, np.maximum((middle - half) / scale, 0), 0)
    high = np.where(n > 0, np.minimum((middle + half) / scale, 1), 1)
    return low, high
