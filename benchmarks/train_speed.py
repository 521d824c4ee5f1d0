"""Examples a second in training, on whatever device and Keras backend this machine has.

    python benchmarks/train_speed.py
    KERAS_BACKEND=jax python benchmarks/train_speed.py

Prints a table and writes it into ``train_speed.json`` beside this file, under the backend and the device. Nothing is
estimated: a device that is not there has no row.

Every network is timed as the package trains it. The largest one is timed in two more ways: with mixed precision
(sixteen-bit floats of the "brain" kind; on a GPU also of the common kind), and, on TensorFlow, without its promise of
equal results in every run, once interpreted and once compiled with XLA. JAX always compiles with XLA.
"""

import json
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import pandas as pd

from bundlebook.recommenders import (
    PIPELINES,
    Examples,
    LiteralRNN,
    RecurrentRecommender,
    Speed,
    device_report,
    devices,
    import_keras,
    measure,
)
from bundlebook.shop import clean, group_baskets, load_shop, time_split

RESULTS = Path(__file__).with_suffix(".json")


@click.command()
@click.option("--shop", default="completejourney", show_default=True, help="Name or folder of the shop.")
@click.option("--sizes", default="16,64", show_default=True, help="Households a batch, separated by commas.")
@click.option("--examples", "wanted", default=6000, show_default=True, help="Examples timed a row, at least.")
@click.option("--seed", default=2021, show_default=True)
def main(shop: str, sizes: str, wanted: int, seed: int) -> None:
    """Measure examples a second of the literal, the plain and the repeat-aware network."""
    split = time_split(group_baskets(clean(load_shop(shop))[0]))
    task = split.task("validation")
    examples = Examples.before(task.visible, task.at)
    backend, device = import_keras().backend.backend(), devices()[0].split(":")[0]
    print(device_report())
    rows = []
    for model, way in plan([int(size) for size in sizes.split(",")], backend, device):
        batches = max(1, -(-wanted // (model.settings.batch * examples.inputs.n_periods)))
        speed = measure(model, examples, batches=batches, passes=3, seed=seed, **way)
        rows.append(row(model, way, speed, backend))
        print(rows[-1], flush=True)
    print(pd.DataFrame(rows).to_string(index=False))
    result = {
        "processor cores": os.cpu_count(),
        "architecture": platform.machine(),
        "versions": {name: version(name) for name in ("keras", "numpy", backend, f"{backend}-cpu") if _installed(name)},
        "shop": {"name": shop, "users": examples.inputs.n_users, "items": examples.inputs.n_items},
        "periods": examples.inputs.n_periods,
        "rows": rows,
    }
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known[f"{backend}, {device}"] = result
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written: {RESULTS.name}")


def plan(sizes: list[int], backend: str, device: str) -> Iterator[tuple[RecurrentRecommender, dict[str, Any]]]:
    """Networks and ways to train them; those without determinism first, since TensorFlow cannot go back to them."""
    tensorflow = backend == "tensorflow"
    for size in sizes if tensorflow else []:
        for xla in (False, True):
            yield RecurrentRecommender(batch=size), {"deterministic": False, "xla": xla}
    for size in sizes:
        for model in (
            LiteralRNN(batch=size),
            RecurrentRecommender(repeat=0, batch=size),
            RecurrentRecommender(batch=size),
        ):
            for pipeline in PIPELINES if tensorflow else ["arrays"]:
                yield model, {"pipeline": pipeline}
        for precision in ["mixed_bfloat16"] + ["mixed_float16"] * (device != "cpu"):
            yield RecurrentRecommender(batch=size), {"precision": precision}


def row(model: RecurrentRecommender, way: dict[str, Any], speed: Speed, backend: str) -> dict[str, Any]:
    """One line of the table. Determinism is a question for TensorFlow only."""
    return {
        "model": model.name,
        "households a batch": model.settings.batch,
        "pipeline": way.get("pipeline", "arrays"),
        "precision": way.get("precision", "float32"),
        "XLA": bool(way.get("xla")) or backend == "jax",
        "deterministic": way.get("deterministic", True) if backend == "tensorflow" else None,
        "examples/s": round(speed.examples_per_second),
        "first pass in s": round(speed.first_pass, 1),
    }


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
