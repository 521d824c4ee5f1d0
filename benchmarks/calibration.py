"""Is P a probability? Networks and calibrated baselines on the validation window, then on the test window.

    python benchmarks/calibration.py                             # everything still missing; an hour on two cores
    python benchmarks/calibration.py --minutes 3                 # a piece of it; run it again to go on
    python benchmarks/calibration.py --levels product_type --windows validation

Writes ``calibration.json`` beside this file: log loss with intervals and relative to the best baseline, Brier skill,
calibration error of the shown top 20, predicted over observed by popularity of the item and by length of the history,
and the same for households that no method has met. Finished rows are kept in the cache. The reference baseline and
the kind of recalibration are chosen on the validation window; every look at the test window is on record.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.evaluation import (
    METHODS,
    HeldOutTest,
    MethodInputs,
    PreparedTask,
    Result,
    calibration,
    judge_cached,
    newcomers,
    prepare,
    reliability_curve,
    resampled_means,
    settings_of,
    split_for,
    write_figures,
)
from bundlebook.recommenders import Calibrated, Ensemble, PlattScaled, ProbabilisticRecommender
from bundlebook.shop import Baskets, Task, clean, load_shop

RESULTS = Path(__file__).with_suffix(".json")
NETWORK = "GRU + repeat-aware head"
BASELINES = ("popularity", "decayed frequency + popularity", "user neighbours", "item neighbours", "TIFU-KNN")
#: What new households are met with; a neighbourhood of items needs a history and is left out.
MEET = ("popularity", "decayed frequency + popularity", "user neighbours", NETWORK, f"{NETWORK}, Platt by length")
#: Numbers of baskets after which new households are judged and scaled.
KNOWN = (1, 2, 4)
#: Raise it when the content of a row changes.
FORMAT = 1
RESAMPLES = 2000


def recommender(name: str, inputs: MethodInputs, seed: int, seeds: int) -> ProbabilisticRecommender:
    """Make a method by its name in the tables."""
    by_name = {method.name: method for method in METHODS}
    network = by_name[NETWORK]
    if name == f"{NETWORK}, mean of seeds":
        return Ensemble([network.recommender(inputs, seed + n) for n in range(seeds)], name)
    made = by_name.get(name, network).recommender(inputs, seed)
    wrapped = {
        f"{NETWORK}, isotonic": lambda: Calibrated(made),
        f"{NETWORK}, Platt": lambda: PlattScaled(made),
        f"{NETWORK}, Platt by length": lambda: PlattScaled(made, known=KNOWN),
    }
    made = wrapped.get(name, lambda: made)()
    made.name = name
    return made


def row(inputs: MethodInputs, name: str, seed: int, seeds: int, tasks: dict[str, PreparedTask]) -> dict[str, dict]:
    """One fit, judged on every task: from disk if it was made before."""
    made: dict[str, dict] = {}

    def save(results: dict[str, Result], folder: Path) -> None:
        made.update({place: condensed(result, tasks[place]) for place, result in results.items()})
        _save(made, folder)

    model = recommender(name, inputs, seed, seeds)
    found = judge_cached(model, tasks, seed=seed, kind=f"calibration-{FORMAT}", save=save, load=_load)
    return made or found


def condensed(result: Result, prepared: PreparedTask) -> dict[str, Any]:
    """What is kept of a judged method: values by user, and tables."""
    p, y, people = result.probability, prepared.outcome.toarray() > 0, prepared.people
    bought_before = np.asarray((prepared.task.visible.user_item() > 0).sum(axis=0)).ravel()
    groups = {
        "by popularity": (calibration.popularity_bands(bought_before), "items"),
        "by history": (calibration.history_bands(people.counts_by_user()), "rows"),
    }
    error, low, high = calibration.ece_interval(*result.shown, seed=0)
    return {
        "arrays": {
            "loss": result.values["everyone"]["Log loss"].to_numpy(),
            "NDCG@10": result.values["all"]["NDCG@10"].to_numpy(),
            "expected": p.sum(axis=1, dtype=float),
            "bought": y.sum(axis=1).astype(float),
        },
        "pairs": result.pairs,
        "shown P": float(result.shown[0].mean()),
        "shown bought": float(result.shown[1].mean()),
        "ECE shown": [error, low, high],
        "ECE by chance": calibration.ece_by_chance(result.shown[0], draws=30, seed=0),
        "reliability": reliability_curve(*result.shown).to_numpy().tolist(),
        "CPU s": float(result.fit_seconds),
        "tables": {
            title: json.loads(calibration.calibration_by_group(p, y, bands, of, seed=0).to_json(orient="split"))
            for title, (bands, of) in groups.items()
        },
    }


def _save(row: dict[str, dict], folder: Path) -> None:
    np.savez(folder / "arrays.npz", **{f"{n}/{k}": v for n, part in row.items() for k, v in part["arrays"].items()})
    plain = {name: {key: value for key, value in part.items() if key != "arrays"} for name, part in row.items()}
    (folder / "row.json").write_text(json.dumps(plain), encoding="utf-8")


def _load(folder: Path) -> dict[str, dict]:
    row = json.loads((folder / "row.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        for key in arrays:
            place, name = key.rsplit("/", 1)
            row[place].setdefault("arrays", {})[name] = arrays[key]
    return row


def single_lines(histories: Baskets, *, seed: int) -> Baskets:
    """Histories with one line of each basket, drawn at random: what a shop knows that saw little of each visit.

    Such a history is not just a short one: most of what was bought is missing from it, and nothing in it says so.
    """
    rng, lines = np.random.default_rng(seed), histories.quantities.tocsr()
    basket = np.repeat(np.arange(histories.n_baskets), histories.sizes())
    shuffled = np.lexsort((rng.random(len(basket)), basket))
    chosen = shuffled[np.unique(basket[shuffled], return_index=True)[1]]
    kept = sparse.csr_matrix((lines.data[chosen], (basket[chosen], lines.indices[chosen])), shape=lines.shape)
    return replace(histories, quantities=kept)


def tasks_of(task: Task, part: str, seed: int) -> dict[str, PreparedTask]:
    """Everybody; or the households held out, by what is known of them."""
    if part == "known":
        return {"known": prepare(task, requests=0, seed=seed)}
    tasks, found = newcomers(task, KNOWN, seed=seed), {}
    for n, (short, population) in tasks.items():
        found[f"{n} baskets" if n > 1 else "1 basket"] = prepare(short, requests=0, population=population, seed=seed)
    short, (people, came) = tasks[KNOWN[-1]]
    lines = single_lines(people, seed=seed)
    mine = lines.of_users(np.arange(short.truth.shape[0]))
    found[f"{KNOWN[-1]} single lines"] = prepare(
        replace(short, histories=mine), requests=0, population=(lines, came), seed=seed
    )
    return found


def wanted(part: str, window: str, level: str, seeds: int, seed: int) -> list[tuple[str, int]]:
    """Rows of a window, the cheap and important ones first."""
    if part == "new":
        networks = {NETWORK: seeds if level == "product_type" else 1}
        return [(name, seed + n) for name in MEET for n in range(networks.get(name, 1))]
    rows = [(name, seed) for name in BASELINES] + [(NETWORK, seed + n) for n in range(seeds)]
    rows += [(f"{NETWORK}, mean of seeds", seed)] if seeds > 1 else []
    rows.append((f"{NETWORK}, Platt", seed))
    return rows + ([(f"{NETWORK}, isotonic", seed)] if (level, window) == ("product_type", "validation") else [])


def table(rows: dict[str, list[dict]], reference: str) -> dict[str, Any]:
    """Figures of every method from its rows, one a seed: values are averaged user by user."""
    every = {name: [run["arrays"] for run in runs] for name, runs in rows.items()}
    loss = {name: np.mean([run["loss"] for run in runs], axis=0) for name, runs in every.items()}
    ndcg = {name: np.mean([run["NDCG@10"] for run in runs], axis=0) for name, runs in every.items()}
    sums = [np.mean([run["expected"] for run in every[name]], axis=0) for name in every]
    draws = pd.DataFrame(resampled_means(np.column_stack([*loss.values()]), RESAMPLES, seed=0), columns=[*loss])
    lists = pd.DataFrame(resampled_means(np.column_stack([*ndcg.values()]), RESAMPLES, seed=0), columns=[*ndcg])
    bought = next(iter(every.values()))[0]["bought"]
    totals = resampled_means(np.column_stack([*sums, bought]), RESAMPLES, seed=0)
    ratios = pd.DataFrame(totals[:, :-1] / totals[:, -1:], columns=[*every])
    found = {}
    for number, (name, runs) in enumerate(rows.items()):
        found[name] = {
            "seeds": len(runs),
            "log loss": _interval(loss[name].mean(), draws[name]),
            "Brier skill": _mean(runs, lambda run: run["pairs"]["Brier skill"]),
            "ECE shown": [_mean(runs, lambda run, part=part: run["ECE shown"][part]) for part in range(3)],
            "ECE by chance": _mean(runs, lambda run: run["ECE by chance"]),
            "shown P": _mean(runs, lambda run: run["shown P"]),
            "shown bought": _mean(runs, lambda run: run["shown bought"]),
            "predicted over observed": _interval(sums[number].sum() / bought.sum(), ratios[name]),
            "NDCG@10": _interval(ndcg[name].mean(), lists[name]),
            "fit, CPU s": _mean(runs, lambda run: run["CPU s"]),
        }
        if reference in rows and name != reference:
            found[name]["log loss against reference, %"] = _relative(loss, draws, name, reference)
        if "popularity" in rows and name != "popularity":
            found[name]["NDCG@10 against popularity, %"] = _relative(ndcg, lists, name, "popularity")
        if len(runs) > 1:
            found[name]["log loss by seed"] = [round(float(run["loss"].mean()), 5) for run in every[name]]
            found[name]["ECE shown by seed"] = [round(run["ECE shown"][0], 5) for run in runs]
            found[name]["predicted over observed by seed"] = [
                round(float(run["expected"].sum() / bought.sum()), 4) for run in every[name]
            ]
    return {"households": len(bought), "methods": found}


def _interval(mean: float, draws: pd.Series) -> list[float]:
    return [round(float(value), 5) for value in (mean, *np.quantile(draws, [0.025, 0.975]))]


def _relative(values: dict, draws: pd.DataFrame, name: str, reference: str) -> list[float]:
    mean = 100 * (values[name].mean() / values[reference].mean() - 1)
    return [round(value, 2) for value in _interval(mean, 100 * (draws[name] / draws[reference] - 1))]


def _mean(runs: list[dict], get: Callable[[dict], float]) -> float:
    return round(float(np.mean([get(run) for run in runs])), 5)


def _rounded(content: dict) -> dict:
    rows = [[None if v is None else round(v, 5) for v in values] for values in content["data"]]
    return {"columns": content["columns"], "rows": dict(zip(content["index"], rows, strict=True))}


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True, help="Name or folder of the shop.")
@click.option("--levels", default="product_type,item_id", show_default=True, help="Levels, separated by commas.")
@click.option("--windows", default="validation,test", show_default=True, help="Windows, separated by commas.")
@click.option("--parts", default="known,new", show_default=True, help="known, new households, or both.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these methods.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="Networks trained.")
@click.option("--minutes", default=600.0, show_default=True, help="Start no further row after this long.")
@click.option("--seed", default=2021, show_default=True)
@click.option("--out", default=RESULTS, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def main(
    name: str,
    levels: str,
    windows: str,
    parts: str,
    only: tuple[str, ...],
    seeds: int,
    minutes: float,
    seed: int,
    out: Path,
) -> None:
    """Measure, row by row; write what is there."""
    began, left = time.perf_counter(), []
    shop, _ = clean(load_shop(name))
    content = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"levels": {}}
    for level in levels.split(","):
        split = split_for(shop, level)
        inputs, test = MethodInputs(shop, split), HeldOutTest(split)
        every = dict.fromkeys([*(n for part in ("known", "new") for n, _ in wanted(part, "test", level, seeds, seed))])
        settled = test.settle({method: settings_of(recommender(method, inputs, seed, seeds)) for method in every})
        kept = content["levels"].setdefault(level, {"users": split.baskets.n_users, "items": split.baskets.n_items})
        kept["settings"] = settled
        for window in windows.split(","):
            task = split.task("validation") if window == "validation" else test.open("window")
            for part in parts.split(","):
                tasks = tasks_of(task, part, seed)
                rows: dict[str, list[dict]] = {}
                for method, its_seed in wanted(part, window, level, seeds, seed):
                    if only and method not in only:
                        continue
                    if time.perf_counter() - began > 60 * minutes:
                        left.append(f"{level}, {window}, {part}: {method}, seed {its_seed}")
                        continue
                    rows.setdefault(method, []).append(row(inputs, method, its_seed, seeds, tasks))
                    print(f"{time.perf_counter() - began:5.0f} s  {level}, {window}, {part}: {method}, seed {its_seed}",
                          flush=True)  # fmt: skip
                if rows:
                    _keep(kept, rows, window, part)
    content["made"] = {
        "processor cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("bundlebook", "keras", "numpy", "scikit-learn")},
        "shop": shop.name,
        "left out": left,
    }
    write_figures(out, content)
    print(f"written: {out.name}" + (f"; {len(left)} rows left: run the same command again" if left else ""))


def _keep(kept: dict, rows: dict[str, list[dict]], window: str, part: str) -> None:
    places = next(iter(rows.values()))[0]
    if part == "known" and window == "validation":
        losses = {name: rows[name][0]["known"]["arrays"]["loss"].mean() for name in BASELINES if name in rows}
        if len(losses) == len(BASELINES):
            kept["reference, chosen on validation"] = min(losses, key=losses.get)
    reference = kept.get("reference, chosen on validation", "popularity") if part == "known" else "popularity"
    for place in places:
        inside = {name: [run[place] for run in runs] for name, runs in rows.items()}
        found = table(inside, reference)
        if part == "known":
            for title in ("by popularity", "by history"):
                found[title] = {name: _rounded(runs[0]["tables"][title]) for name, runs in inside.items()}
            found["reliability"] = {
                name: [[round(value, 5) for value in line] for line in runs[0]["reliability"]]
                for name, runs in inside.items()
            }
            kept.setdefault("known", {})[window] = found
        else:
            kept.setdefault("new", {}).setdefault(window, {})[place] = found


if __name__ == "__main__":
    main()
