"""What chapter 15 tells and a chapter has no time for: membership, pairs with noise, and who explains truly.

    python benchmarks/trust.py                                        # all three parts; 6 CPU minutes
    python benchmarks/trust.py --parts pairs
    python benchmarks/trust.py --shop sample --users 6 --draws 2 --out DIR

Writes ``trust.json`` beside this file. ``membership``: the network of chapter 05, trained on a third of the users and
attacked by its loss. ``pairs``: association pairs released with noise, against those found without. ``explained``:
the deletion test of several ways to cite purchases, on several models. What is done is kept in the file and is not done
again; networks are kept in the cache. Everything stands on the first day of the validation window; nothing looks
further.
"""

import json
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.association import adjusted_lift, fit_sizes, frequent_itemsets
from bundlebook.evaluation import bootstrap_interval
from bundlebook.recommenders import (
    BoostedTrees,
    RecurrentRecommender,
    TransformerCompleter,
    fit_cached,
)
from bundlebook.shop import PERIOD_DAYS, Baskets, Task, clean, group_baskets, load_shop, time_split
from bundlebook.trust import DeletionTest, Ledger, Weighing, membership, noisy_sum, private_pairs, rho_of, shapley

RESULTS = Path(__file__).with_suffix(".json")
DELTA = 1e-5
#: Past periods that the attacker has the loss of.
PERIODS = 6
EPSILONS = (1.0, 3.0, 10.0, 30.0)
#: Items whose pairs are released, C, and the part of ρ that chooses the items.
ITEMS, NORM, CHOICE = 100, 20.0, 0.05
K, MOST = 10, 3
#: Chapter 10's trees on fewer rows: the test asks them some ten thousand times.
TREES: dict[str, Any] = {"target": "next_basket", "cuts": 3, "rounds": 80, "most_pairs": 150_000}


def losses(model: RecurrentRecommender, visible: Baskets, at: np.datetime64) -> np.ndarray:
    """Cross entropy per item of each user, mean over the last periods before *at*, shape (n_users,)."""
    total = np.zeros(visible.n_users)
    for back in range(1, PERIODS + 1):
        then = at - np.timedelta64(PERIOD_DAYS * back, "D")
        p = np.clip(model.probability(visible.between(end=then), then), 1e-7, 1 - 1e-7).astype(np.float64)
        bought = visible.between(then, then + np.timedelta64(PERIOD_DAYS, "D")).user_item().toarray() > 0
        total -= np.where(bought, np.log(p), np.log1p(-p)).mean(axis=1)
    return total / PERIODS


def attacked(task: Task, seed: int, small: dict[str, Any]) -> dict[str, Any]:
    """Train on each third of the users in turn; attack it with another third outside, the last third's as reference."""
    began, visible, at = time.process_time(), task.visible, task.at
    users = np.flatnonzero(visible.counts_by_user() > 0)
    thirds = [np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(users), 3)]
    networks = [fit_cached(RecurrentRecommender(seed=seed, **small), visible.of_users(part), at) for part in thirds]
    lost = [losses(network, visible, at) for network in networks]
    turns = [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
    ways = {
        "loss": [(lost[own][thirds[own]], lost[own][thirds[other]]) for own, other, _ in turns],
        "loss less that of a network without them": [
            tuple((lost[own] - lost[ref])[thirds[part]] for part in (own, other)) for own, other, ref in turns
        ],
        "control: a network trained without them": [
            (lost[ref][thirds[own]], lost[ref][thirds[other]]) for own, other, ref in turns
        ],
    }
    auc, single = {}, {}
    for way, pairs in ways.items():
        inside, outside = (np.concatenate(side) for side in zip(*pairs, strict=True))
        auc[way] = membership(inside, outside, seed=seed).tolist()
        single[way] = [float(membership(*pair, resamples=2, seed=seed)["auc"]) for pair in pairs]
    return {"users": len(users), "CPU s": time.process_time() - began, "AUC": auc, "single": single}


def noisy_discoveries(task: Task, draws: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Precision and recall of pairs with noise, against what the same items give without noise and clip."""
    visible = task.visible
    bought = visible.user_item()
    bought.data[:] = 1
    known: dict[bytes, set[tuple[str, ...]]] = {}
    for epsilon in EPSILONS:
        rows, began = [], time.process_time()
        for _ in range(draws):
            ledger = Ledger(epsilon, DELTA)
            rho = rho_of(epsilon, DELTA)
            popular = noisy_sum(sparse.csr_matrix(bought), 5.0, CHOICE * rho, ledger, "buyers of each item")
            top = np.sort(np.argsort(-popular, kind="stable")[:ITEMS])
            baskets = visible.over(visible.items[top])
            exact = known.setdefault(top.tobytes(), set()) or discoveries(baskets)
            known[top.tobytes()] = exact
            found = private_pairs(baskets, NORM, (1 - CHOICE) * rho, ledger)
            right = found["itemset"].map(lambda pair, exact=exact: tuple(sorted(pair)) in exact).to_numpy(bool)
            rows.append(
                {
                    "found": len(found),
                    "precision": right.mean() if len(found) else np.nan,
                    "recall": right.sum() / max(len(exact), 1),
                    "exact": len(exact),
                    "pairs": len(top) * (len(top) - 1) // 2,
                }
            )
        table = pd.DataFrame(rows)
        told = {
            name: bootstrap_interval(table[[name]].dropna(), seed=seed).iloc[0, :3].tolist()
            for name in ("found", "precision", "recall")
            if table[name].notna().sum() >= 2
        }
        means = {name: float(table[name].mean()) for name in ("exact", "pairs")}
        yield f"{epsilon:g}", {"draws": draws, "CPU s": time.process_time() - began, **means, **told}


def discoveries(baskets: Baskets) -> set[tuple[str, ...]]:
    """The pairs that meet more often than the sizes of baskets explain, Benjamini–Hochberg at 5 %."""
    itemsets = frequent_itemsets(baskets, 1 / baskets.n_baskets, max_len=2)
    table = adjusted_lift(itemsets, fit_sizes(baskets), lengths=(2,))
    return {tuple(sorted(pair)) for pair in table.loc[table["p_adjusted"] <= 0.05, "itemset"]}


def gradients(model: RecurrentRecommender, at: np.datetime64) -> Weighing:
    """Weigh a purchase by gradient × input: the slope of the item's lead in what the network reads of it, times it."""
    import tensorflow as tf

    network, names = model.answering(), ("baskets", "units", "recency")

    def weigh(history: Baskets, have: np.ndarray, listed: np.ndarray, rival: int) -> np.ndarray:
        _, read = model.reader(history, at)
        inputs = {name: tf.convert_to_tensor(value) for name, value in read(np.array([0])).items()}
        with tf.GradientTape(persistent=True) as tape:
            for name in names:
                tape.watch(inputs[name])
            logits = network(inputs)[0, 0]
            leads = [logits[int(item)] - logits[rival] for item in listed]
        place = {int(item): number for number, item in enumerate(inputs["item"][0].numpy())}
        weight = np.zeros((len(listed), len(have)))
        for row, lead in enumerate(leads):
            slopes = tape.gradient(lead, [inputs[name] for name in names], unconnected_gradients="zero")
            by_item = sum(
                (slope * inputs[name]).numpy()[0].sum(axis=-1) for slope, name in zip(slopes, names, strict=True)
            )
            weight[row] = [by_item[place[int(item)]] for item in have]
        return weight

    return weigh


def summarised(test: DeletionTest, began: float, seed: int) -> dict[str, Any]:
    table = test.table(seed=seed)
    told = {row: table.loc[row].iloc[:3].tolist() for row in table.index}
    return {"users": len(np.unique(test.user)), "items": len(test.why), "CPU s": time.process_time() - began, **told}


def explained(task: Task, users: int, seed: int, small: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The deletion test, one entry for each model, kind of list and way to cite."""
    visible, at = task.visible, task.at
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(task.histories.n_users)[:users])
    histories = task.histories.of_users(chosen)

    makers: dict[str, Callable[[], Any]] = {
        "GRU": lambda: fit_cached(RecurrentRecommender(seed=seed, **small), visible, at),
        "boosted trees": lambda: BoostedTrees(**TREES, seed=seed).fit(visible, at),
    }
    fitted: dict[str, Any] = {}

    def asked(name: str, repeats: bool, way: str) -> dict[str, Any]:
        model = fitted.setdefault(name, None) or fitted.__setitem__(name, makers[name]()) or fitted[name]
        ways = {"one out": lambda: None, "SHAP": lambda: shapley(model, at, seed=seed)}
        ways["gradient × input"] = lambda: gradients(model, at)
        began = time.process_time()
        test = DeletionTest.asked(model, histories, at, K, MOST, ways[way](), repeats, seed=seed)
        return summarised(test, began, seed)

    for name in makers:
        for repeats in (False, True):
            for way in ("one out", "SHAP", *(["gradient × input"] if name == "GRU" else [])):
                lists = "all items" if repeats else "new items"
                yield f"{name} | {lists} | {way}", lambda n=name, r=repeats, w=way: asked(n, r, w)
    for way in ("one out", "attention"):
        yield f"Transformer | completions | {way}", lambda w=way: of_carts(task, users, seed, small, w)


def of_carts(task: Task, users: int, seed: int, small: dict[str, Any], way: str) -> dict[str, Any]:
    """The deletion test for completions of a cart: what is cited lies in it, and is taken out of it."""
    began, at = time.process_time(), task.at
    settings = {name: value for name, value in small.items() if name in ("width", "epochs")}
    model = fit_cached(TransformerCompleter(seed=seed, **settings), task.visible, at)
    rng = np.random.default_rng(seed)
    past = task.visible
    large = np.flatnonzero(past.sizes() >= 2 * MOST)
    last = large[np.append(np.flatnonzero(np.diff(past.user[large])), len(large) - 1)] if len(large) else large
    last = np.sort(rng.permutation(last)[:users])
    left, random, user = [], [], []
    for basket in last:
        # The cart is the household's latest large basket; the past ends before it.
        day, row = past.day[basket], int(past.user[basket])
        before = past.of_users(np.array([row])).between(end=day)
        have = past.quantities[basket].indices
        candidates = ~np.isin(np.arange(past.n_items), have)

        def asked(gone: list[tuple[int, ...]], before=before, have=have, day=day) -> np.ndarray:
            carts = np.zeros((len(gone), past.n_items), np.float32)
            carts[:, have] = 1
            for number, columns in enumerate(gone):
                carts[number, list(columns)] = 0
            rows = np.zeros(len(gone), dtype=np.int64)
            return model.completions(sparse.csr_matrix(carts), before, rows, day).astype(np.float64)

        scores = asked([()])[0]
        order = np.argsort(-np.where(candidates, scores, -np.inf), kind="stable")
        listed, rival = order[:K], order[K]
        if way == "attention":
            cart = sparse.csr_matrix((np.ones(len(have), np.float32), ([0] * len(have), have)), (1, past.n_items))
            weight = np.repeat(model.attention(cart, before, np.zeros(1, np.int64), day)[:, have], K, axis=0)
        else:
            lead = (found := asked([(), *((int(j),) for j in have)]))[:, listed] - found[:, [rival]]
            weight = (lead[0] - lead[1:]).T
        cited = have[np.argsort(-weight, axis=1, kind="stable")[:, :MOST]]
        drawn = np.array([rng.choice(have, MOST, replace=False) for _ in range(K)])
        after = np.where(candidates, asked([tuple(gone) for gone in (*cited, *drawn)]), -np.inf)
        for place, item in enumerate(listed):
            ahead = [int((after[n] > after[n, item]).sum()) for n in (place, K + place)]
            left.append(ahead[0] >= K)
            random.append(ahead[1] >= K)
            user.append(row)
    table = pd.DataFrame({"cited": left, "random": random}).astype(float).groupby(np.array(user)).mean()
    told = bootstrap_interval(table, seed=seed)
    rows = {name: told.loc[name].iloc[:3].tolist() for name in told.index}
    return {"users": len(table), "items": len(left), "CPU s": time.process_time() - began, **rows}


@click.command()
@click.option("--shop", "name", default="completejourney", show_default=True)
@click.option("--parts", default="membership,pairs,explained", show_default=True)
@click.option("--only", default="", help="Of the explained: only models whose name holds this.")
@click.option("--users", default=40, show_default=True, type=click.IntRange(4), help="Whose lists are explained.")
@click.option("--draws", default=10, show_default=True, type=click.IntRange(2), help="Releases for each ε.")
@click.option("--small", is_flag=True, help="Networks of seconds: to try the script.")
@click.option("--seed", default=2021, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS.parent)
def main(name: str, parts: str, only: str, users: int, draws: int, small: bool, seed: int, out: Path) -> None:
    """Measure what is not yet in the file, and write it after each step."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / RESULTS.name
    settings = {"shop": name, "seed": seed, "users": users, "draws": draws, "small": small}
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    if found.get("settings") != settings:
        found = {"settings": settings}
    found["versions"] = {package: version(package) for package in ("keras", "numpy", "opendp", "scikit-learn")}
    tiny = {"width": 4, "repeat": 2, "epochs": 1} if small else {}
    shop, _ = clean(load_shop(name))
    task = time_split(group_baskets(shop)).task("validation")

    def keep(part: str, key: str, value: Any) -> None:
        found.setdefault(part, {})[key] = value
        target.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        print(part, "|", key, json.dumps(value, ensure_ascii=False), flush=True)

    for part in parts.split(","):
        done = found.get(part, {})
        if part == "membership" and not done:
            found[part] = {}
            for key, value in attacked(task, seed, tiny).items():
                keep(part, key, value)
        elif part == "pairs" and len(done) < len(EPSILONS):
            for key, value in noisy_discoveries(task, draws, seed):
                keep(part, key, value)
        elif part == "explained":
            for key, measure in explained(task, users, seed, tiny):
                if key not in done and only in key:
                    keep(part, key, measure())


if __name__ == "__main__":
    main()
