"""Whose P should bundles be made of? Counting, boosted trees, or a stack with or without them: validation window.

    python benchmarks/bundle_probability.py                       # everything still missing; 6 CPU minutes
    python benchmarks/bundle_probability.py --shop sample --level category --users 100 --seeds 1 --out DIR

Writes ``bundle_probability.json`` beside this file. Every model forecasts what each household buys in the four weeks of
the window (log loss per item), and bundles are made of its P: a page of the most probable pairs at full price, once of
any items and once with an item that is new to the household in each pair. A page hits if one of its pairs is bought
within the window. Differences are paired, with intervals over households; of a model that is learned the figures are
means over seeds. The test window is not opened. Finished rows are kept in the cache, and a second run goes on.
"""

import json
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from bundlebook.bundles import P_MODELS, BundleRecommender, Weights, choose, objective
from bundlebook.cache import cached
from bundlebook.evaluation import bundle_pages, calibration, paired_differences, settings_of, split_for
from bundlebook.recommenders import ProbabilisticRecommender
from bundlebook.shop import Baskets, Shop, Split, clean, load_shop

RESULTS = Path(__file__).with_suffix(".json")
RESAMPLES = 2000
COUNTING, TREES = "counting", "boosted trees"
STACK, STACK_TREES = "stack of counting and neighbours", "the stack with trees in it"
#: Names of the rows, the model of each, and whether a seed matters.
MODELS = {COUNTING: ("counting", False), STACK: ("stacked", False)}
MODELS |= {TREES: ("trees", True), STACK_TREES: ("stacked with trees", True)}
LOSS, ANY, NEW = "1,000 × log loss per item", "hit, any pair", "hit, one item new"


class Timed:
    """A model that notes the processor time of its latest fit."""

    def __init__(self, model: ProbabilisticRecommender) -> None:
        self.model, self.name, self.seconds = model, model.name, 0.0

    def fit(self, visible: Baskets, at: np.datetime64) -> "Timed":
        began = time.process_time()
        self.model.fit(visible, at)
        self.seconds = time.process_time() - began
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        return self.model.scores(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        return self.model.probability(histories, at)


def judged(model: ProbabilisticRecommender, shop: Shop, split: Split, people: Baskets, bundles: int) -> pd.DataFrame:
    """Figures of every household under one model; what the fit and a page cost stands in every row."""
    task = split.task("validation")
    window = split.baskets.between(task.at, task.until)
    then = window.of_users(np.searchsorted(window.user_ids, people.user_ids))
    known, came = people.user_item().toarray() > 0, then.user_item().toarray() > 0
    timed = Timed(model)
    # A calibration of sets would keep the order of pairs.
    one = BundleRecommender(timed, replayed=0).fit(shop, task.visible, task.at)
    losses = calibration.pair_losses(model.probability(people, task.at).ravel(), came.ravel())
    told: dict[str, Any] = {LOSS: 1000 * losses.reshape(came.shape).mean(axis=1)}
    price, began = one.table_["usual_price"].to_numpy(), time.process_time()
    for track, new in ((ANY, None), (NEW, ~known)):
        pages = []
        for user in range(people.n_users):
            filters = one.filters_ if new is None else replace(one.filters_, new=new[user], at_least_new=1)
            priced = one.price(one.candidates(people.of_users(np.array([user])), filters=filters, sizes=(2,)))
            priced = priced.where(priced.discount == 0)
            goal = objective(replace(priced, revenue=priced.probability), one.category_, Weights(1, 0, 0))
            pages.append([priced.sets.ids(row) for row in choose(goal, bundles)])
        told[track] = bundle_pages.page_results(pages, then, price, one.category_)["hit"].to_numpy()
    page = (time.process_time() - began) / (2 * people.n_users)
    return pd.DataFrame({**told, "CPU s": timed.seconds, "CPU ms per page": 1000 * page})


def row(
    name: str, seed: int, setting: dict[str, Any], shop: Shop, split: Split, people: Baskets, bundles: int
) -> pd.DataFrame:
    """One model of one seed, judged: from disk if it was judged before."""
    model = P_MODELS[MODELS[name][0]](seed)
    inputs = {"setting": setting, "model": settings_of(model), "seed": seed, "rows": split.baskets.digest}

    def judge() -> pd.DataFrame:
        return judged(model, shop, split, people, bundles)

    return cached(
        "bundle-probability",
        inputs,
        judge,
        lambda table, folder: table.to_parquet(folder / "rows.parquet"),
        lambda folder: pd.read_parquet(folder / "rows.parquet"),
    )


def summary(rows: dict[str, list[pd.DataFrame]]) -> dict[str, Any]:
    """Means over seeds, and paired differences to counting and to the stack without trees, with 95 % intervals."""
    found: dict[str, Any] = {}
    mean = {name: sum(runs) / len(runs) for name, runs in rows.items()}
    for name, values in mean.items():
        found[name] = {column: float(values[column].mean()) for column in values} | {"seeds": len(rows[name])}
        for other in (COUNTING, STACK):
            if other in mean and name != other:
                found[name][f"minus {other}"] = {}
                for metric in (LOSS, ANY, NEW):
                    both = pd.DataFrame({other: mean[other][metric], name: values[metric]})
                    told = paired_differences(both, other, RESAMPLES, seed=0).loc[name].iloc[:3]
                    found[name][f"minus {other}"][metric] = [float(value) for value in told]
    return found


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True)
@click.option("--level", default="product_type", show_default=True)
@click.option("--users", default=1200, show_default=True, type=click.IntRange(20), help="Households judged.")
@click.option("--bundles", default=3, show_default=True, type=click.IntRange(1), help="Pairs per page.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=2021, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS.parent)
def main(name: str, level: str, users: int, bundles: int, seeds: int, seed: int, out: Path) -> None:
    """Judge every model of P, and the pages made of it."""
    out.mkdir(parents=True, exist_ok=True)
    shop = clean(load_shop(name))[0]
    split, target = split_for(shop, level), out / RESULTS.name
    task = split.task("validation")
    regulars = np.flatnonzero(task.visible.counts_by_user() >= 3)
    chosen = np.sort(np.random.default_rng(seed).permutation(regulars)[:users])
    people = task.visible.of_users(chosen)
    setting = {"shop": name, "checksum": shop.checksum, "level": level, "users": people.n_users, "bundles": bundles}
    setting |= {"seed": seed, "seeds": seeds, "window": "validation"}
    rows: dict[str, list[pd.DataFrame]] = {}
    for model, (_, learned) in MODELS.items():
        for n in range(seeds if learned else 1):
            found = row(model, seed + n, setting, shop, split, people, bundles)
            rows.setdefault(model, []).append(found)
            print(model, seed + n, found.mean().round(4).to_dict(), flush=True)
    written = {"setting": setting, "models": summary(rows)}
    written["versions"] = {package: version(package) for package in ("numpy", "scikit-learn")}
    target.write_text(json.dumps(written, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    table = pd.DataFrame({n: {m: one[m] for m in (LOSS, ANY, NEW)} for n, one in written["models"].items()}).T
    print(f"{table.round(4).to_string()}\nwritten: {target.name}")


if __name__ == "__main__":
    main()
