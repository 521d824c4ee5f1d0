"""Examples a second in training, on whatever device and Keras backend this machine has.

    python benchmarks/train_speed.py
    KERAS_BACKEND=jax python benchmarks/train_speed.py

Prints a table and writes it into ``train_speed.json`` beside this file, under the backend and the device. Nothing is
estimated: a device that is not there has no row.
"""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import pandas as pd

from bundlebook.recommenders._keras import device_report, devices, import_keras
from bundlebook.recommenders.recurrent import LiteralRNN, RecurrentRecommender
from bundlebook.recommenders.speed import PIPELINES, examples_per_second
from bundlebook.recommenders.training import Examples
from bundlebook.shop import baskets, clean, load_shop, time_split

RESULTS = Path(__file__).with_suffix(".json")


@click.command()
@click.option("--shop", default="completejourney", show_default=True, help="Name or folder of the shop.")
@click.option("--sizes", default="16,64", show_default=True, help="Households a batch, separated by commas.")
@click.option("--examples", "wanted", default=6000, show_default=True, help="Examples timed a row, at least.")
@click.option("--seed", default=2021, show_default=True)
def main(shop: str, sizes: str, wanted: int, seed: int) -> None:
    """Measure examples a second of the literal, the plain and the repeat-aware network."""
    split = time_split(baskets(clean(load_shop(shop))[0]))
    task = split.task("validation")
    examples = Examples.before(task.visible, task.at)
    backend = import_keras().backend.backend()
    print(device_report())
    rows = []
    for size in map(int, sizes.split(",")):
        batches = max(1, -(-wanted // (size * examples.inputs.n_periods)))
        models = [LiteralRNN(batch=size), RecurrentRecommender(repeat=0, batch=size), RecurrentRecommender(batch=size)]
        for model in models:
            for pipeline in PIPELINES if backend == "tensorflow" else ("arrays",):
                speed = examples_per_second(model, examples, pipeline, batches, passes=3, seed=seed)
                rows.append(
                    {"model": model.name, "households a batch": size, "pipeline": pipeline, "examples/s": round(speed)}
                )
    print(pd.DataFrame(rows).to_string(index=False))
    result = {
        "processor cores": os.cpu_count(),
        "architecture": platform.machine(),
        "versions": {name: version(name) for name in ("keras", "numpy", backend) if _installed(name)},
        "shop": {"name": shop, "users": examples.inputs.n_users, "items": examples.inputs.n_items},
        "periods": examples.inputs.n_periods,
        "rows": rows,
    }
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known[f"{backend}, {devices()[0].split(':')[0]}"] = result
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written: {RESULTS.name}")


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
