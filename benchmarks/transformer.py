"""Does a Transformer complete baskets better than counting? The rows of chapter 11, on both windows.

    python benchmarks/transformer.py                                       # two windows, three seeds; 20 CPU minutes
    python benchmarks/transformer.py --windows validation --no-vectors     # the rest stays as it was
    python benchmarks/transformer.py --windows validation --no-vectors --only Transformer --only "without attention"
    python benchmarks/transformer.py --shop sample --cases 300 --out DIR   # a minute

Writes ``transformer.json`` beside this file: Recall@10 and NDCG@10 of finding an item that was hidden in a basket, with
intervals over households, and paired differences. What is learned is trained with several seeds, and a household's
figure is its mean over them. On the validation window attention is also taken out, with as many epochs, and the same
networks are asked for the next basket. Beside it stands what the vectors of the items know: whether they find the pairs
that were planted in the sample shop, and which pairs become complements later. Fitted networks are kept in the cache.
Everything was chosen on the validation window; the test window is opened through the function that lists every look,
and the looks are written. On one thread, for another number of threads adds up in another order and gives a slightly
different network.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from bundlebook import association
from bundlebook.evaluation import (
    HeldOutTest,
    bootstrap_interval,
    hide_one,
    metrics,
    paired_differences,
    rank,
    tracks,
)
from bundlebook.recommenders import (
    EASE,
    BasketCompleter,
    DecayedFrequency,
    Popularity,
    SummedCompleter,
    TransformerCompleter,
    fit_cached,
    import_keras,
)
from bundlebook.shop import Baskets, Split, Task, clean, group_baskets, load_shop, time_split
from bundlebook.simulator import read_truth

RESULTS = Path(__file__).with_suffix(".json")
RESAMPLES = 2000
PLANTED, LATER = "planted in the sample shop", "later complements, validation"
NEXT = "next basket, validation"
LOGIT, SUM, EASE_ALONE = "conditional logit", "frequency + EASE", "EASE, basket"
LOGIT_ALONE = "conditional logit, basket alone"
FULL, ALONE = "Transformer", "Transformer, basket alone"
PLAIN = "without attention"
#: Networks, and their settings beside the seed.
NETWORKS: dict[str, dict[str, Any]] = {FULL: {}, ALONE: {"history": False}}
#: The network without attention, with as many epochs, on the validation window only.
ABLATIONS: dict[str, dict[str, Any]] = {PLAIN: {"attend": False}}
#: Networks whose vectors are asked what goes together: EASE's score of the cart may stand beside them in training.
BESIDE: dict[str, dict[str, Any]] = {"with EASE beside": {}, "alone": {"links": 0.0}}
#: What each network is held against.
REFERENCES = {FULL: (SUM, LOGIT, PLAIN), ALONE: (EASE_ALONE, LOGIT_ALONE)}


def completed(
    task: Task, baskets: Baskets, cases: int, seed: int, seeds: int, only: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Figures of every method on one window, those of what is learned as means over seeds."""
    at, inside = task.at, baskets.between(task.at, task.until)
    known = np.isin(inside.user_ids, task.visible.user_ids)[inside.user]
    hidden = hide_one(inside.where(known & (inside.sizes() >= 3)), seed=seed, most=cases)
    past, carts = baskets.between(end=at), hidden.carts.incidence
    who, place = np.unique(hidden.user, return_inverse=True)
    scores = {"popularity": Popularity().fit(past, at).scores(hidden.carts, hidden.at)}
    scores[EASE_ALONE] = EASE(400, rows="baskets").fit(past, at).scores(hidden.carts, hidden.at)
    scores["household's frequency"] = DecayedFrequency().fit(past, at).scores(past.of_users(who), at)[place]
    scores[SUM] = SummedCompleter().fit(past, at).scores(carts, past, hidden.user, at)

    def per_household(score: np.ndarray) -> pd.DataFrame:
        lists = rank(score, hidden.truth, 10, hidden.candidates)
        values = pd.DataFrame({"Recall@10": metrics.recall(lists, 10), "NDCG@10": metrics.ndcg(lists, 10)})
        return values.groupby(hidden.user).mean()

    runs = {name: [per_household(score)] for name, score in scores.items()}
    networks = NETWORKS | (ABLATIONS if task.name == "validation" else {})
    networks = {name: settings for name, settings in networks.items() if not only or name in only}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for its_seed in range(seed, seed + seeds):
        logits = {LOGIT: BasketCompleter(seed=its_seed), LOGIT_ALONE: BasketCompleter(seed=its_seed, history=False)}
        for name, completer in logits.items():
            score = completer.fit(past, at).scores(carts, past, hidden.user, at)
            runs.setdefault(name, []).append(per_household(score))
        for name, settings in networks.items():
            model = fit_cached(TransformerCompleter(seed=its_seed, **settings), task.visible, at)
            runs.setdefault(name, []).append(per_household(model.completions(carts, past, hidden.user, at)))
            seconds[name].append(model.fit_seconds_)
            latest = runs[name][-1].mean().round(4).to_dict()
            print(f"{task.name} {name}, seed {its_seed}: {latest}, {seconds[name][-1]:.0f} CPU s", flush=True)
    rows = {name: sum(found) / len(found) for name, found in runs.items()}
    found: dict[str, Any] = {"baskets": len(hidden.user), "households": len(who), "seeds": seeds, "methods": {}}
    found["CPU s"] = {name: float(np.mean(spent)) for name, spent in seconds.items()}
    for name, values in rows.items():
        told = bootstrap_interval(values, RESAMPLES, seed=0)
        found["methods"][name] = {metric: told.loc[metric].iloc[:3].tolist() for metric in told.index}
    found["by seed"] = {
        name: {metric: [float(run[metric].mean()) for run in each] for metric in each[0]}
        for name, each in runs.items()
        if len(each) > 1
    }
    found["differences"] = {
        name: {other: differences(rows, name, other) for other in others if other in rows}
        for name, others in REFERENCES.items()
        if name in rows
    }
    return found


def joined(kept: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Figures of an earlier run with those of this one put among them, by method."""
    parts = {key: joined(kept.get(key, {}), part) if isinstance(part, dict) else part for key, part in found.items()}
    return kept | parts


def next_baskets(split: Split, seed: int, seeds: int, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the networks with and without attention say of the next basket after the validation day, as means of seeds.

    The cart is empty then; "explore" are items that the household never bought. Networks come from the cache.
    """
    task = split.task("validation", "next_basket")
    simple = DecayedFrequency().fit(task.visible, task.at)
    methods = {simple.name: [simple]}
    for name, settings in {FULL: NETWORKS[FULL], **ABLATIONS}.items():
        if only and name not in only:
            continue
        each = [TransformerCompleter(seed=one, **settings) for one in range(seed, seed + seeds)]
        methods[name] = [fit_cached(model, task.visible, task.at) for model in each]
    found: dict[str, Any] = {}
    for place, track in tracks(task).items():
        rows: dict[str, list[pd.DataFrame]] = {}
        for name, each in methods.items():
            for model in each:
                score = model.scores(task.histories.of_users(track.rows), task.at)
                lists = rank(score, track.truth, 10, track.candidates())
                rows.setdefault(name, []).append(pd.DataFrame({"NDCG@10": metrics.ndcg(lists, 10)}))
        mean = {name: sum(runs) / len(runs) for name, runs in rows.items()}
        pairs = {name: [simple.name] for name in methods if name != simple.name}
        pairs[FULL] += [name for name in ABLATIONS if name in methods]
        found[place] = {
            "users": len(track.rows),
            "by seed": {name: [float(run["NDCG@10"].mean()) for run in runs] for name, runs in rows.items()},
            "differences": {
                name: {other: differences(mean, name, other)["NDCG@10"] for other in others}
                for name, others in pairs.items()
            },
        }
    return found


def differences(rows: dict[str, pd.DataFrame], name: str, reference: str) -> dict[str, list[float]]:
    """A method minus the reference: mean and paired 95 % interval of each metric."""
    told = {}
    for metric in rows[name]:
        values = pd.DataFrame({reference: rows[reference][metric], name: rows[name][metric]})
        told[metric] = paired_differences(values, reference, RESAMPLES, seed=0).loc[name].iloc[:3].tolist()
    return told


def measured(baskets: Baskets, at: np.datetime64, seed: int, seeds: int) -> dict[str, list[np.ndarray]]:
    """Every measure of how well two items go together, each a symmetric (n_items, n_items), one per seed."""
    held = np.asarray(baskets.incidence.sum(axis=0), dtype=float).ravel()
    both = np.asarray((baskets.incidence.T @ baskets.incidence).todense(), dtype=float)
    weights = EASE(400, rows="baskets").fit(baskets, at).weights_
    found = {
        "lift": [(both + 0.5) * baskets.n_baskets / np.outer(held + 1, held + 1)],
        "cosine over baskets": [both / np.sqrt(np.outer(held + 1, held + 1))],
        "EASE": [weights + weights.T],
    }
    for beside, settings in BESIDE.items():
        for its_seed in range(seed, seed + seeds):
            model = fit_cached(TransformerCompleter(seed=its_seed, history=False, **settings), baskets, at)
            z, (e, o) = asking(model, baskets.n_items), model.vectors
            in_out = unit(z) @ unit(o).T
            found.setdefault(f"Transformer {beside}, in·in", []).append(unit(e) @ unit(e).T)
            found.setdefault(f"Transformer {beside}, in·out", []).append(in_out + in_out.T)
    return found


def planted(seed: int, seeds: int) -> dict[str, Any]:
    """Do the measures find the pairs of types that were planted in the sample shop?

    For each planted pair, each of its two types ranks all others by a measure; the better of the two ranks counts.
    """
    shop, _ = clean(load_shop("sample"))
    baskets = group_baskets(shop, level="product_type")
    place = {name: number for number, name in enumerate(baskets.items.tolist())}
    pairs = [sorted((place[a], place[b])) for a, b, _ in read_truth()["complements"] if a in place and b in place]
    one, other = np.unique(np.array(pairs), axis=0).T
    upper, label = np.triu_indices(baskets.n_items, 1), np.zeros((baskets.n_items,) * 2, bool)
    label[one, other] = True
    told: dict[str, Any] = {"pairs": len(one), "types": baskets.n_items, "baskets": baskets.n_baskets, "measures": {}}
    for name, each in measured(baskets, baskets.day.max() + np.timedelta64(1, "D"), seed, seeds).items():
        row: dict[str, list[float]] = {"first": [], "in the first ten": [], "AUC": []}
        for value in each:
            away = value.astype(float)
            np.fill_diagonal(away, -np.inf)
            ranks = np.argsort(np.argsort(-away, axis=1, kind="stable"), axis=1)
            best = np.minimum(ranks[one, other], ranks[other, one])
            row["first"].append(float(np.mean(best < 1)))
            row["in the first ten"].append(float(np.mean(best < 10)))
            row["AUC"].append(float(roc_auc_score(label[upper], value[upper])))
        told["measures"][name] = row
    return told


def complements(split: Split, seed: int, seeds: int) -> dict[str, Any]:
    """Do the measures foresee which pairs become complements in the weeks of the validation window?

    Against each such pair stand five that are none, of items with nearly the same popularity.
    """
    task = split.task("validation")
    past, later = split.baskets.between(end=task.at), split.baskets.between(task.at, task.until)
    later = later.where(np.isin(later.user_ids, task.visible.user_ids)[later.user])
    linked = association.linked_pairs(later, 0.004)
    place = {name: number for number, name in enumerate(past.items.tolist())}
    found = linked.loc[linked["kind"] == "complements", "itemset"].map(sorted)
    true = np.array([[place[a], place[b]] for a, b in found], dtype=int).reshape(-1, 2)
    order = np.argsort(-np.asarray(past.incidence.sum(axis=0), dtype=float).ravel(), kind="stable")
    rng, by_rank = np.random.default_rng(seed), np.argsort(order)
    steps = rng.integers(-5, 6, (5 * len(true), 2))
    near = order[np.clip(by_rank[np.repeat(true, 5, axis=0)] + steps, 0, past.n_items - 1)]
    forbidden = {tuple(pair) for pair in true.tolist()}
    false = [pair for pair in np.sort(near, axis=1).tolist() if pair[0] != pair[1] and tuple(pair) not in forbidden]
    one, other = np.concatenate([true, np.array(false, dtype=int).reshape(-1, 2)]).T
    label = np.arange(len(one)) < len(true)
    if label.all() or not label.any():
        return {"pairs": len(true)}
    auc = {
        name: [float(roc_auc_score(label, value[one, other])) for value in each]
        for name, each in measured(past, task.at, seed, seeds).items()
    }
    return {"pairs": len(true), "matched pairs": len(false), "AUC": auc}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, after the mean row was taken out: popularity sits in it."""
    away = vectors - vectors.mean(axis=0)
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def asking(model: TransformerCompleter, n_items: int) -> np.ndarray:
    """Return the asking token after a cart of each item alone, shape (n_items, d)."""
    keras = import_keras()
    single = {"cart": np.arange(n_items)[:, None, None], "held": np.eye(n_items)[:, None]}
    single |= {"link": np.zeros((n_items, 1, n_items)), "weeks_ago": np.zeros((n_items, 1))}
    asked = keras.Model(model.network.input, model.network.get_layer("norm").output)
    return keras.ops.convert_to_numpy(asked.predict_on_batch(single))[:, 0]


def write(found: dict[str, Any], target: Path) -> None:
    target.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True)
@click.option("--windows", default="validation,test", show_default=True)
@click.option("--cases", default=2000, show_default=True, type=click.IntRange(50))
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=2021, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these networks, the Transformer among them.")
@click.option("--vectors/--no-vectors", default=True, help="Whether what the vectors know is measured, too.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS.parent)
def main(
    name: str, windows: str, cases: int, seeds: int, seed: int, only: tuple[str, ...], vectors: bool, out: Path
) -> None:
    """Complete baskets of both windows with every method, and write the figures."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")  # before TensorFlow is imported
    out.mkdir(parents=True, exist_ok=True)
    target = out / RESULTS.name
    kept = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    shop, _ = clean(load_shop(name))
    split = time_split(group_baskets(shop))
    found: dict[str, Any] = {"shop": name, "seed": seed}
    same = all(kept.get(key) == value for key, value in found.items())
    found["windows"] = kept.get("windows", {}) if same else {}
    found["looks"] = kept.get("looks", []) if same else []
    found["versions"] = {package: version(package) for package in ("keras", "numpy")}
    found |= {part: kept[part] for part in (PLANTED, LATER, NEXT) if same and part in kept}
    if vectors:
        found |= {PLANTED: planted(seed, seeds), LATER: complements(split, seed, seeds)}
        print(json.dumps({part: found[part] for part in (PLANTED, LATER)}, ensure_ascii=False), flush=True)
        write(found, target)
    for window in filter(None, windows.split(",")):
        if window == "test":
            held_out = HeldOutTest(split)
            settings = {"networks": NETWORKS, "defaults": str(TransformerCompleter.defaults)}
            held_out.settle(settings | {"seed": seed, "seeds": seeds})
            task = held_out.open("window")
            found["looks"] = held_out.readings
        else:
            task = split.task("validation")
        told_here = completed(task, split.baskets, cases, seed, seeds, only)
        found["windows"][window] = joined(found["windows"].get(window, {}) if only else {}, told_here)
        if window == "validation" and (not only or FULL in only):
            found[NEXT] = next_baskets(split, seed, seeds, only)
            print(NEXT, json.dumps(found[NEXT]), flush=True)
        write(found, target)
        for method, told in found["windows"][window]["methods"].items():
            print(window, method, {metric: round(values[0], 4) for metric, values in told.items()}, flush=True)


if __name__ == "__main__":
    main()
