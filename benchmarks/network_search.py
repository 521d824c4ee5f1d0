"""How the network's parts and settings compare with others: the ladder of repairs, a search, and augmentation.

    python benchmarks/network_search.py search      # Optuna, some households, folds that end with the training weeks
    python benchmarks/network_search.py confirm     # the best of it and the shipped settings, all households, 3 seeds
    python benchmarks/network_search.py ways        # training on whole, late, lossy and mixed histories, 3 seeds
    python benchmarks/network_search.py ladder      # from the articles' formula to the full network, one change a rung

Each part writes its result into ``network_search.json`` beside this file. The search sees nothing from the validation
window on; the others are judged on that window. The test window is never looked at. Every fit is kept as soon as
it ends, so an interrupted part goes on where it was stopped; ``--fresh`` forgets what was kept.
"""

import hashlib
import json
import os
import platform
import shutil
import time
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy.special import expit

from bundlebook import paths
from bundlebook.evaluation import everyone, log_loss, ndcg, pair_losses, paired_differences, rank, recall
from bundlebook.recommenders import Range, RecurrentRecommender, RecurrentSettings, import_keras, search
from bundlebook.shop import clean, group_baskets, load_shop, time_split

RESULTS = Path(__file__).with_suffix(".json")
KEPT = paths.cache() / "network_search"
SPACE = {
    "cell": ("elman", "gru", "lstm"),
    "width": (16, 32, 64, 128),
    "repeat": (0, 16, 32, 64),
    "epochs": Range(3, 10),
    "batch": (16, 32, 64),
    "rate": Range(1e-3, 2e-2, log=True),
    "thinning": Range(0.0, 0.5),
}
#: Training on histories as they are, and with a fifth of them cut, masked, or either.
WAYS = {
    "none": {"thinning": 0.0},
    "crop": {"ways": "late"},
    "mask": {"ways": "lost"},
    "crop or mask": {"ways": "mixed"},
}
FEW = (1, 4)
#: From the articles' formula to the network of this workbook. Each rung changes one thing of the rung before it.
RUNGS = {
    "as printed": {"cell": "literal", "repeat": 0},
    "product": {"cell": "elman", "repeat": 0, "squeeze": "sigmoid", "trend": False},
    "tanh": {"cell": "elman", "repeat": 0, "trend": False},
    "gates": {"repeat": 0, "trend": False},
    "repeats": {"trend": False},
    "trend": {},
}


@click.group()
def main() -> None:
    """Measure what other settings of the recurrent network would give."""


@main.command("search")
@click.option("--households", default=600, show_default=True, help="Size of the random sample.")
@click.option("--folds", "n_folds", default=3, show_default=True)
@click.option("--trials", default=30, show_default=True)
@click.option("--seed", default=2021, show_default=True)
@click.option("--fresh", is_flag=True, help="Forget the trials that were kept.")
def run_search(households: int, n_folds: int, trials: int, seed: int, fresh: bool) -> None:
    """Search on a sample of the households, judged on the last periods of the training weeks."""
    split = real_split()
    chosen = np.random.default_rng(seed).permutation(split.baskets.n_users)[:households]
    split = replace(split, baskets=split.baskets.of_users(np.sort(chosen)))
    folds = split.folds(n_folds, end="training")
    journal = KEPT / "trials.journal"
    if fresh:
        journal.unlink(missing_ok=True)
    shipped = {name: getattr(RecurrentSettings(), name) for name in SPACE}
    table = search(
        lambda **settings: RecurrentRecommender(seed=seed, **settings),
        SPACE,
        folds,
        on_window,
        trials,
        first=shipped,
        journal=journal,
        seed=seed,
    )
    print(table.sort_values("log loss").round(4).to_string())
    write(
        "search",
        {
            "households": split.baskets.n_users,
            "folds": [{"from": str(fold.at), "until": str(fold.until)} for fold in folds],
            "space": {name: str(values) for name, values in SPACE.items()},
            "seed": seed,
            "trials": json.loads(table.reset_index().to_json(orient="records", double_precision=15)),
            "optuna": version("optuna"),
        },
    )


def best(trials: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the *n* complete trials of smallest log loss, the best first, no settings twice."""
    complete = trials[trials["state"] == "complete"].sort_values("log loss", kind="stable")
    return complete.drop_duplicates(list(SPACE)).head(n)


@main.command()
@click.option("--best", "n", default=3, show_default=True, help="How many of the search's settings to fit again.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--fresh", is_flag=True, help="Forget the fits that were kept.")
def confirm(n: int, seeds: int, fresh: bool) -> None:
    """Fit the search's best settings and the shipped ones on all households; judge them on the validation window."""
    found = read().get("search")
    if not found:
        raise click.ClickException("there is no search yet: run the part 'search' first")
    table = pd.DataFrame(found["trials"]).set_index("trial")
    defaults = pd.Series({name: getattr(RecurrentSettings(), name) for name in SPACE})
    shipped = (table[list(SPACE)] == defaults).all(axis=1)
    top = best(table[~shipped], n)
    variants = {"shipped": {}} | {f"trial {k}": {name: top[name][k] for name in SPACE} for k in top.index}
    write("confirm", compare({k: plain(v) for k, v in variants.items()}, "shipped", seeds, fresh))


@main.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--fresh", is_flag=True, help="Forget the fits that were kept.")
def ways(seeds: int, fresh: bool) -> None:
    """Fit the shipped network with and without each kind of augmentation."""
    write("ways", compare(WAYS, "none", seeds, fresh))


@main.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--minutes", default=1e9, help="Stop after the fit that ends later than this; run again to go on.")
@click.option("--fresh", is_flag=True, help="Forget the fits that were kept.")
def ladder(seeds: int, minutes: float, fresh: bool) -> None:
    """Fit every rung with the same epochs and seeds on all households; the first and the last with twice the epochs."""
    task, until = real_split().task("validation"), time.monotonic() + 60 * minutes
    epochs, rows = RecurrentSettings().epochs, {name: {} for name in RUNGS}
    ends = {name: RUNGS[name] for name in ("as printed", "trend")}
    for budget, n_seeds, chosen in ((epochs, seeds, RUNGS), (2 * epochs, 1, ends)):
        for name, changed in chosen.items():
            found = []
            for seed in range(2021, 2021 + n_seeds):
                found.append(kept_fit(Rung(**changed, epochs=budget, seed=seed), task, fresh, few=()))
                if time.monotonic() > until:
                    raise SystemExit("not complete yet: run it again")
            rows[name][f"{budget} epochs"] = {
                figure: {"mean": float(np.mean(means)), "seeds": means}
                for figure in ("log loss", "Recall@10", "NDCG@10")
                for means in [[float(one[f"all {figure}"].mean()) for one in found]]
            } | {"processor seconds": float(np.mean([one["processor seconds"][0] for one in found]))}
    content = {"seeds": list(range(2021, 2021 + seeds)), "at": str(task.at), "rungs": list(RUNGS), "rows": rows}
    write("ladder", content)


class Rung(RecurrentRecommender):
    """The workbook's network with some parts taken out.

    Parameters
    ----------
    squeeze : {"tanh", "sigmoid"}
        Around the sum in a plain cell.
    trend : bool
        Whether the common trend of the shop's sales is added to the items' bias.
    """

    def __init__(self, squeeze: str = "tanh", trend: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self.squeeze, self.trend = squeeze, trend

    def untrained(self, examples: Any) -> Any:
        """Start as the full network does, then change the cell's function and silence the trend."""
        network = super().untrained(examples)
        if self.squeeze == "sigmoid":
            network.get_layer("h").cell.activation = import_keras().activations.sigmoid
        if not self.trend:
            network.get_layer("product").trend.assign(np.zeros_like(examples.trend()))
        return network


def real_split():
    return time_split(group_baskets(clean(load_shop("completejourney"))[0]))


def on_window(model: RecurrentRecommender, task) -> dict[str, float]:
    """Log loss over all households that may come, Recall@10 over those that came, and what the fit cost."""
    people, outcome = everyone(task)
    scores = model.scores(people, task.at)
    judged = task.truth.shape[0]
    return {
        "log loss": log_loss(expit(scores), outcome.toarray()),
        "Recall@10": float(recall(rank(scores[:judged], task.truth, 10), 10).mean()),
        "processor seconds": model.fit_seconds_,
    }


def by_household(model: RecurrentRecommender, task, few: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Figures of every household, with its whole history and with its last *few* baskets only."""
    people, outcome = everyone(task)
    judged, bought = task.truth.shape[0], outcome.toarray()
    found = {"processor seconds": np.array([model.fit_seconds_])}
    for n in (None, *few):
        scores = model.scores(people if n is None else people.last(n), task.at)
        P, known = expit(scores), "all" if n is None else str(n)
        found[f"{known} log loss"] = pair_losses(P, bought).reshape(bought.shape).mean(axis=1)
        ranked = rank(scores[:judged], task.truth, 10)
        found[f"{known} Recall@10"], found[f"{known} NDCG@10"] = recall(ranked, 10), ndcg(ranked, 10)
        found[f"{known} predicted"] = P.sum(axis=1, dtype=np.float64)
        found[f"{known} bought"] = bought.sum(axis=1, dtype=np.float64)
    return found


def compare(variants: dict[str, dict], reference: str, n_seeds: int, fresh: bool) -> dict:
    """Fit each variant with several seeds on all households and judge it on the validation window."""
    task = real_split().task("validation")
    seeds = [2021 + k for k in range(n_seeds)]
    fits = {
        name: [kept_fit(RecurrentRecommender(**changed, seed=seed), task, fresh) for seed in seeds]
        for name, changed in variants.items()
    }
    rows = {}
    for name, found in fits.items():
        row = {"settings": plain(variants[name])}
        for known in ("all", *map(str, FEW)):
            for figure in ("log loss", "Recall@10"):
                values = np.array([one[f"{known} {figure}"].mean() for one in found])
                row[f"{known} {figure}"] = {"mean": values.mean(), "sd": values.std(ddof=1), "seeds": values.tolist()}
            predicted = np.array([one[f"{known} predicted"].sum() / one[f"{known} bought"].sum() for one in found])
            row[f"{known} predicted over bought"] = {"mean": predicted.mean(), "sd": predicted.std(ddof=1)}
        row["processor seconds"] = float(np.mean([one["processor seconds"][0] for one in found]))
        rows[name] = row
    differences = {}
    for key in [f"{known} {figure}" for known in ("all", *map(str, FEW)) for figure in ("log loss", "Recall@10")]:
        values = pd.DataFrame({name: np.mean([one[key] for one in found], axis=0) for name, found in fits.items()})
        table = paired_differences(values, reference, seed=2021).drop(columns=["p_holm"])
        noise = {name: seed_noise(rows[name][key]["seeds"], rows[reference][key]["seeds"]) for name in rows}
        table["standard error over seeds"] = pd.Series(noise)
        differences[key] = json.loads(
            table.drop(index=reference, errors="ignore").to_json(orient="index", double_precision=15)
        )
    show(rows)
    return {"seeds": seeds, "at": str(task.at), "rows": rows, "reference": reference, "differences": differences}


def seed_noise(one: list[float], other: list[float]) -> float:
    """Standard error of the difference of two means over seeds."""
    return float(np.sqrt(np.var(one, ddof=1) / len(one) + np.var(other, ddof=1) / len(other)))


def kept_fit(model: RecurrentRecommender, task, fresh: bool, few: tuple[int, ...] = FEW) -> dict[str, np.ndarray]:
    """Fit and judge, or read what was kept of it."""
    what = [asdict(model.settings), str(task.at)]
    if isinstance(model, Rung):
        what.append([model.squeeze, model.trend])
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    file = KEPT / f"{key}.npz"
    if fresh or not file.exists():
        found = by_household(model.fit(task.visible, task.at), task, few)
        draft = file.with_suffix(".draft.npz")
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, **found)
        shutil.move(draft, file)
        print(model.settings, what[2:], f"log loss {found['all log loss'].mean():.5f}", flush=True)
    with np.load(file) as found:
        return dict(found)


def show(rows: dict[str, dict]) -> None:
    figures = pd.DataFrame(rows).drop(index=["settings", "processor seconds"])
    print(figures.map(lambda found: f"{found['mean']:.5f} ± {found['sd']:.5f}").to_string())


def plain(settings: dict) -> dict:
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()}


def read() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def write(part: str, content: dict) -> None:
    backend = import_keras().backend.backend()
    made = {"backend": backend, "processor cores": os.cpu_count(), "architecture": platform.machine()}
    made["versions"] = {name: version(name) for name in ("keras", "numpy")}
    known = read() | {part: short(content | made)}
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written: {part} in {RESULTS.name}")


def short(value):
    """Six significant digits: more say nothing, and would change with every machine."""
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    if isinstance(value, list):
        return [short(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
