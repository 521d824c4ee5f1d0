"""Frequent itemsets and rules: our engines beside their peers, in CPU seconds and peak memory.

Every measurement runs in a fresh process that reads the same baskets from a file. Measured are the CPU seconds (all
threads) of encoding for the engine and mining, up to Python objects, and the peak memory of the whole process, which
starts at about 180 MB for an interpreter with NumPy, SciPy and pandas. Peers that are not installed are left out:
``pip install pyfim efficient-apriori``.

    python benchmarks/association_speed.py            # all points, some minutes
    python benchmarks/association_speed.py --quick    # product types at .1 % only

Writes ``association_speed.json`` and ``association_speed.png`` beside this file.
"""

import argparse
import importlib.util
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import sparse

HERE = Path(__file__).parent
#: Name of a point: (level, support, times the baskets are drawn again, engines that can finish it in reasonable time).
POINTS = {
    "types @ .1 %": ("product_type", 0.001, 1, ("eclat", "pyfim", "mlxtend", "efficient-apriori")),
    "products @ .5 %": ("item_id", 0.005, 1, ("eclat", "pyfim", "mlxtend", "efficient-apriori")),
    "products @ .01 %": ("item_id", 0.0001, 1, ("eclat", "pyfim")),
    "types @ .1 %, 1.56 M baskets": ("product_type", 0.001, 11.07, ("eclat", "pyfim")),
}
NEEDS = {"pyfim": "fim", "efficient-apriori": "efficient_apriori"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("ENGINE", "FILE", "SUPPORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measure(arguments.child[0], arguments.child[1], float(arguments.child[2]))))
        return
    points = dict(list(POINTS.items())[:1]) if arguments.quick else POINTS
    results = {"versions": _versions(), "engines": _engines(points), "rules": _rules()}
    (HERE / "association_speed.json").write_text(json.dumps(results, indent=1) + "\n")
    _draw(results["engines"])


def _engines(points: dict) -> list[dict]:
    from bundlebook.association import encode
    from bundlebook.shop import clean, group_baskets, load_shop

    shop, _ = clean(load_shop("completejourney"))
    encoded, rows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for point, (level, support, times, engines) in points.items():
            if level not in encoded:
                encoded[level] = encode(group_baskets(shop, level=level))
            matrix = encoded[level].matrix
            if times != 1:
                drawn = np.random.default_rng(0).integers(matrix.shape[0], size=round(times * matrix.shape[0]))
                matrix = matrix[np.sort(drawn)]
            file = Path(folder) / "baskets.npz"
            sparse.save_npz(file, matrix, compressed=False)
            for engine in engines:
                if importlib.util.find_spec(NEEDS.get(engine, "numpy")) is None:
                    continue
                command = [sys.executable, __file__, "--child", engine, str(file), repr(support)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
                row = {"point": point, "baskets": matrix.shape[0], "engine": engine} | json.loads(done.stdout)
                print(row)
                rows.append(row)
    for point in points:
        digests = {row["digest"] for row in rows if row["point"] == point}
        assert len(digests) == 1, f"engines disagree on {point}"
    return rows


def _measure(engine: str, file: str, support: float) -> dict:
    """CPU seconds of the first and the second call, and peak memory; runs in a process of its own."""
    from bundlebook.association import ENGINES, BasketMatrix, least_count

    matrix = sparse.load_npz(file)
    baskets = BasketMatrix(matrix, np.char.zfill(np.arange(matrix.shape[1]).astype(str), 6))
    min_count = max(1, least_count(support, baskets.n_baskets))
    calls, seconds = 1 if engine in ("mlxtend", "efficient-apriori") else 2, []
    for _ in range(calls):
        start = time.process_time()
        if engine == "efficient-apriori":
            found = _by_efficient_apriori(baskets, min_count)
        else:
            found = ENGINES[engine](baskets, min_count, baskets.n_items)
        seconds.append(round(time.process_time() - start, 3))
        if engine != "efficient-apriori":  # its counts come in dictionaries, by length
            found = [(ids, counts) for ids, counts in found if len(counts)]
    peak = _peak_mb()
    itemsets = sum(len(counts) for _, counts in found)
    row = {"itemsets": itemsets, "cpu_s": seconds[0], "peak_mb": peak, "digest": _digest(found)}
    return row | ({"cpu_s_again": seconds[1]} if calls == 2 else {})


def _peak_mb() -> int:
    """Largest resident memory of this process; Linux's getrusage would count what the parent had before."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)  # macOS counts bytes
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1e3)


def _by_efficient_apriori(baskets, min_count):
    from efficient_apriori import itemsets_from_transactions

    rows = np.split(baskets.matrix.indices, baskets.matrix.indptr[1:-1])
    share = (min_count - 0.5) / baskets.n_baskets
    found, _ = itemsets_from_transactions([tuple(row.tolist()) for row in rows], share)
    return [(np.array(list(level)), np.array(list(level.values()))) for level in found.values()]


def _digest(found) -> str:
    """Checksum of all itemsets and counts, whatever their order."""
    import hashlib

    digest = hashlib.sha256()
    for ids, counts in sorted(found, key=lambda table: table[0].shape[1]):
        table = np.column_stack([np.sort(ids, axis=1), counts]).astype(np.int64)
        digest.update(table[np.lexsort(table.T[::-1])].tobytes())
    return digest.hexdigest()[:16]


def _rules() -> dict:
    """CPU seconds of all rules from all itemsets of product types at .1 %, ours and mlxtend's; best of three."""
    import pandas as pd
    from mlxtend.frequent_patterns import association_rules as by_mlxtend

    from bundlebook.association import association_rules, frequent_itemsets
    from bundlebook.shop import clean, group_baskets, load_shop

    itemsets = frequent_itemsets(group_baskets(clean(load_shop("completejourney"))[0]), 0.001)
    table = pd.DataFrame({"support": itemsets["support"], "itemsets": itemsets["itemset"].map(frozenset)})
    out = {}
    for name, make in (
        ("ours", lambda: association_rules(itemsets)),
        ("mlxtend", lambda: by_mlxtend(table, metric="confidence", min_threshold=0.0)),
    ):
        seconds = []
        for _ in range(3):
            start = time.process_time()
            rules = make()
            seconds.append(time.process_time() - start)
        out[name] = {"rules": len(rules), "cpu_s": round(min(seconds), 3)}
    print(out)
    return out


def _versions() -> dict:
    names = ["bundlebook", "numpy", "scipy", "pandas", "numba", "mlxtend", "pyfim", "efficient-apriori"]
    known = {}
    for name in names:
        try:
            known[name] = version(name)
        except ImportError:
            continue
    return {"python": platform.python_version(), **known}


def _draw(rows: list[dict]) -> None:
    import matplotlib.pyplot as plt
    import pandas as pd

    from bundlebook.plots import log_ticks, use_style

    use_style()
    table = pd.DataFrame(rows)
    axes = plt.subplots(1, 2, figsize=(9.5, 5), sharey=True)[1]
    for ax, (column, label) in zip(axes, {"cpu_s": "CPU seconds", "peak_mb": "peak memory (MB)"}.items(), strict=True):
        wide = table.pivot(index="point", columns="engine", values=column).loc[list(table["point"].unique())[::-1]]
        wide.plot.barh(ax=ax, logx=True, xlabel=label, ylabel="", legend=ax is axes[1])
        log_ticks(ax.xaxis)
    plt.savefig(HERE / "association_speed.png")


if __name__ == "__main__":
    main()
