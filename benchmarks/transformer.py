"""Does a Transformer complete baskets better than counting? The rows of chapter 11, on both windows.

    python benchmarks/transformer.py                                       # two windows; 5 CPU minutes
    python benchmarks/transformer.py --windows validation
    python benchmarks/transformer.py --shop sample --cases 300 --out DIR   # a minute

Writes ``transformer.json`` beside this file: Recall@10 and NDCG@10 of finding an item that was hidden in a basket, with
intervals over households, and paired differences. Fitted networks are kept in the cache. Everything was chosen on the
validation window; the test window is opened through the function that lists every look, and the looks are written. On
one thread, for another number of threads adds up in another order and gives a slightly different network.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from bundlebook.evaluation import (
    HeldOutTest,
    bootstrap_interval,
    hide_one,
    metrics,
    paired_differences,
    rank,
)
from bundlebook.recommenders import (
    EASE,
    BasketCompleter,
    DecayedFrequency,
    Popularity,
    SummedCompleter,
    TransformerCompleter,
    fit_cached,
)
from bundlebook.shop import Baskets, Task, clean, group_baskets, load_shop, time_split

RESULTS = Path(__file__).with_suffix(".json")
RESAMPLES = 2000
LOGIT, SUM, EASE_ALONE = "conditional logit", "frequency + EASE", "EASE, basket"
LOGIT_ALONE = "conditional logit, basket alone"
FULL, ALONE = "Transformer", "Transformer, basket alone"
#: Networks, and their settings beside the seed.
NETWORKS: dict[str, dict[str, Any]] = {FULL: {}, ALONE: {"history": False}}
#: What each network is held against.
REFERENCES = {FULL: (SUM, LOGIT), ALONE: (EASE_ALONE, LOGIT_ALONE)}


def completed(task: Task, baskets: Baskets, cases: int, seed: int) -> dict[str, Any]:
    """Figures of every method on one window."""
    at, inside = task.at, baskets.between(task.at, task.until)
    known = np.isin(inside.user_ids, task.visible.user_ids)[inside.user]
    hidden = hide_one(inside.where(known & (inside.sizes() >= 3)), seed=seed, most=cases)
    past, carts = baskets.between(end=at), hidden.carts.incidence
    who, place = np.unique(hidden.user, return_inverse=True)
    scores = {"popularity": Popularity().fit(past, at).scores(hidden.carts, hidden.at)}
    scores[EASE_ALONE] = EASE(400, rows="baskets").fit(past, at).scores(hidden.carts, hidden.at)
    scores["household's frequency"] = DecayedFrequency().fit(past, at).scores(past.of_users(who), at)[place]
    made = {SUM: SummedCompleter(), LOGIT: BasketCompleter(seed=seed)}
    made[LOGIT_ALONE] = BasketCompleter(seed=seed, history=False)
    for name, completer in made.items():
        scores[name] = completer.fit(past, at).scores(carts, past, hidden.user, at)
    seconds = {}
    for name, settings in NETWORKS.items():
        model = fit_cached(TransformerCompleter(seed=seed, **settings), task.visible, at)
        scores[name] = model.completions(carts, past, hidden.user, at)
        seconds[name] = model.fit_seconds_
    found: dict[str, Any] = {"baskets": len(hidden.user), "households": len(who), "CPU s": seconds, "methods": {}}
    rows = {}
    for name, score in scores.items():
        lists = rank(score, hidden.truth, 10, hidden.candidates)
        values = pd.DataFrame({"Recall@10": metrics.recall(lists, 10), "NDCG@10": metrics.ndcg(lists, 10)})
        rows[name] = values.groupby(hidden.user).mean()
        told = bootstrap_interval(rows[name], RESAMPLES, seed=0)
        found["methods"][name] = {metric: told.loc[metric].iloc[:3].tolist() for metric in told.index}
    found["differences"] = {
        name: {other: differences(rows, name, other) for other in others} for name, others in REFERENCES.items()
    }
    return found


def differences(rows: dict[str, pd.DataFrame], name: str, reference: str) -> dict[str, list[float]]:
    """A method minus the reference: mean and paired 95 % interval of each metric."""
    told = {}
    for metric in rows[name]:
        values = pd.DataFrame({reference: rows[reference][metric], name: rows[name][metric]})
        told[metric] = paired_differences(values, reference, RESAMPLES, seed=0).loc[name].iloc[:3].tolist()
    return told


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True)
@click.option("--windows", default="validation,test", show_default=True)
@click.option("--cases", default=2000, show_default=True, type=click.IntRange(50))
@click.option("--seed", default=2021, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS.parent)
def main(name: str, windows: str, cases: int, seed: int, out: Path) -> None:
    """Complete baskets of both windows with every method, and write the figures."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")  # before TensorFlow is imported
    out.mkdir(parents=True, exist_ok=True)
    target = out / RESULTS.name
    kept = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    shop, _ = clean(load_shop(name))
    split = time_split(group_baskets(shop))
    found = {"shop": name, "seed": seed, "windows": kept.get("windows", {}) if kept.get("shop") == name else {}}
    found["versions"] = {package: version(package) for package in ("keras", "numpy")}
    for window in windows.split(","):
        if window == "test":
            held_out = HeldOutTest(split)
            held_out.settle({"networks": NETWORKS, "defaults": str(TransformerCompleter.defaults), "seed": seed})
            task = held_out.open("window")
            found["looks"] = held_out.readings
        else:
            task = split.task("validation")
        found["windows"][window] = completed(task, split.baskets, cases, seed)
        target.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        for method, told in found["windows"][window]["methods"].items():
            print(window, method, {metric: round(values[0], 4) for metric, values in told.items()}, flush=True)


if __name__ == "__main__":
    main()
