"""The weekly loop under stress: killed at random moments, and offers for many customers in bounded memory.

    python benchmarks/weekly_loop.py kills --number 50     # writes weekly_loop.json beside this file
    python benchmarks/weekly_loop.py offers --users 2500   # again with more users

The shop is the sample shop. For `offers` its customers are copied under new names, each with a random nine tenths of
the original's baskets, into an event store; so no two are alike, and none is a real person.
"""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.feedback import Counts, EventStore, held_out, read_offers, state_folder, update, write_offers
from bundlebook.shop import load_shop

OUT = Path(__file__).with_suffix(".json")
CUT = pd.Timestamp("2021-03-01")


def keep(name, figures):
    """Add figures to the file beside this script."""
    found = json.loads(OUT.read_text()) if OUT.exists() else {}
    found[name] = figures
    OUT.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")
    click.echo(json.dumps(figures))


def cpu_seconds():
    """Processor time of this process and of those it has ended, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def digests(folder):
    """Digests of events and of counts."""
    with EventStore(state_folder(folder), create=False) as store:
        return store.digest(), Counts.from_bytes(store.array("counts")).digest


def killed(run, after):
    """Run a function in another process and kill that after some seconds; whether it was still at work."""
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    time.sleep(after)
    at_work = process.is_alive()
    if at_work:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return at_work


@click.group()
def main():
    """Measure the weekly loop."""


@main.command()
@click.option("--number", default=50, show_default=True)
@click.option("--seed", default=0, show_default=True)
def kills(number, seed):
    """Kill `update` and `offer` at random moments, half each, and look whether anything was lost or doubled."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        log = load_shop("sample").purchases
        log = log[log["user_id"].isin(sorted(log["user_id"].unique())[:120])]
        shop = scratch / "shop"
        shop.mkdir()
        for name in ("product_data.csv", "shop.yaml"):
            shutil.copy(paths.data() / "sample_shop" / name, shop)
        log[log["time"] < CUT].to_csv(shop / "user_data.csv", index=False)
        week = scratch / "week.csv"
        log[(log["time"] >= CUT) & (log["time"] < CUT + pd.Timedelta(weeks=1))].to_csv(week, index=False)
        update(shop)
        whole = shutil.copytree(shop, scratch / "whole")
        before, began = digests(whole), time.monotonic()
        update(whole, [week])
        took, after = time.monotonic() - began, digests(whole)
        hit, wrong = 0, 0
        for _ in range(number // 2):
            last = shutil.copytree(shop, scratch / "last")
            hit += killed(lambda last=last: update(last, [week]), rng.uniform(0.02, 1) * took)
            wrong += digests(last) not in (before, after)
            update(last, [week])
            wrong += digests(last) != after
            shutil.rmtree(last)
        keep("kills of update", {"kills": number // 2, "met the run at work": hit, "lost or doubled": wrong})
        people = sorted(log["user_id"].unique())[:60]
        import bundlebook.feedback.offers as offers

        offers._USERS_AT_ONCE = 10
        began = time.monotonic()
        write_offers(whole, scratch / "right.parquet", people)
        took, right = time.monotonic() - began, read_offers(scratch / "right.parquet")
        hit, wrong, resumed = 0, 0, 0
        for _ in range(number - number // 2):
            file = scratch / "offers.parquet"
            hit += killed(lambda file=file: write_offers(whole, file, people), rng.uniform(0.02, 1) * took)
            wrong += file.exists() and not read_offers(file).equals(right)
            resumed += write_offers(whole, file, people).resumed > 0
            wrong += not read_offers(file).equals(right)
            file.unlink()
        figures = {"kills": number - number // 2, "met the run at work": hit, "lost or doubled": wrong}
        keep("kills of offer", figures | {"went on from parts": resumed})


def copies(number, seed=0):
    """The sample shop's purchases under the names of many customers, a random tenth of each one's baskets left out."""
    log = load_shop("sample").purchases
    people = sorted(log["user_id"].unique())
    for turn in range(-(-number // len(people))):
        part = log[log["user_id"].isin(people[: number - turn * len(people)])]
        name = part["user_id"] + f"-{turn:05d}"
        out = held_out((name + part["basket_id"].astype(str)).tolist(), 0.1, seed)
        yield part.assign(user_id=name, basket_id=part["basket_id"] + f"-{turn:05d}")[~out]


@main.command("offers")
@click.option("--users", default=2500, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to work, and to go on from [default: a new one]."
)
@click.option("--processes", default=1, show_default=True)
def offers_(users, folder, processes):
    """Measure seconds and memory of `offer` for many customers, read from an event store."""
    folder = folder or Path(tempfile.mkdtemp())
    store_folder = folder / f"store-{users}"
    if not (store_folder / "done").exists():
        shutil.rmtree(store_folder, ignore_errors=True)
        with EventStore(store_folder) as store, store.change():
            tables, batch = [], 0
            for table in copies(users):
                tables.append(table)
                if len(tables) == 40:
                    store.take_in(pd.concat(tables), f"part {batch}", f"part {batch}")
                    tables, batch = [], batch + 1
            if tables:
                store.take_in(pd.concat(tables), f"part {batch}", f"part {batch}")
        (store_folder / "done").touch()
    began, cpu = time.monotonic(), cpu_seconds()
    told = write_offers(
        "sample", folder / f"offers-{users}.parquet", state=store_folder, progress=True, processes=processes
    )
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with EventStore(store_folder) as store:
        events = len(store)
    figures = {
        "command": f"python benchmarks/weekly_loop.py offers --users {users} --processes {processes}",
        "events": events,
        "seconds": round(seconds, 1),
        "CPU seconds": round(cpu, 1),
        "peak MiB": round(peak[0]),
        "learned from": told.learned_from,
        "already done": told.resumed,
        "bundles": told.bundles,
    }
    if processes > 1:
        figures |= {"processes": processes, "peak MiB of a further process": round(peak[1])}
    keep(f"offer, {users} customers", figures)


if __name__ == "__main__":
    main()
