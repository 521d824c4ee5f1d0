"""Does the size-adjusted lift keep its promises, and is anything lost exactly at a threshold?

* Null calibration: baskets of the real shop shuffled (sizes and popularities kept); in how many sets is anything found?
* Taste: baskets shuffled within users (each user's counts kept too); what do the two nulls find there?
* Hold-out: pairs and triples found in the training weeks, measured again in the validation weeks.
* Thresholds: itemsets and rules that lie exactly at a threshold, ours and mlxtend's.

    python benchmarks/association_checks.py [number of null sets, 20 by default]

Writes ``association_checks.json`` beside this file. Takes about five seconds per null set.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from mlxtend.frequent_patterns import apriori, association_rules as mlxtend_rules, fpgrowth, hmine

from bundlebook import association as assoc
from bundlebook.shop import clean, group_baskets, load_shop, time_split

ALPHA, SUPPORT = 0.05, 0.001


def null_calibration(train, model, sets: int) -> dict:
    """Share of shuffled data sets in which plain lift with Fisher's test, and the adjusted lift, find anything."""
    rows = []
    for seed in range(sets):
        itemsets = assoc.frequent_itemsets(assoc.shuffled(train, seed), SUPPORT, max_len=3)
        adjusted = assoc.adjusted_lift(itemsets, model)
        rules = assoc.association_rules(itemsets[itemsets["length"] <= 2])
        passed = assoc.significance(rules)["p_bonferroni"] <= ALPHA
        rows.append(
            {
                "pairs": int((adjusted["length"] == 2).sum()),
                "triples": int((adjusted["length"] == 3).sum()),
                "discovered": int((adjusted["p_adjusted"] <= ALPHA).sum()),
                "share_lift_above_1": float((rules["lift"] > 1).mean()),
                "share_fisher_bonferroni": float(passed.mean()),
            }
        )
        print(seed, rows[-1])
    table = pd.DataFrame(rows)
    return {
        "sets": sets,
        "sets_with_any_discovery": int((table["discovered"] > 0).sum()),
        "pairs_tested": int(table["pairs"].sum()),
        "triples_tested": int(table["triples"].sum()),
        "share_of_pairs_with_lift_above_1": round(float(table["share_lift_above_1"].mean()), 4),
        "share_of_pairs_passing_fisher_bonferroni": round(float(table["share_fisher_bonferroni"].mean()), 4),
    }


def taste(baskets, sets: int) -> dict:
    """Pairs that either null rejects in baskets shuffled within users, where no complements are left."""
    rows = []
    for seed in range(sets):
        null = assoc.shuffled(baskets, seed, within_users=True)
        kinds = assoc.linked_pairs(replace(baskets, quantities=null.matrix.astype(np.float32)), SUPPORT, ALPHA)["kind"]
        rows.append({kind: int((kinds == kind).sum()) for kind in ("complements", "taste", "chance")})
        print(seed, rows[-1])
    found = assoc.linked_pairs(baskets, SUPPORT, ALPHA)["kind"].value_counts().to_dict()
    return {
        "sets": sets,
        "shop": found,
        "mean_of_shuffled": pd.DataFrame(rows).mean().round(1).to_dict(),
        "by_set": rows,
    }


def hold_out(itemsets, model, later) -> dict:
    """Share of discovered and of other itemsets whose lift is above 1 in the validation weeks."""
    adjusted = assoc.adjusted_lift(itemsets, model)
    after = assoc.held_out_lift(adjusted, later, assoc.fit_sizes(later))
    found = (adjusted["p_adjusted"] <= ALPHA) & (adjusted["adjusted_lift"] > 1)
    out = {}
    for length, name in ((2, "pairs"), (3, "triples")):
        chosen = adjusted["length"] == length
        out[name] = {"tested": int(chosen.sum()), "discovered": int((chosen & found).sum())}
        for measure in ("adjusted_lift", "lift"):
            above = after[measure] > 1
            out[name][f"{measure}_above_1_later"] = {
                "discovered": round(float(above[chosen & found].mean()), 4),
                "others": round(float(above[chosen & ~found].mean()), 4),
            }
    return out


def thresholds(largest: int = 40) -> dict:
    """Every share c / n up to *largest*: are the pair, and the rule, that lie exactly at it found?

    The pair {a, b} is in exactly c of n baskets; other items come and go, so that a prefix tree has branches.
    """
    miners = {"fpgrowth": fpgrowth, "apriori": apriori, "hmine": hmine}
    names = ["ours", *(f"mlxtend {name}" for name in miners), "mlxtend apriori, low memory"]
    lost = {"cases": 0, "itemsets": dict.fromkeys(names, 0), "rules": {"ours": 0, "mlxtend": 0}}
    for n in range(2, largest + 1):
        for c in range(1, n):
            lists = [["a", "b"] if t < c else ["b"] if t % 2 else ["x"] for t in range(n)]
            lists = [[*basket, *(["y"] if t % 3 else []), *(["z"] if t % 2 else [])] for t, basket in enumerate(lists)]
            items = sorted({item for basket in lists for item in basket})
            table = pd.DataFrame([[item in basket for item in items] for basket in lists], columns=items)
            found = {"ours": set(assoc.frequent_itemsets(lists, c / n, engine="eclat")["itemset"])}
            for name, miner in miners.items():
                found[f"mlxtend {name}"] = _labels(miner(table, c / n, use_colnames=True)["itemsets"])
            low = apriori(table, c / n, use_colnames=True, low_memory=True)["itemsets"]
            found["mlxtend apriori, low memory"] = _labels(low)
            for name, itemsets in found.items():
                lost["itemsets"][name] += ("a", "b") not in itemsets
            lost["cases"] += 1

            lists = [*([["a", "b"]] * c), *([["b"]] * (n - c)), ["c"]]
            itemsets = assoc.frequent_itemsets(lists, 0.5 / n)
            frame = pd.DataFrame({"support": itemsets["support"], "itemsets": itemsets["itemset"].map(frozenset)})
            wanted = ("b",), ("a",)
            rules = assoc.association_rules(itemsets, min_confidence=c / n)
            peers = mlxtend_rules(frame, metric="confidence", min_threshold=c / n)
            sides = zip(peers["antecedents"].map(tuple), peers["consequents"].map(tuple), strict=True)
            lost["rules"]["ours"] += wanted not in set(zip(rules["antecedent"], rules["consequent"], strict=True))
            lost["rules"]["mlxtend"] += wanted not in set(sides)
    return lost


def _labels(itemsets: pd.Series) -> set[tuple[str, ...]]:
    return {tuple(sorted(labels)) for labels in itemsets}


def main() -> None:
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    shop, _ = clean(load_shop("completejourney"))
    everything = group_baskets(shop)
    split = time_split(everything, min_users=2)
    mined = everything.between(split.start, split.train_end)
    train = assoc.encode(mined)
    later = everything.between(split.train_end, split.validation_end)
    model = assoc.fit_sizes(train)
    itemsets = assoc.frequent_itemsets(train, SUPPORT, max_len=3)
    results = {
        "thresholds": thresholds(),
        "hold_out": hold_out(itemsets, model, later),
        "taste": taste(mined, max(1, sets // 4)),
        "null_calibration": null_calibration(train, model, sets),
    }
    print(json.dumps(results, indent=1))
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
