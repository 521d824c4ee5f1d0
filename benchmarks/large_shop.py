"""Exports of large shops: what `report shop` and `evaluate` cost in minutes and memory.

    python benchmarks/large_shop.py report                     # 3 million lines, 100,000 users, 50,000 items
    python benchmarks/large_shop.py evaluate --quick           # 14,000 users, 2,300 items
    python benchmarks/large_shop.py evaluate

Each writes its part of ``large_shop.json`` beside this file. The shops are drawn at random and are no data of people:
every user has some favourites, drawn by popularity as the other purchases are, and keeps buying them.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
import psutil

OUT = Path(__file__).with_suffix(".json")
FIRST_DAY, DAYS = np.datetime64("2021-01-04"), 182
#: Lines per basket on average, favourites per user, and the share of lines that are favourites.
BASKET, FAVOURITES, LOYALTY = 6.0, 15, 0.6
#: Chance per line that two neighbours in the list of products, one of these pairs, are bought together with it.
PAIRED = 0.05


def make(folder, lines, users, items, seed=0):
    """Draw a shop and write it in the form of the data card: ``user_data.csv`` and ``product_data.csv``."""
    rng = np.random.default_rng(seed)
    popularity = 1 / (np.arange(items) + 20.0)
    popularity = rng.permutation(popularity / popularity.sum())
    visits = int(1.05 * lines / BASKET)
    baskets = rng.multinomial(visits, rng.dirichlet(np.full(users, 1.5)))
    owner = np.repeat(np.arange(users), baskets)
    day = rng.integers(0, DAYS, len(owner))
    basket = np.repeat(np.arange(len(owner)), rng.poisson(BASKET - 1, len(owner)) + 1)
    item = rng.choice(items, len(basket), p=popularity)
    favourites = rng.choice(items, (users, FAVOURITES), p=popularity)
    loyal = rng.random(len(basket)) < LOYALTY
    item[loyal] = favourites[owner[basket[loyal]], rng.integers(0, FAVOURITES, loyal.sum())]
    first = 2 * rng.integers(0, max(1, items // 250), len(basket))
    again = rng.random(len(basket)) < PAIRED
    basket = np.concatenate([basket, basket[again], basket[again]])
    item = np.concatenate([item, first[again], first[again] + 1])
    price = np.round(np.exp(rng.normal(1.0, 0.7, items)) + 0.5, 2)
    log = pd.DataFrame({"basket": basket, "item": item}).drop_duplicates().sort_values(["basket", "item"])
    log = log.iloc[np.sort(rng.choice(len(log), min(lines, len(log)), replace=False))]
    basket, item = log["basket"].to_numpy(), log["item"].to_numpy()
    minute = (FIRST_DAY + day).astype("datetime64[m]") + (480 + rng.integers(0, 720, len(day)))
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(
        {
            "user_id": np.char.add("U", np.char.zfill(owner[basket].astype(str), 6)),
            "item_id": np.char.add("P", np.char.zfill(item.astype(str), 5)),
            "time": pd.Series(minute[basket]).dt.strftime("%Y-%m-%d %H:%M"),
            "quantity": 1 + rng.poisson(0.3, len(log)),
            "price": price[item],
            "basket_id": basket,
        }
    ).to_csv(folder / "user_data.csv", index=False)
    kind = rng.integers(0, max(2, items // 100), items)
    pd.DataFrame(
        {
            "item_id": np.char.add("P", np.char.zfill(np.arange(items).astype(str), 5)),
            "name": [f"Product {number}" for number in range(items)],
            "category": [f"Category {number % 25}" for number in kind],
            "product_type": [f"Type {number}" for number in kind],
            "price": price,
        }
    ).to_csv(folder / "product_data.csv", index=False)
    return {"lines": len(log), "users": len(np.unique(owner[basket])), "items": len(np.unique(item))}


def measured(words, cwd):
    """Run the command line and return its exit code, minutes, processor minutes and most memory in all, in GiB."""
    peak, ended, began = [0.0], threading.Event(), time.monotonic()
    before = os.times()
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-c", "from bundlebook.cli import main; main()", *map(str, words)]
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=subprocess.STDOUT)

        def watch():
            while not ended.wait(0.25):
                total = 0
                with contextlib.suppress(psutil.Error):
                    root = psutil.Process(process.pid)
                    for one in [root, *root.children(recursive=True)]:
                        with contextlib.suppress(psutil.Error):
                            total += one.memory_info().rss
                peak[0] = max(peak[0], total / 2**30)

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        ended.set()
        watcher.join()
        said.seek(0)
        lines = said.read().splitlines()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "exit code": code,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "processor minutes": round(cpu / 60, 1),
        "peak GiB, all processes": round(peak[0], 1),
        "load average at the end": round(os.getloadavg()[0], 1),
    }, lines


def keep(name, figures):
    """Add figures to the file beside this script."""
    found = json.loads(OUT.read_text()) if OUT.exists() else {}
    found[name] = figures
    OUT.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")


@click.group()
def main():
    """Measure large shops."""


def size(lines, users, items):
    """Options for the size of the shop."""

    def add(command):
        for name, default in (("items", items), ("users", users), ("lines", lines)):
            command = click.option(f"--{name}", default=default, show_default=True, type=click.IntRange(1))(command)
        return click.option("--folder", type=click.Path(path_type=Path), help="Where to work.")(command)

    return add


def run(words, lines, users, items, folder):
    """Make a shop, run a command on it, and keep what that took."""
    folder = folder or Path(tempfile.mkdtemp())
    shop = folder / f"shop-{lines}-{users}-{items}"
    of = make(shop, lines, users, items)
    figures, said = measured([*words, "--data", shop], folder)
    click.echo("\n".join(said[-20:]))
    keep(f"{' '.join(words)}: {lines:,} lines, {users:,} users, {items:,} items", of | figures)
    click.echo(json.dumps(figures))


@main.command()
@size(3_000_000, 100_000, 50_000)
def report(**of):
    """The analyst's five pages."""
    run(["report", "shop"], **of)


@main.command()
@click.option("--quick", is_flag=True)
@size(540_000, 14_000, 2_300)
def evaluate(quick, **of):
    """The leaderboard of a shop."""
    run(["evaluate", *(["--quick"] if quick else [])], **of)


if __name__ == "__main__":
    main()
