"""The sample shop as files: the tables in the contract, and the planted truth beside them."""

import json
from pathlib import Path

import numpy as np
import yaml

from bundlebook import paths
from bundlebook.shop.sample.planted import Planted
from bundlebook.shop.sample.simulation import SAMPLE_SEED, sample_shop


def write_sample(folder: Path, seed: int = SAMPLE_SEED) -> list[Path]:
    """Simulate the sample shop and write it into a folder that ``load_shop`` reads.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; files of the same names are replaced.
    seed : int

    Returns
    -------
    list of Path
        Five tables, ``shop.yaml`` and ``truth.json``. The same seed gives the same bytes.
    """
    shop = sample_shop(seed)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "user_data.csv": shop.events,
        "product_data.csv": shop.products,
        "users.csv": shop.users,
        "bundles.csv": shop.bundles,
        "bundle_events.csv": shop.bundle_events,
    }
    texts = {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}
    settings = shop.planted.plan["shop"]
    texts["shop.yaml"] = yaml.safe_dump(
        {**settings, "local_timezone": settings["timezone"], "simulated": True}, allow_unicode=True
    )
    texts["truth.json"] = _one_entry_a_line(truth(shop.planted, seed))
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return [folder / name for name in texts]


def read_truth() -> dict:
    """The planted truth of the committed sample shop, as :func:`truth` describes it."""
    return json.loads((paths.data() / "sample_shop" / "truth.json").read_text(encoding="utf-8"))


def truth(planted: Planted, seed: int) -> dict:
    """What is planted, in numbers that an analysis of the tables can be compared with.

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


def _one_entry_a_line(entries: dict) -> str:
    """JSON that shows a small difference as a small diff."""
    lines = []
    for key, value in entries.items():
        if isinstance(value, dict) and len(value) > 6:
            inner = ",\n".join(f"  {json.dumps(str(k))}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
