"""Nights taken in exactly against full fits, a network in four regimes, and how often calm nights raise an alarm.

    python benchmarks/online.py

writes ``online.json`` beside this file. The real shop; everything ends before the test window, which is not read. Four
parts, each written as soon as it is done, and skipped if the file holds it already:

* ``nights``: processor seconds of twenty updates of EASE against the same number of full fits, over product types and
  over products, with one row per basket and with one row per user, and how far the weights are apart at the end.
* ``regimes``: user neighbours beside the two models of the chapter, twenty updates, with intervals.
* ``network``: the recurrent network frozen, with fresh histories, fine-tuned and retrained, every four weeks.
* ``calm``: alarms on weeks and refusals of nights in which nothing was changed, and on the same with a planted fault.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import lapack

from bundlebook.feedback import (
    Guard,
    RunningEASE,
    judge_scores,
    prequential_tasks,
    rank_update,
    run_prequential,
    stream_facts,
    surprises,
    update_days,
)
from bundlebook.recommenders import EASE, DecayedFrequency, RecurrentRecommender, UserKNN
from bundlebook.shop import clean, common_items, group_baskets, load_shop, time_split

OUT = Path(__file__).with_suffix(".json")
SEED, UPDATES, NIGHTS, L2 = 2021, 20, 20, 200.0
clock = time.process_time


def stream(shop, level: str = "auto"):
    """Baskets up to the test window over the items that were common before the first update, and its day."""
    split = time_split(group_baskets(shop, level))
    start = split.validation_end - np.timedelta64(7 * (UPDATES + 1), "D")
    baskets = group_baskets(shop, level).between(split.start, split.validation_end)
    return baskets.over(common_items(baskets.between(end=start))), start


def timed(work):
    began = clock()
    result = work()
    return result, clock() - began


def cholesky_fit(gram: np.ndarray) -> np.ndarray:
    """The fastest full inverse: Cholesky's, from a Gram matrix that is kept, so that no basket is read again."""
    lower = lapack.dpotri(lapack.dpotrf(gram.T, lower=1)[0], lower=1)[0]
    return np.tril(lower) + np.tril(lower, -1).T


def nights(shop) -> dict[str, dict[str, float]]:
    """Seconds per night, by level and by what a row is."""
    found = {}
    for level in ("auto", "item_id"):
        baskets, start = stream(shop, level)
        many = NIGHTS if level == "auto" else 3  # full fits that are timed; all updates are made
        model, _ = timed(lambda b=baskets, s=start: RunningEASE(L2).fit(b, s))
        rows = baskets.between(end=start).incidence.astype(np.float64)
        gram = (rows.T @ rows).toarray() + L2 * np.eye(baskets.n_items)
        spent: dict[str, list[float]] = {"update": [], "full fit": [], "Cholesky from a kept Gram matrix": []}
        sizes = []
        for night in range(NIGHTS):
            day = start + np.timedelta64(night, "D")
            came = baskets.between(day, day + 1)
            sizes.append(came.n_baskets)
            model, seconds = timed(lambda m=model, c=came: m.updated(c))
            spent["update"].append(seconds + timed(lambda m=model: m.weights_)[1])
            gram += (came.incidence.T.astype(np.float64) @ came.incidence.astype(np.float64)).toarray()
            if night >= NIGHTS - many:
                refit = EASE(L2, rows="baskets")
                spent["full fit"].append(timed(lambda r=refit, b=baskets, d=day: r.fit(b, d + 1))[1])
                spent["Cholesky from a kept Gram matrix"].append(timed(lambda g=gram: cholesky_fit(g))[1])
        exact = RunningEASE(L2).fit(baskets, start + np.timedelta64(NIGHTS, "D"))
        apart = float(np.abs(model.weights_ - exact.weights_).max())
        seconds = {name: round(float(np.median(times)), 3) for name, times in spent.items()}
        found[f"{baskets.n_items:,} {'product types' if level == 'auto' else 'products'}"] = {
            "items": baskets.n_items,
            "baskets per night": int(np.median(sizes)),
            **seconds,
            "update / full fit": round(seconds["update"] / seconds["full fit"], 3),
            "update / Cholesky": round(seconds["update"] / seconds["Cholesky from a kept Gram matrix"], 3),
            "largest difference of a weight": apart,
        }
        if level == "auto":
            found["users as rows"] = users_as_rows(baskets, start)
    return found


def users_as_rows(baskets, start) -> dict[str, float]:
    """One night where a row is a user: the old rows of those who came go, their new rows come."""
    before, after = baskets.between(end=start), baskets.between(end=start + 1)
    came = np.unique(baskets.between(start, start + 1).user)
    old, new = ((sparse.csr_matrix(b.user_item() > 0)).astype(np.float64) for b in (before, after))
    inverse = np.linalg.inv((old.T @ old).toarray() + L2 * np.eye(baskets.n_items))
    changed, seconds = timed(lambda: rank_update(inverse, added=new[came], removed=old[came]))
    exact, full = timed(lambda: np.linalg.inv((new.T @ new).toarray() + L2 * np.eye(baskets.n_items)))
    return {
        "users per night": len(came),
        "update": round(seconds, 3),
        "full fit": round(full, 3),
        "update / full fit": round(seconds / full, 3),
        "largest difference of a weight": float(np.abs(changed / np.diag(changed) - exact / np.diag(exact)).max()),
    }


def regimes(shop) -> dict[str, dict[str, float]]:
    """Mean, interval and change against frozen, per track, model and regime."""
    baskets, start = stream(shop)
    makers = {"decayed frequency": DecayedFrequency, "user neighbours": UserKNN}
    makers["EASE on counts"] = lambda: EASE(10.0, log_counts=True)
    run = run_prequential(baskets, makers, update_days(start, UPDATES), progress=True)
    found = {}
    for track in run.values:
        table = run.table(track, seed=SEED).round(4)
        found[track] = {" · ".join(key): dict(row) for key, row in table.to_dict("index").items()}
        for model in makers:
            late = run.change(model, "refit", "fresh history", track, latest=5, seed=SEED)
            found[track][f"{model} · refit over fresh history, last 5 updates"] = [round(x, 4) for x in late]
    return found


class Continued(RecurrentRecommender):
    """The recurrent network, started from the weights of another one."""

    earlier: RecurrentRecommender

    def untrained(self, examples):
        network = super().untrained(examples)
        for weight, value in zip(network.trainable_weights, self.earlier.network.trainable_weights, strict=True):
            weight.assign(value)
        return network


def network(shop) -> dict[str, dict]:
    """NDCG@10 every four weeks, and processor seconds of all updates, per regime."""
    baskets, start = stream(shop)
    days = update_days(start, UPDATES)
    tasks = prequential_tasks(baskets, days)
    known = pd.Index(baskets.user_ids)
    frozen = RecurrentRecommender(seed=SEED).fit(tasks[0].visible, tasks[0].at)
    tuned, seconds = frozen, {"frozen": 0.0, "fresh history": 0.0, "fine-tuned": 0.0, "retrained": 0.0}
    parts: dict[str, list] = {"all": [], "explore": []}
    for task in tasks[4::4]:
        more = Continued(seed=SEED, epochs=1, rate=1e-3)
        more.earlier = tuned
        tuned = more.fit(task.visible, task.at)
        retrained = RecurrentRecommender(seed=SEED).fit(task.visible, task.at)
        seconds["fine-tuned"] += tuned.fit_seconds_
        seconds["retrained"] += retrained.fit_seconds_
        old = baskets.between(end=start).of_users(known.get_indexer(task.histories.user_ids))
        scores = {("GRU", "frozen"): frozen.scores(old, start)}
        for name, model in (("fresh history", frozen), ("fine-tuned", tuned), ("retrained", retrained)):
            scores["GRU", name] = model.scores(task.histories, task.at)
        for track, table in judge_scores(task, scores).items():
            parts[track].append(table["GRU"])
        print(task.at, parts["all"][-1].mean().round(4).to_dict(), flush=True)
    found = {"processor seconds of the first fit": round(frozen.fit_seconds_, 1), "updates": len(parts["all"])}
    for name in seconds:
        found[name] = {"processor seconds of all updates": round(seconds[name], 1)}
    for track, tables in parts.items():
        table = pd.concat(tables)
        sums = table.groupby(level="user").sum()
        size = table.groupby(level="user").size().to_numpy()
        draws = np.random.default_rng(SEED).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), 2000)
        drawn = (draws @ sums.to_numpy()) / (draws @ size)[:, np.newaxis]
        for place, name in enumerate(sums):
            change = drawn[:, place] / drawn[:, 1] - 1
            found[name][f"{track}: NDCG@10"] = round(float(table[name].mean()), 4)
            low, high = np.quantile(change, [0.025, 0.975])
            found[name][f"{track}: against fresh history"] = [
                round(float(x), 4) for x in (table[name].mean() / table["fresh history"].mean() - 1, low, high)
            ]
    return found


def calm(shop) -> dict[str, dict]:
    """Alarms per level on weeks and nights before the validation window, and refusals of planted faults."""
    split = time_split(group_baskets(shop))
    lines = shop.purchases
    inside = (lines["time"] >= pd.Timestamp(split.start)) & (lines["time"] < pd.Timestamp(split.train_end))
    lines = lines[inside]
    category = shop.products.set_index("item_id")["department" if "department" in shop.products else "category"]
    levels, found = (0.05, 0.01, 0.001), {}
    halves, rng = [], np.random.default_rng(SEED)
    for _ in range(6):
        users = rng.permutation(lines["user_id"].unique())
        half = lines[lines["user_id"].isin(users[: len(users) // 2])]
        halves.append(surprises(stream_facts(half, category))["p"])
    tests = {
        "weeks": surprises(stream_facts(lines, category))["p"],
        "weeks of half of the users, six draws": pd.concat(halves),
        "nights": surprises(stream_facts(lines, category, "day"))["p"],
    }
    for name, p in tests.items():
        found[name] = {"tested": len(p), **{f"alarms at {a:g}": int((p <= a).sum()) for a in levels}}
    guard, planted = Guard(category), {}
    days = pd.date_range("2017-05-01", pd.Timestamp(split.train_end), freq="9D", inclusive="left")
    for day in days:
        before = lines[lines["time"] < day]
        night = lines[(lines["time"] >= day) & (lines["time"] < day + pd.Timedelta("1D"))]
        for name, fault in FAULTS.items():
            planted.setdefault(name, []).append(bool(guard.refusals(fault(night), before)))
    found["nights refused"] = {name: [int(sum(refused)), len(refused)] for name, refused in planted.items()}
    return found


def _some_dearer(night):
    return night.assign(quantity=night["quantity"] * np.where(np.arange(len(night)) % 100 == 0, 1000, 1))


FAULTS = {
    "as it is": lambda night: night,
    "one line in a hundred has 1,000 times its units": _some_dearer,
    "prices in another currency, seven times as high": lambda night: night.assign(price=night["price"] * 7),
    "price and quantity exchanged": lambda night: night.assign(price=night["quantity"], quantity=night["price"]),
    "half a file": lambda night: night.iloc[: len(night) // 2],
    "a file twice": lambda night: pd.concat([night, night]),
    "new item numbers": lambda night: night.assign(item_id="x" + night["item_id"].astype(str)),
    "a negative price": lambda night: night.assign(price=np.where(np.arange(len(night)) == 5, -1, night["price"])),
}


def main() -> None:
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    OUT.write_text(json.dumps(found, indent=1), encoding="utf-8")  # fails before the work if it cannot be written
    shop, _ = clean(load_shop("completejourney"))
    for name, measure in {"nights": nights, "calm": calm, "regimes": regimes, "network": network}.items():
        if name not in found:
            found[name] = measure(shop)
            OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
