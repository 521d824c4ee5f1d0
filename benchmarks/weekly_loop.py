"""The weekly loop under stress: killed at random moments, and offers for many customers in bounded memory.

    python benchmarks/weekly_loop.py kills --number 50     # writes weekly_loop.json beside this file
    python benchmarks/weekly_loop.py offers --users 2500   # again with more users
    python benchmarks/weekly_loop.py night                 # one night of the real shop, and poisoned ones

Kills and offers are of the sample shop. For `offers` its customers are copied under new names, each with a random nine
tenths of the original's baskets, into an event store; so no two are alike, and none is a real person.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import resource
import shutil
import signal
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

from bundlebook import paths
from bundlebook.feedback import (
    Counts,
    EventStore,
    baskets_of,
    held_out,
    read_offers,
    state_folder,
    update,
    write_offers,
)
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


def watch(peak):
    """Note the most memory that any one process held which this one has started, in MiB, four times a second."""
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                peak[0] = max(peak[0], process.memory_info().rss / 2**20)
        time.sleep(0.25)


def digests(folder):
    """Digests of events and of counts."""
    with EventStore(state_folder(folder), create=False) as store:
        return store.digest(), Counts.from_bytes(store.array("counts")).digest


def killed(run, after=None):
    """Run a function in another process and kill that after some seconds, if it is still at work then.

    Returns whether it was, and how many seconds the process lived.
    """
    process = multiprocessing.get_context("fork").Process(target=run)
    began = time.monotonic()
    process.start()
    process.join(after)
    at_work = process.is_alive()
    if at_work:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return at_work, time.monotonic() - began


def killed_until(number, run, check, rng):
    """Kill runs at moments of their working time until a number of them were met at work.

    The length of a run is measured first, in a process of its own as the killed ones are, and again by every run that
    ended before its kill. *check* is called before the first run, and after each with whether it was met.
    """
    check(None)
    took = killed(run)[1]
    check(False)
    hit = runs = 0
    while hit < number and runs < 6 * number:
        met, lived = killed(run, rng.uniform(0.02, 0.98) * took)
        took = took if met else 0.5 * (took + min(took, lived))
        hit, runs = hit + met, runs + 1
        check(met)
    return {"kills that met the run at work": hit, "runs that ended before their kill": runs - hit}


@click.group()
def main():
    """Measure the weekly loop."""


@main.command()
@click.option("--number", default=50, show_default=True, help="Kills of each that must meet the run at work.")
@click.option("--seed", default=0, show_default=True)
def kills(number, seed):
    """Kill `update` and `offer` at random moments of their work, and look whether anything was lost or doubled."""
    rng = np.random.default_rng(seed)
    command = f"python benchmarks/weekly_loop.py kills --number {number}"
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
        before = digests(whole)
        update(whole, [week])
        after, last = digests(whole), scratch / "last"
        found = {"left the state before it": 0, "left the state after it": 0, "lost or doubled": 0}

        def look(met):
            if met is not None:
                state = digests(last)
                if met:
                    found["left the state before it" if state == before else "left the state after it"] += state in (
                        before,
                        after,
                    )
                found["lost or doubled"] += state not in (before, after)
                update(last, [week])
                found["lost or doubled"] += digests(last) != after
                shutil.rmtree(last)
            shutil.copytree(shop, last)

        figures = killed_until(number, lambda: update(last, [week]), look, rng)
        keep("kills of update", {"command": command} | figures | found)
        people = sorted(log["user_id"].unique())[:60]
        import bundlebook.feedback.offers as offers

        offers._USERS_AT_ONCE = 5
        write_offers(whole, scratch / "right.parquet", people)
        right, file = read_offers(scratch / "right.parquet"), scratch / "offers.parquet"
        found = {"went on from parts": 0, "lost or doubled": 0}

        def look_again(met):
            if met is None:
                return
            found["lost or doubled"] += file.exists() and not read_offers(file).equals(right)
            found["went on from parts"] += write_offers(whole, file, people).resumed > 0
            found["lost or doubled"] += not read_offers(file).equals(right)
            file.unlink()

        figures = killed_until(number, lambda: write_offers(whole, file, people), look_again, rng)
        keep("kills of offer", {"command": command} | figures | found)


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
        with EventStore(store_folder) as store:
            turns = copies(users)
            for batch in itertools.count():
                tables = list(itertools.islice(turns, 40))
                if not tables:
                    break
                with store.change():
                    store.take_in(pd.concat(tables), f"part {batch}", f"part {batch}")
        (store_folder / "done").touch()
    began, cpu, beside = time.monotonic(), cpu_seconds(), [0.0]
    threading.Thread(target=watch, args=(beside,), daemon=True).start()
    told = write_offers(
        "sample", folder / f"offers-{users}.parquet", state=store_folder, progress=True, processes=processes
    )
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with EventStore(store_folder) as store:
        events = len(store)
    figures = {
        "command": f"python benchmarks/weekly_loop.py offers --users {users} --processes {processes}",
        "events": events,
        "seconds": round(seconds, 1),
        "CPU seconds": round(cpu, 1),
        "peak MiB": round(peak),
        "learned from": told.learned_from,
        "already done": told.resumed,
        "bundles": told.bundles,
    }
    if processes > 1:
        figures["peak MiB of each further process"] = round(beside[0])
    keep(f"offer, {users} customers, {processes} process{'es' if processes > 1 else ''}", figures)


def _command(words):
    """Run the command line as a reader does: exit code, the last line it says, seconds, and processor seconds."""
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        [sys.executable, "-c", "from bundlebook.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    said = " ".join((told.stderr or told.stdout).split())
    return told.returncode, said, round(time.monotonic() - began, 1), round(cpu, 1)


@main.command()
@click.option("--at", default="2017-11-13", show_default=True, help="The night: what was bought on this day.")
def night(at):
    """Take one night in on the real shop by `bundlebook update`, and offer three poisoned ones, which it must refuse.

    The state holds the real shop's log up to the day before, without fuel, which is counted in thousandths of a gallon
    and which cleaning leaves out by its type. In the last poisoned night fuel is there, as a product that is not known
    for fuel and that no file before held: as if the cleaning were switched off.
    """
    shop, start = load_shop("completejourney"), pd.Timestamp(at)
    log = shop.events[shop.events["time"] < start + pd.Timedelta(days=1)]
    fuel = log["item_id"].isin(shop.products.loc[shop.products["product_type"] == "GASOLINE-REG UNLEADED", "item_id"])
    today = log[log["time"] >= start]
    other = shop.products[~shop.products["item_id"].isin(shop.events["item_id"])]["item_id"].iloc[0]
    poisoned = {
        "price times seven": today.assign(price=today["price"] * 7),
        "all quantities in thousandths": today.assign(quantity=today["quantity"] * 1000),
        "fuel not cleaned away": today.assign(item_id=today["item_id"].mask(fuel[today.index], other)),
    }
    figures = {"command": "python benchmarks/weekly_loop.py night", "night": at, "lines": len(today)}
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch) / "state"
        past = log[(log["time"] < start) & ~fuel]
        with EventStore(state) as store, store.change():
            store.take_in(past, "log", "log")
            store.keep("began", str(past["time"].min().date()))
            store.keep("currency", shop.currency)
            store.keep_array("counts", Counts.of(baskets_of(shop, past)).to_bytes())
        words = ["update", "--data", "completejourney", "--state", state, "--today", "2018-06-01", "--from"]

        def digest():
            with EventStore(state, create=False) as store:
                return store.digest(), Counts.from_bytes(store.array("counts")).digest

        before = digest()
        for name, table in poisoned.items():
            file = Path(scratch) / "poisoned.csv"
            table.to_csv(file, index=False)
            code, said, _, _ = _command([*words, file])
            figures[name] = {"exit code": code, "state bit for bit": digest() == before, "said": said[:300]}
        file = Path(scratch) / "night.csv"
        today[~fuel[today.index]].to_csv(file, index=False)
        code, said, seconds, cpu = _command([*words, file])
        figures["the night itself"] = {"exit code": code, "seconds": seconds, "CPU seconds": cpu, "said": said[:300]}
        figures["load average"] = round(os.getloadavg()[0], 1)
    keep("a night of the real shop", figures)


if __name__ == "__main__":
    main()
