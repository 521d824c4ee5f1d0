"""The leaderboard on a reader's own shop: one call from a folder of tables to a table, a CSV and a page."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from bundlebook import paths
from bundlebook.evaluation import (
    METHODS,
    Options,
    Size,
    Stored,
    make_leaderboard,
    plan,
    split_for,
    summary,
    within,
    write_figures,
)
from bundlebook.reports._pages import environment, with_chinese
from bundlebook.reports._results import write
from bundlebook.shop import Shop, check_losses, clean, load_shop, min_users
from bundlebook.tables import without_formulas

#: Part of the free memory that one recommender may ask for.
SHARE_OF_MEMORY = 0.5
#: Users × items that a method is judged on, at most (but 1,000 users in any case): judging takes most of the
#: time of a large shop. A sample makes the intervals longer, which they show.
CELLS_JUDGED = 5_000_000
#: Users × items from which on a network is not fitted a second time, without the users who are judged as new.
_FITTED_ONCE = 20_000_000
#: A quick look: families judged, users at most, and what is left out as a variant of another method.
_QUICK, _QUICK_USERS = ("counting", "neighbours", "content", "linear"), 1000
_VARIANTS = ("TIFU-KNN, size-scaled", "UP-CF", "EASE (bought or not)")
_TITLES = {"window": "Everything bought in four weeks", "next_basket": "The next basket"}
_TRACKS = {"all": "all items", "repeat": "items bought before", "explore": "new items only"}


def evaluate_shop(
    data: str | Path | Shop,
    out: Path,
    level: str = "auto",
    options: Options | None = None,
    networks: bool = True,
    memory_gb: float | None = None,
    minutes: float = 10,
    resamples: int = 2000,
    say: Callable[[str], None] = print,
    progress: bool = True,
    quick: bool = False,
    in_all: float = 6,
) -> Stored:
    """Judge every recommender that fits this machine on a shop, and write what came out.

    Parameters
    ----------
    data : str, Path or Shop
        As for :func:`~bundlebook.shop.load_shop`, or what that returned.
    out : Path
        Folder for ``leaderboard.csv``, ``leaderboard.json`` and ``leaderboard.html`` (made if need be).
    level : str
        As for :func:`~bundlebook.shop.group_baskets`.
    options : Options, optional
        One run of what is learned if None.
    networks : bool
        Whether networks take part.
    memory_gb : float, optional
        Gigabytes one recommender may take; half of the free memory if None.
    minutes : float
        Minutes one fit may take, by estimate.
    resamples : int
        Of the bootstrap.
    say : callable
        Takes each line of the report.
    progress : bool
        Show a progress bar and the time left (on stderr).
    in_all : float
        Minutes that all methods may take together, by estimate; trees and networks that do not fit are left out.
    quick : bool
        Judge ten counting, neighbours, content and linear methods only, on at most 1,000 users, and hold nobody out as
        new.

    Returns
    -------
    Stored
    """
    out = Path(out)
    paths.check_writable(out)
    options = options or Options(seeds=1)
    if quick:
        options = replace(options, seeds=1, requests=10, new_share=0, most_users=min(options.most_users, _QUICK_USERS))
    shop, _ = clean(data if isinstance(data, Shop) else load_shop(data))
    split = split_for(shop, shop.level(level))
    size = Size.of(split)
    most = int(np.clip(CELLS_JUDGED // size.items, 1000, options.most_users))
    twice = options.new_to_networks and size.users * size.items < _FITTED_ONCE
    options = replace(options, most_users=most, new_to_networks=twice)
    allowed = memory_gb or SHARE_OF_MEMORY * psutil.virtual_memory().available / 1e9
    simple = [method for method in METHODS if method.family in _QUICK and method.name not in _VARIANTS]
    entrants = simple if quick else list(METHODS)
    methods, left_out = plan(size, allowed, minutes, entrants, networks)
    methods, late = within(methods, size, options, in_all)
    left_out |= {name: f"{reason} (--in-all)" for name, reason in late.items()}
    facts = _facts(shop, split.baskets.level, size, options, left_out)
    if quick:
        families, variants = ", ".join(_QUICK), ", ".join(_VARIANTS)
        facts.append(f"A quick look: methods of {families} only, without {variants}; nobody is held out as new.")
    for fact in facts:
        say(fact)
    board = make_leaderboard(shop, split, methods, options, progress)
    content = summary(board, resamples)
    content["left out"] = left_out
    facts += [f"{name} gave up: {reason}" for name, reason in board.failures.items()]
    lost = content["outside the vocabulary"]
    facts.append(
        f"Items outside the vocabulary are {lost['items']:.1%} of the items and {lost['pairs']:.1%} of the purchases "
        "(user and item) in the test weeks; nobody can find them, and they are not counted."
    )
    say("\n".join(facts[-1 - len(board.failures) :]))
    result = Stored(content)
    for track in result.content["tasks"]["window"]["tracks"]:
        if track != "everyone":
            say(f"\n{_TITLES['window']}, {_TRACKS[track]}\n{result.table(('NDCG@10', 'Recall@10'), 'window', track)}")
    made = {"shop": shop.name, "real": shop.real, "facts": facts}
    write_figures(out / "leaderboard.json", {"made": made, "boards": {content["level"]: content}})
    without_formulas(_long_table(result)).to_csv(out / "leaderboard.csv", index=False)
    write(out / "leaderboard.html", _page(shop, facts, result))
    say(f"\nwritten to {paths.shown(out)}: leaderboard.csv, leaderboard.json, leaderboard.html")
    return result


def _facts(shop: Shop, level: str, size: Size, options: Options, left_out: dict[str, str]) -> list[str]:
    by = next((c for c in ("basket_id", "session_id") if c in shop.purchases), "day")
    one, many = shop.user_word, shop.user_words
    made = {"basket_id": "one basket_id", "session_id": "one session_id", "day": f"all a {one} bought on one day"}[by]
    least = min_users(shop.purchases["user_id"].nunique(), level)
    facts = [
        *(line.strip() for line in check_losses(shop, accept=True)),
        f"Shop {shop.name}: {size.users:,} {many}, {size.baskets:,} baskets, {size.items:,} items (level {level}).",
        f"A basket is {made}; items bought by fewer than {least} {many} in the training weeks are left out.",
    ]
    if not shop.real:
        facts.append("The shop is simulated: its figures say nothing about real people.")
    facts += [note if note.endswith(".") else f"{note}." for note in shop.notes]
    if size.users > options.most_users:
        facts.append(f"Judged are {options.most_users:,} {many} drawn at random; all of them are learned from.")
    if options.new_share and not options.new_to_networks:
        facts.append(f"Networks are not judged on new {many}: that would take a second training of each.")
    facts += [f"{name} is switched off: {reason}" for name, reason in left_out.items()]
    return facts


def _long_table(board: Stored) -> pd.DataFrame:
    """One row a task, track, metric and method: mean, interval, spread over seeds, and who is level with the best."""
    rows = []
    for task, content in board.content["tasks"].items():
        for track, found in content["tracks"].items():
            for metric, methods in found["metrics"].items():
                for method, (mean, low, high, sd) in methods.items():
                    best = method in found["level with the best"][metric]
                    rows.append((task, track, metric, method, mean, low, high, sd, best))
    columns = ["task", "track", "metric", "method", "mean", "low", "high", "sd over seeds", "level with the best"]
    return pd.DataFrame(rows, columns=columns)


def _page(shop: Shop, facts: list[str], board: Stored) -> str:
    """One page that loads nothing: facts, figure, tables."""
    tables = []
    for task, content in board.content["tasks"].items():
        known = f"New users, known by {task.split(', ')[-1]} basket(s)"
        for track in (track for track in content["tracks"] if track != "everyone"):
            heading = f"{_TITLES.get(task, known)}: {_TRACKS[track]}"
            tables.append((heading, board.table(("NDCG@10", "Recall@10"), task, track)))
    if "probabilities" in board.content["tasks"]["window"]:
        tables.append(("Probabilities", board.probabilities().round(4)))
    tables.append(("Costs", board.methods.round(2)))
    shown = [(heading, table.reset_index().to_html(border=0, index=False)) for heading, table in tables]
    page = environment().get_template("leaderboard.html.j2")
    return with_chinese(page.render(shop=shop.name, facts=facts, figure=_figure(board), tables=shown))


def _figure(board: Stored) -> str:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.use("agg", force=False)
        import matplotlib.pyplot as plt

        from bundlebook.plots import evaluation as plots, use_style

        use_style()
        tracks = [track for track in ("all", "explore") if track in board.content["tasks"]["window"]["tracks"]]
        plots.accuracy_against_cost({board.content["level"]: board}, tracks=tracks)
        picture = io.BytesIO()
        plt.savefig(picture, format="png", bbox_inches="tight")
        plt.close()
    return base64.b64encode(picture.getvalue()).decode()
