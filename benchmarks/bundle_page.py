"""Milliseconds of one page of bundles on one core, and how far greedy and beam are from the best page.

    python benchmarks/bundle_page.py

writes ``bundle_page.json`` beside this file. The real shop, product types, the first day of the test window. A page is
timed from the call of ``recommend_bundles`` to its return, in wall-clock time and in processor time: where others
compute on the same cores, only the second is a property of the code. The pages of counting and of the network are those
of the validation window, for which chapter 06 has trained the network.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import json
import time
from pathlib import Path

import numpy as np

from bundlebook import bundles
from bundlebook.recommenders import FromCache, RecurrentRecommender
from bundlebook.shop import clean, group_baskets, load_shop, time_split

USERS, INSTANCES, SEED = 1000, 200, 2021


def milliseconds(calls) -> dict[str, float]:
    """p50 and p99 of some calls, in wall-clock and in processor time; the first 20 calls warm up."""
    wall, processor = [], []
    for call in calls:
        start, began = time.perf_counter(), time.process_time()
        call()
        wall.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - began))
    return {
        f"{name} p{q}": round(float(np.percentile(values[20:], q)), 2)
        for name, values in (("wall", wall), ("processor", processor))
        for q in (50, 99)
    }


def main() -> None:
    load = [round(os.getloadavg()[0], 1)]
    shop, _ = clean(load_shop("completejourney"))
    split = time_split(group_baskets(shop))
    task = split.task("test")
    start = time.perf_counter()
    bundles.recommend_bundles(shop, None, task.at)
    first = time.perf_counter() - start
    rng = np.random.default_rng(SEED)
    ids = rng.choice(task.visible.user_ids, USERS, replace=False).tolist()
    known = milliseconds(lambda user=user: bundles.recommend_bundles(shop, user, task.at, k=3) for user in ids)
    histories = [task.histories.of_users([row]) for row in range(220)]
    strange = milliseconds(lambda one=one: bundles.recommend_bundles(shop, one, task.at, k=3) for one in histories)

    recommender = bundles.BundleRecommender().fit(shop, task.visible, task.at, seed=SEED)
    weights = bundles.Weights(1, 0.3, 1)
    choice: dict[str, dict] = {}
    for k, per_item in ((3, 1), (5, 2)):
        values: dict[str, list[float]] = {"greedy": [], "beam": [], "exact": []}
        clock: dict[str, list[float]] = {name: [] for name in values}
        for history in histories[:INSTANCES]:
            priced = recommender.price(recommender.candidates(history))
            goal = bundles.objective(priced, recommender.category_, weights)
            own = recommender.own_brand(priced)
            limits = bundles.Limits(per_item, 0.1 * k, priced.given, own if own.any() else None)
            for method, found in values.items():
                start = time.process_time()
                page = bundles.choose(goal, k, limits, method)
                clock[method].append(1000 * (time.process_time() - start))
                found.append(goal.value(page))
        best = np.array(values["exact"])
        choice[f"{k} bundles, an item in at most {per_item}"] = {
            method: {
                "mean gap, %": round(float(100 * (1 - np.array(found) / best).mean()), 3),
                "largest gap, %": round(float(100 * (1 - np.array(found) / best).max()), 2),
                "share within 1 %": round(float((1 - np.array(found) / best < 0.01).mean()), 3),
                "processor ms, p50": round(float(np.median(clock[method])), 2),
            }
            for method, found in values.items()
        }
    trial, by_model = split.task("validation"), {}
    people = [trial.histories.of_users([row]) for row in range(220)]
    for name, model in {"counting": "counting", "network": FromCache(RecurrentRecommender(seed=SEED))}.items():
        one = bundles.BundleRecommender(model, replayed=0).fit(shop, trial.visible, trial.at, seed=SEED)
        by_model[name] = milliseconds(lambda person=person, one=one: one.recommend(person, k=3) for person in people)
    result = {
        "load average of the machine before and after": [*load, round(os.getloadavg()[0], 1)],
        "page by the model of P, ms": by_model,
        "first call, s": round(first, 1),
        "page for a customer of the shop, ms": known,
        "page for a history from outside, ms": strange,
        "choice, 200 households": choice,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
