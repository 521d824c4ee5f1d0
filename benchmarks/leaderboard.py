"""The leaderboard: every recommender, two levels, two targets, all tracks, new households.

    python benchmarks/leaderboard.py                        # everything; minutes, resumable
    python benchmarks/leaderboard.py --levels item_id       # one level; the other one stays as it was
    python benchmarks/leaderboard.py --profile small        # the sample shop without networks; seconds, what CI runs
    python benchmarks/leaderboard.py --profile prototype    # an earlier protocol, to compare implementations

The full profile writes ``leaderboard.json`` and ``leaderboard.png`` beside this file. Finished rows are kept in the
cache: interrupt it with Ctrl-C, run it again, and it goes on. A row that was kept says what its fit cost when it ran.
"""

import json
import os
import platform
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import pandas as pd

from bundlebook.evaluation import (
    METHODS,
    Options,
    Size,
    Stored,
    make_leaderboard,
    ndcg,
    plan,
    rank,
    recall,
    split_for,
    summary,
    write_figures,
)
from bundlebook.recommenders import EASE, DecayedFrequency, TifuKNN
from bundlebook.shop import Shop, Split, clean, group_baskets, load_shop

HERE = Path(__file__).parent
#: Figures of an earlier, separate implementation on its own protocol: Recall@10 and NDCG@10.
BARS = {
    "product_type": {
        "TIFU-KNN": (0.236, 0.302),
        "TIFU-KNN, size-scaled": (0.239, 0.301),
        "decayed frequency + popularity": (0.235, 0.299),
        "EASE (counts)": (0.166, 0.225),
        "popularity": (0.132, 0.178),
    },
    "item_id": {
        "TIFU-KNN": (0.196, 0.226),
        "TIFU-KNN, size-scaled": (0.197, 0.227),
        "decayed frequency + popularity": (0.195, 0.225),
        "EASE (counts)": (0.155, 0.174),
        "popularity": (0.071, 0.086),
    },
}


@click.command()
@click.option("--profile", type=click.Choice(["full", "small", "prototype"]), default="full", show_default=True)
@click.option("--levels", default="product_type,item_id", show_default=True, help="Levels, separated by commas.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these recommenders.")
@click.option("--without", multiple=True, metavar="NAME", help="All recommenders but these.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="Runs of what is learned.")
@click.option("--thorough", is_flag=True, help="Networks thrice at product level, too, and for new households.")
@click.option("--seed", default=2021, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def main(
    profile: str,
    levels: str,
    only: tuple[str, ...],
    without: tuple[str, ...],
    seeds: int,
    thorough: bool,
    seed: int,
    out: Path | None,
) -> None:
    """Remake the leaderboard."""
    began = time.perf_counter()
    small = profile == "small"
    shop, _ = clean(load_shop("sample" if small else "completejourney"))
    if profile == "prototype":
        print(
            pd.DataFrame([row for level in levels.split(",") for row in prototype(shop, level)]).to_string(index=False)
        )
        return
    unknown = {*only, *without} - {method.name for method in METHODS}
    if unknown:
        raise click.BadParameter(f"unknown recommenders {sorted(unknown)}", param_hint="--only or --without")
    entrants = [method for method in METHODS if (not only or method.name in only) and method.name not in without]
    options = Options(seed=seed, seeds=1 if small else seeds, requests=5 if small else 50)
    boards = {}
    try:
        for level in levels.split(","):
            split = split_for(shop, level)
            if level == "item_id" and not thorough:
                options = replace(options, network_seeds=1, new_to_networks=False)
            chosen, left_out = plan(Size.of(split), memory_gb=6, minutes=30, methods=entrants, networks=not small)
            board = make_leaderboard(shop, split, chosen, options, progress=sys.stderr.isatty() or not small)
            boards[level] = summary(board, resamples=300 if small else 2000)
            boards[level]["left out"] = left_out | dict.fromkeys(without, "was not asked for")
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; finished rows are kept, run the same command to go on") from None
    made = {
        "profile": profile,
        "shop": shop.name,
        "seconds, kept rows included": round(time.perf_counter() - began, 1),
        "processor cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("bundlebook", "keras", "numpy", "scikit-learn", "scipy")},
        "python": platform.python_version(),
    }
    folder = out or (HERE if profile == "full" and not only else Path.cwd())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "leaderboard.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"made": {}, "boards": {}}
    same = all(kept["made"].get(key) == made[key] for key in ("profile", "shop"))
    others = {level: board for level, board in kept["boards"].items() if same and level not in boards}
    if profile == "full" and not only:
        earlier = kept["made"].get("prototype protocol", []) if others else []
        made["prototype protocol"] = [row for row in earlier if row["level"] in others]
        made["prototype protocol"] += [row for level in levels.split(",") for row in prototype(shop, level)]
    every = {level: (others | boards)[level] for level in sorted(others | boards, reverse=True)}
    write_figures(file, {"made": made | {"levels of this run": list(boards)}, "boards": every})
    _draw(folder, list(every))
    for level, content in boards.items():
        print(f"\n{level}: {content['users']:,} users, {content['items']:,} items")
        print(Stored(content).table(("NDCG@10", "Recall@10")).to_string())
    print(f"\nwritten: leaderboard.json, leaderboard.png; {time.perf_counter() - began:.0f} s")
    failed = {name: reason for content in boards.values() for name, reason in content["failed"].items()}
    if failed:
        raise click.ClickException("gave up: " + "; ".join(f"{name} ({reason})" for name, reason in failed.items()))


def prototype(shop: Shop, level: str) -> list[dict]:
    """Judge five recommenders under the protocol of :data:`BARS`, which differs from this project's.

    A basket is a household's day. Items must be bought by 20 households (products: 30) in the weeks up to 47; the
    target is a household's first basket of the weeks 51 to 53; three earlier baskets are required. The settings of
    that implementation are not on record; these are near its figures, and are not used anywhere else.
    """
    b = group_baskets(shop, level=level, by="day")
    monday_of_week_2 = np.datetime64("2017-01-02")
    starts = {week: monday_of_week_2 + np.timedelta64(7 * (week - 2), "D") for week in (48, 51)}
    bought_by = (b.between(end=starts[48]).user_item() > 0).sum(axis=0).A1
    kept = b.over(b.items[bought_by >= (30 if level == "item_id" else 20)])
    end = kept.day.max() + np.timedelta64(1, "D")
    task = Split(kept, kept.day.min(), starts[48], starts[51], end).task("test", "next_basket")
    popular = np.asarray(task.visible.incidence.sum(axis=0))
    models = {
        "TIFU-KNN": TifuKNN(own_weight=0.7),
        "TIFU-KNN, size-scaled": TifuKNN(own_weight=0.7, size_power=0.25),
        "decayed frequency + popularity": DecayedFrequency(),
        "EASE (counts)": EASE(l2=200, log_counts=True),
        "popularity": None,  # counted in baskets of all weeks, where this project counts recent households
    }
    rows = []
    for name, model in models.items():
        began = time.process_time()
        if model is None:
            scores = np.tile(popular, (len(task.histories.user_ids), 1))
        else:
            scores = model.fit(task.visible, task.at).scores(task.histories, task.at)
        ranking = rank(scores, task.truth, 10)
        seconds = time.process_time() - began
        bar = BARS[level][name]
        found = recall(ranking, 10).mean(), ndcg(ranking, 10).mean()
        rows.append(
            {
                "level": level,
                "method": name,
                "users": len(task.histories.user_ids),
                "items": len(kept.items),
                "Recall@10": round(float(found[0]), 4),
                "bar": bar[0],
                "NDCG@10": round(float(found[1]), 4),
                "its bar": bar[1],
                "CPU s": round(seconds, 1),
            }
        )
    return rows


def _draw(folder: Path, levels: list[str]) -> None:
    import matplotlib.pyplot as plt

    from bundlebook.plots import evaluation as plots, use_style

    use_style()
    boards = {level: Stored.read(folder / "leaderboard.json", level) for level in levels}
    plots.accuracy_against_cost(boards)
    plt.savefig(folder / "leaderboard.png", bbox_inches="tight")
    plt.close()


if __name__ == "__main__":
    main()
