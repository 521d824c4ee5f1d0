"""What will the next basket hold? Counting, boosted trees, the network over baskets, and all together, at two levels.

    python benchmarks/next_basket.py                               # everything still missing; 45 CPU minutes
    python benchmarks/next_basket.py --only "boosted trees"        # these rows; the others stay as they were
    python benchmarks/next_basket.py --minutes 5                   # a piece of it; run it again to go on
    python benchmarks/next_basket.py --shop sample --levels category --seeds 2 --out DIR     # seconds

Writes ``next_basket.json`` beside this file: Recall@10 and NDCG@10, log loss against the best calibrated baseline,
Brier skill and calibration error of the shown top 20, with intervals over households, and paired differences; on the
validation window also what each group of the trees' features is worth, and what new households are promised. Finished
rows are kept in the cache. What is mixed, and how strongly, was chosen on the validation window; the test window is
opened when the rows of the validation window are complete.
"""

import json
import os
import platform
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from bundlebook.evaluation import (
    HeldOutTest,
    MethodInputs,
    PreparedTask,
    Result,
    averaged,
    calibration,
    judge_cached,
    ndcg,
    newcomers,
    prepare,
    rank,
    resampled_means,
    settings_of,
    split_for,
)
from bundlebook.recommenders import (
    FEATURE_GROUPS,
    BoostedTrees,
    Calibrated,
    DecayedFrequency,
    Ensemble,
    FromCache,
    NextBasketRecommender,
    PersonalFrequency,
    Popularity,
    Recommender,
    Stacked,
    TifuKNN,
    UserKNN,
    Weighted,
)
from bundlebook.shop import Shop, Split, Task, clean, load_shop

RESULTS = Path(__file__).with_suffix(".json")
RESAMPLES = 2000
#: What a network has to beat.
BASELINES = {
    "popularity": Popularity,
    "personal frequency": PersonalFrequency,
    "decayed frequency + popularity": DecayedFrequency,
    "user neighbours": UserKNN,
    "TIFU-KNN": TifuKNN,
    "TIFU-KNN, size-scaled": lambda: TifuKNN(size_power=0.25),
}
PLAIN, NETWORK = "GRU over baskets", "GRU over baskets + repeat-aware head"
ENSEMBLE, FUSED, STACKED = (
    "ensemble of the network",
    "ensemble fused with neighbours",
    "ensemble stacked with neighbours",
)
TREES, BOTH = "boosted trees", "trees + network"
ALL, STACKED_ALL = "ensemble of trees and networks", "trees and networks stacked"
#: Smaller trees for the question what a group of features is worth: every rung has this budget.
RUNG = {"rounds": 80, "most_pairs": 400_000}
#: The features that need groups of items.
OF_GROUPS = "items like it"
#: Numbers of baskets that new households are known by.
KNOWN = (1, 2, 4)
#: What new households are met with.
MEET = ("popularity", "decayed frequency + popularity", TREES)
#: Weights of ensemble, user neighbours and size-scaled TIFU-KNN, on their z-scores.
FUSION = (1.0, 0.5, 0.5)
METRICS = ("Recall@10", "NDCG@10", "Log loss")


#: Labels of items and of their groups, pair by pair; None at a level whose items are not grouped.
Groups = tuple[tuple[str, str], ...] | None


def groups_of(shop: Shop, split: Split) -> Groups:
    """Return the groups that the leaderboard gives to the trees, in a form that can be a key."""
    groups = MethodInputs(shop, split).groups
    return None if groups is None else tuple(groups.items())


def fresh_trees(seed: int, groups: Groups = None, **settings: Any) -> BoostedTrees:
    return BoostedTrees("next_basket", groups=None if groups is None else dict(groups), seed=seed, **settings)


@cache
def trees(seed: int, window: str, groups: Groups = None) -> BoostedTrees:
    """Return the trees of a window: one object, so that all rows that use them share one fit."""
    return fresh_trees(seed, groups)


def recommender(name: str, seed: int, seeds: int, window: str = "", groups: Groups = None) -> Recommender:
    """Make a method by its name in the tables."""
    if name == TREES:
        return trees(seed, window, groups)
    if name == BOTH:
        return Ensemble([trees(seed, window, groups), recommender(NETWORK, seed, seeds)], BOTH)
    every = [seed + n for n in range(seeds)]
    if name == ALL:
        forests = [trees(n, window, groups) for n in every]
        return Ensemble([*forests, *(recommender(NETWORK, n, seeds) for n in every)], ALL)
    if name == STACKED_ALL:
        members = [fresh_trees(seed, groups), recommender(ENSEMBLE, seed, seeds), UserKNN()]
        return Stacked(members, target="next_basket", name=STACKED_ALL)
    if name in BASELINES:
        return Calibrated(BASELINES[name](), target="next_basket")
    if name == PLAIN:
        return FromCache(NextBasketRecommender(repeat=0, seed=seed), PLAIN)
    if name == NETWORK:
        return FromCache(NextBasketRecommender(seed=seed), NETWORK)
    ensemble = Ensemble([recommender(NETWORK, seed + n, seeds) for n in range(seeds)], ENSEMBLE)
    members = [ensemble, UserKNN(), TifuKNN(size_power=0.25)]
    return {
        ENSEMBLE: ensemble,
        FUSED: Weighted(members, FUSION, name=FUSED),
        STACKED: Stacked(members, target="next_basket", name=STACKED),
    }[name]


def rows(seeds: int, seed: int) -> list[tuple[str, int]]:
    """Names and seeds of a window, what is cheap first."""
    learned = [(name, seed + n) for name in (TREES, NETWORK, BOTH) for n in range(seeds)]
    mixed = (ALL, ENSEMBLE, FUSED, STACKED, STACKED_ALL, PLAIN)
    return [(name, seed) for name in BASELINES] + learned + [(name, seed) for name in mixed]


def row(name: str, seed: int, seeds: int, prepared: PreparedTask, groups: Groups = None) -> Result:
    """One fit, judged: from disk if it was made before."""
    model = recommender(name, seed, seeds, prepared.task.name, groups)
    model.name = name
    return judge_cached(model, {"next": prepared}, seed=seed, kind="next-basket")["next"]


def interval(values: np.ndarray) -> list[float]:
    """Mean over households, and the 95 % interval of their bootstrap."""
    draws = resampled_means(values[:, None], RESAMPLES, seed=0)[:, 0]
    return [float(values.mean()), *(float(q) for q in np.quantile(draws, [0.025, 0.975]))]


def values_of(judged: Result, metric: str) -> np.ndarray | None:
    place = "everyone" if metric == "Log loss" else "all"
    return judged.values[place][metric].to_numpy() if place in judged.values else None


def summary(judged: Result) -> dict[str, Any]:
    """Figures of one method."""
    found = {metric: values_of(judged, metric) for metric in METRICS}
    told = {metric: interval(values) for metric, values in found.items() if values is not None}
    told["CPU s"] = judged.fit_seconds
    if len(judged.runs) > 1:
        told["sd over seeds"] = {
            m: judged.spread(m, "everyone" if m == "Log loss" else "all") for m in METRICS if found[m] is not None
        }
    if judged.pairs:
        error, low, high = calibration.ece_interval(*judged.shown, seed=0)
        told |= {"Brier skill": judged.pairs["Brier skill"], "ECE shown": [error, low, high]}
        told["shown, predicted and bought"] = [float(judged.shown[0].mean()), float(judged.shown[1].mean())]
    return told


def against(judged: dict[str, Result], metric: str, reference: str) -> dict[str, list[float]]:
    """Every method minus the reference, relative to the reference: mean and paired 95 % interval."""
    base = values_of(judged[reference], metric)
    found = {}
    for name, one in judged.items():
        values = values_of(one, metric)
        if name == reference or values is None:
            continue
        draws = resampled_means(np.column_stack([values, base]), RESAMPLES, seed=0)
        relative = draws[:, 0] / draws[:, 1] - 1
        found[name] = [
            float(values.mean() / base.mean() - 1),
            *(float(q) for q in np.quantile(relative, [0.025, 0.975])),
        ]
    return found


def told(judged: dict[str, Result]) -> dict[str, Any]:
    """Everything that is written of a window, the best baseline of each metric named."""
    best = {}
    for metric in METRICS:
        means = {name: values_of(judged[name], metric).mean() for name in BASELINES if name in judged}
        best[metric] = (min if metric == "Log loss" else max)(means, key=means.get)
    return {
        "households": len(values_of(next(iter(judged.values())), "Recall@10")),
        "methods": {name: summary(one) for name, one in judged.items()},
        "best baseline": best,
        "relative to the best baseline": {m: against(judged, m, best[m]) for m in METRICS},
        "relative to": {name: {m: against(judged, m, name) for m in METRICS} for name in BASELINES if name in judged},
    }


def worth(prepared: PreparedTask, seed: int, groups: Groups = None) -> dict[str, dict[str, Any]]:
    """What small trees lose without each group of their features: mean and paired 95 % interval, relative to all."""
    judged = {}
    for group in (None, *FEATURE_GROUPS):
        if group == OF_GROUPS and groups is None:
            continue
        label = f"without {group}" if group else "all features"
        less = fresh_trees(seed, groups, without=(group,) if group else (), name=label, **RUNG)
        found = judge_cached(less, {"next": prepared}, seed=seed, kind="next-basket")["next"]
        judged[label] = averaged([found])
        print("worth", label, _short(found), flush=True)
    change = {metric: against(judged, metric, "all features") for metric in METRICS}
    return {"methods": {label: summary(one) for label, one in judged.items()}, "relative": change}


def strangers(task: Task, seed: int, groups: Groups = None) -> dict[str, Any]:
    """What households that no method has met are promised and buy, by the number of baskets that are known."""
    short = newcomers(task, KNOWN, seed=seed)
    visible, told = short[KNOWN[0]][0].visible, {}
    made = {name: Calibrated(BASELINES[name](), target="next_basket") for name in MEET[:-1]}
    for name, model in (made | {TREES: fresh_trees(seed, groups)}).items():
        model.fit(visible, task.at)
        rows = {}
        for n, (met, _) in short.items():
            expected = model.probability(met.histories, met.at).sum(axis=1, dtype=float)
            bought = np.diff(met.truth.indptr).astype(float)
            draws = resampled_means(np.column_stack([expected, bought]), RESAMPLES, seed=0)
            ends = np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.975])
            lists = ndcg(rank(model.scores(met.histories, met.at), met.truth, 10), 10)
            ratio = [float(expected.sum() / bought.sum()), *map(float, ends)]
            rows[str(n)] = {"predicted / bought": ratio, "NDCG@10": interval(lists), "households": len(bought)}
        told[name] = rows
        print(
            "new households", name, {n: round(row["predicted / bought"][0], 3) for n, row in rows.items()}, flush=True
        )
    return told


def merged(kept: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """Fresh figures over those that were kept, row by row."""
    both = {key: kept.get(key, fresh.get(key)) for key in kept.keys() | fresh.keys()}
    for key, value in fresh.items():
        both[key] = merged(kept[key], value) if isinstance(value, dict) and isinstance(kept.get(key), dict) else value
    return both


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True)
@click.option("--levels", default="product_type,item_id", show_default=True, help="Levels, separated by commas.")
@click.option("--windows", default="validation,test", show_default=True)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=2021, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these rows; the others stay as they were.")
@click.option("--minutes", type=float, help="Begin no further row after so many minutes.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS.parent)
def main(
    name: str,
    levels: str,
    windows: str,
    seeds: int,
    seed: int,
    only: tuple[str, ...],
    minutes: float | None,
    out: Path,
) -> None:
    """Judge everything on the next basket."""
    began, shop = time.monotonic(), clean(load_shop(name))[0]
    file = out / RESULTS.name
    result: dict[str, Any] = {"levels": {}}
    wanted = [row for row in rows(seeds, seed) if not only or row[0] in {*only, *BASELINES}]
    for level in levels.split(","):
        split = split_for(shop, level)
        groups = groups_of(shop, split)
        test, told_of = HeldOutTest(split), {}
        for window in windows.split(","):
            if window == "test":
                test.settle({n: repr(settings_of(recommender(n, s, seeds, groups=groups))) for n, s in wanted})
            task = test.open("next_basket") if window == "test" else split.task(window, "next_basket")
            prepared = prepare(task, requests=0, population=(task.histories, task.truth), seed=seed)
            runs: dict[str, list[Result]] = {}
            for method, its_seed in wanted:
                if minutes and time.monotonic() - began > 60 * minutes:
                    print("time is up; run it again to go on")
                    return
                runs.setdefault(method, []).append(row(method, its_seed, seeds, prepared, groups))
                latest = runs[method][-1]
                print(level, window, method, its_seed, _short(latest), flush=True)
            told_of[window] = told({method: averaged(found) for method, found in runs.items()})
            if TREES in runs:
                told_of[window]["new households"] = strangers(task, seed, groups)
            if TREES in runs and window == "validation":
                told_of[window]["worth of the features"] = worth(prepared, seed, groups)
        result["levels"][split.baskets.level] = {"items": split.baskets.n_items, **told_of}
    result |= {
        "shop": {"name": name, "checksum": shop.checksum},
        "seeds": seeds,
        "processor cores": os.cpu_count(),
        "architecture": platform.machine(),
        "versions": {package: version(package) for package in ("keras", "numpy", "scikit-learn")},
    }
    if only and file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["shop"] != result["shop"] or kept["seeds"] != seeds:
            raise click.ClickException(f"{file.name} was made with another shop or other seeds; leave out --only")
        result = merged(kept, result)
    file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for level, found in result["levels"].items():
        for window in [window for window in windows.split(",") if window in found]:
            table = {n: {m: f"{v[m][0]:.4f}" for m in METRICS if m in v} for n, v in found[window]["methods"].items()}
            print(f"\n{level}, {window}\n{pd.DataFrame(table).T.to_string()}")
    print(f"written: {file.name}")


def _short(judged: Result) -> dict[str, float]:
    return {m: round(float(values_of(judged, m).mean()), 5) for m in METRICS if values_of(judged, m) is not None}


if __name__ == "__main__":
    main()
