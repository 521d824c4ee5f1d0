"""What is planted in the sample shop: tastes, habits, prices and bundles, drawn from one file and a seed.

:func:`truth` says it in numbers, and ``truth.json`` beside the committed tables holds them.
"""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit

from bundlebook import paths


def read_plan() -> dict:
    """Read the plan of the sample shop from ``assets/sample_shop.yaml``, the only place where anything is planted."""
    return yaml.safe_load((paths.assets() / "sample_shop.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Planted:
    """Everything the sample shop's customers follow, known exactly because we made it.

    Attributes
    ----------
    plan : dict
        The file :func:`read_plan` reads.
    products, users : DataFrame
        The shop's tables, in the contract.
    preference : ndarray, shape (n_users, n_items), float64
        Expected unplanned purchases in a session at list price, out of season.
    habits : list of dict
        For each user: column of an item -> mean days between two purchases.
    depth : ndarray, shape (n_items, n_weeks), float64
        Price cut of an item in a week, 0 to 1.
    wave : ndarray, shape (n_items, n_weeks), float64
        Factor of the season on demand.
    bundles : DataFrame
        ``bundle_id``, ``columns`` (of the items), ``discount``, ``matching`` (bool).
    """

    plan: dict
    products: pd.DataFrame
    users: pd.DataFrame
    preference: np.ndarray
    habits: list[dict[int, float]]
    depth: np.ndarray
    wave: np.ndarray
    bundles: pd.DataFrame

    @cached_property
    def elasticity(self) -> np.ndarray:
        """Price elasticity of each item: demand ∝ (price / list price)^elasticity; shape (n_items,)."""
        departments = self.plan["departments"]
        return self.products["department"].map(lambda name: departments[name]["elasticity"]).to_numpy()

    @cached_property
    def taste(self) -> np.ndarray:
        """A user's liking of a bundle, shape (n_users, n_bundles).

        The mean over its items of log(the user's preference / the mean user's), cut off at ±2.
        """
        relative = np.log(self.preference / self.preference.mean(axis=0))
        by_bundle = [relative[:, columns].mean(axis=1) for columns in self.bundles["columns"]]
        return np.clip(np.stack(by_bundle, axis=1), -2, 2)

    def click(self, position: int) -> np.ndarray:
        """P(click) of each bundle for each user at a position (from 1), shape (n_users, n_bundles)."""
        return self.plan["panel"]["position"][position - 1] * expit(self._logit("click"))

    def buy(self) -> np.ndarray:
        """P(purchase | click), shape (n_users, n_bundles)."""
        return expit(self._logit("buy"))

    def _logit(self, step: str) -> np.ndarray:
        weight = self.plan["panel"][step]
        of_bundle = weight["matching"] * self.bundles["matching"] + weight["discount"] * self.bundles["discount"]
        return weight["intercept"] + weight["taste"] * self.taste + of_bundle.to_numpy(float)


def plant(seed: int) -> Planted:
    """Draw users with their tastes and habits, and the calendar of price cuts.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Planted
    """
    plan, rng = read_plan(), np.random.default_rng(seed)
    products = _products(plan)
    users = _users(plan, rng)
    preference = _preference(plan, products, users, rng)
    cuts = plan["promotions"]
    shape = (len(products), plan["weeks"])
    depth = np.where(rng.random(shape) < cuts["probability"], rng.choice(cuts["depths"], shape), 0.0)
    habits = _habits(plan, products, preference, rng)
    return Planted(plan, products, users, preference, habits, depth, _wave(plan, products), _bundles(plan, products))


def _products(plan: dict) -> pd.DataFrame:
    rows = []
    for product_type, kind in plan["types"].items():
        margin = plan["departments"][kind["department"]]["margin"]
        for brand, model, factor in kind["items"]:
            price = float(round(kind["price"] * factor))
            rows.append(
                {
                    "name": f"{brand} {model} {product_type}",
                    "category": kind["category"],
                    "brand": brand,
                    "price": price,
                    "cost": round(price * (1 - margin), 2),
                    "department": kind["department"],
                    "product_type": product_type,
                    "text": f"{product_type.capitalize()} by {brand}: {kind['about']}; model {model}.",
                }
            )
    table = pd.DataFrame(rows)
    table.insert(0, "item_id", [f"P{number:03d}" for number in range(1, len(table) + 1)])
    return table


def _users(plan: dict, rng: np.random.Generator) -> pd.DataFrame:
    n_users, late = plan["users"], plan["late"]
    week = np.where(
        rng.random(n_users) < late["share"], rng.integers(1, int(late["until"] * plan["weeks"]), n_users), 0
    )
    return pd.DataFrame(
        {
            "user_id": [f"U{number:03d}" for number in range(1, n_users + 1)],
            "household": rng.choice(sorted(plan["households"]), n_users),
            "age": rng.choice(["18-24", "25-34", "35-49", "50+"], n_users, p=[0.25, 0.35, 0.25, 0.15]),
            "city": rng.choice(["first tier", "second tier", "other"], n_users, p=[0.3, 0.4, 0.3]),
            "joined": np.datetime64(plan["first_day"], "D") + 7 * week,
        }
    )


def _preference(plan: dict, products: pd.DataFrame, users: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Share of the department (Dirichlet) × demand of the type × liking of type and item (log-normal)."""
    setting, departments = plan["discovery"], list(plan["departments"])
    types = list(plan["types"])
    weight = np.array([[plan["households"][h].get(d, 1.0) for d in departments] for h in users["household"]])
    share = rng.standard_gamma(setting["concentration"] * weight) + 0.02
    share /= share.sum(axis=1, keepdims=True)
    liking_of_type = np.exp(rng.normal(0, setting["type_spread"], (len(users), len(types))))
    liking_of_item = np.exp(rng.normal(0, setting["item_spread"], (len(users), len(products))))
    column = products["product_type"].map(types.index).to_numpy()
    demand = products["product_type"].map(lambda name: plan["types"][name]["demand"]).to_numpy()
    # The first model of a type sells best: 1, 1/√2, 1/√3, ...
    rank = products.groupby("product_type").cumcount().to_numpy() + 1
    raw = share[:, products["department"].map(departments.index)] * liking_of_type[:, column] * liking_of_item
    raw *= demand / np.sqrt(rank)
    return setting["per_session"] * raw / raw.sum(axis=1, keepdims=True)


def _habits(plan: dict, products: pd.DataFrame, preference: np.ndarray, rng: np.random.Generator) -> list[dict]:
    setting, kinds = plan["habits"], plan["types"]
    consumable = [name for name, kind in kinds.items() if "gap" in kind]
    columns = [np.flatnonzero(products["product_type"] == name) for name in consumable]
    habits = []
    for row in preference:
        weight = np.array([row[c].sum() for c in columns])
        number = rng.integers(setting["min"], setting["max"] + 1)
        mine = {}
        for kind in rng.choice(len(consumable), number, replace=False, p=weight / weight.sum()):
            item = rng.choice(columns[kind], p=row[columns[kind]] / weight[kind])
            gap = kinds[consumable[kind]]["gap"] * np.exp(rng.normal(0, setting["gap_spread"]))
            mine[int(item)] = round(float(gap), 1)
        habits.append(mine)
    return habits


def _wave(plan: dict, products: pd.DataFrame) -> np.ndarray:
    first = np.datetime64(plan["first_day"], "D")
    monday = first + 7 * np.arange(plan["weeks"])
    week = (monday - monday.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) / 7
    wave = np.ones((len(products), plan["weeks"]))
    for product_type, season in plan["seasons"].items():
        factor = 1 + season["amplitude"] * np.cos(2 * np.pi * (week - season["peak_week"]) / 52)
        wave[(products["product_type"] == product_type).to_numpy()] = factor
    return wave


def _bundles(plan: dict, products: pd.DataFrame) -> pd.DataFrame:
    first_of = products.reset_index().groupby("product_type")["index"].min()
    return pd.DataFrame(
        [
            {
                "bundle_id": f"B{number:02d}",
                "columns": [int(first_of[name]) for name in bundle["types"]],
                "discount": bundle["discount"],
                "matching": not bundle.get("mismatched", False),
            }
            for number, bundle in enumerate(plan["bundles"], start=1)
        ]
    )


def read_truth() -> dict:
    """Read the planted truth of the committed sample shop, as :func:`truth` describes it."""
    return json.loads((paths.data() / "sample_shop" / "truth.json").read_text(encoding="utf-8"))


def truth(planted: Planted, seed: int) -> dict:
    """Return what is planted, in numbers that an analysis of the tables can be compared with.

    Parameters
    ----------
    planted : Planted
    seed : int
        Kept with the figures.

    Returns
    -------
    dict
        ``version``, ``seed`` · ``elasticity``, ``margin`` (by department) · ``complements`` ([first type, second
        type, P(second enters | first)]) · ``seasons``, ``campaign_weeks``, ``weekday`` · ``after_view`` (factor on
        demand) · ``panel`` (share of sessions, position bias, logits of click and purchase) · ``bundles`` (matching or
        not; P(click) in the first slot and P(purchase | click) of the mean user) · ``favourite`` (user → department)
        · ``habits`` (user → {item: mean days between purchases}) · ``price_cuts`` (item → {week from 0: depth}).
    """
    plan, users, products = planted.plan, planted.users["user_id"], planted.products
    departments = products["department"].to_numpy()
    share = {name: planted.preference[:, departments == name].sum(axis=1) for name in plan["departments"]}
    favourite = np.array(list(share))[np.argmax(list(share.values()), axis=0)]
    items = products["item_id"].to_numpy()
    click, buy = planted.click(1).mean(axis=0), planted.buy().mean(axis=0)
    return {
        "version": plan["version"],
        "seed": seed,
        "elasticity": {name: department["elasticity"] for name, department in plan["departments"].items()},
        "margin": {name: department["margin"] for name, department in plan["departments"].items()},
        "complements": plan["complements"],
        "seasons": plan["seasons"],
        "campaign_weeks": plan["campaign_weeks"],
        "weekday": plan["weekday"],
        "after_view": plan["discovery"]["after_view"],
        "panel": plan["panel"],
        "bundles": {
            bundle.bundle_id: {
                "matching": bundle.matching,
                "discount": bundle.discount,
                "click": round(float(click[row]), 4),
                "buy": round(float(buy[row]), 4),
            }
            for row, bundle in enumerate(planted.bundles.itertuples())
        },
        "favourite": dict(zip(users, favourite.tolist(), strict=True)),
        "habits": {
            user: {items[column]: gap for column, gap in sorted(habits.items())}
            for user, habits in zip(users, planted.habits, strict=True)
        },
        "price_cuts": {
            item: {int(week): float(row[week]) for week in np.flatnonzero(row)}
            for item, row in zip(items, planted.depth, strict=True)
        },
    }
