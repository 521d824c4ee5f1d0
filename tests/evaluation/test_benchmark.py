"""The one command that remakes the leaderboard, in its small profile, and the reader's own board."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook import cli, paths
from bundlebook.evaluation import Options, Stored
from bundlebook.reports import evaluate_shop


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Run it as a reader would, in a process of its own."""
    folder = tmp_path_factory.mktemp("board")
    script = paths.root() / "benchmarks" / "leaderboard.py"
    command = [sys.executable, str(script), "--profile", "small", "--levels", "product_type", "--out", str(folder)]
    environment = {
        "BUNDLEBOOK_CACHE": str(folder / "cache"),
        "BUNDLEBOOK_OUT": str(folder / "out"),
        "MPLBACKEND": "agg",
    }

    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_small_profile_makes_a_board_and_a_figure(small):
    board = Stored.read(small / "leaderboard.json", "product_type")
    assert len(board.methods) >= 8 and not (board.methods["family"] == "network").any()
    assert board.content["failed"] == {}
    assert set(board.content["tasks"]) == {"window", "next_basket", "new, 1", "new, 2", "new, 4"}
    ranking = board.intervals("NDCG@10")
    assert ranking.index[-1] == "popularity" and (ranking["low"] <= ranking["mean"]).all()
    assert (small / "leaderboard.png").read_bytes()[:4] == b"\x89PNG"


def own_folder(folder, n_users=200, n_days=7 * 24):
    """Two hundred customers of a shop without basket_id, in the contract's words."""
    rng = np.random.default_rng(0)
    taste = rng.dirichlet(np.full(30, 0.2), size=n_users)
    rows = []
    for user in range(n_users):
        for day in np.flatnonzero(rng.random(n_days) < 0.15):
            for item in np.unique(rng.choice(30, size=3, p=taste[user])):
                rows.append((f"u{user:03d}", f"i{item:02d}", np.datetime64("2024-01-01") + int(day)))
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "time"]).assign(event="purchase", quantity=1, price=2.5)
    log.to_csv(folder / "user_data.csv", index=False)
    items = [f"i{item:02d}" for item in range(30)]
    products = pd.DataFrame({"item_id": items, "name": items, "category": "all", "brand": "b", "price": 2.5})
    products.to_csv(folder / "product_data.csv", index=False)
    return folder


def test_two_hundred_customers_without_baskets_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))
    (tmp_path / "shop").mkdir()
    lines = []
    board = evaluate_shop(
        own_folder(tmp_path / "shop"),
        tmp_path / "board",
        options=Options(seeds=1, requests=3, new_share=0),
        networks=False,
        resamples=200,
        say=lines.append,
        progress=False,
    )
    text = "\n".join(lines)
    assert "A basket is all a user bought on one day" in text and "200 users" in text
    assert "GRU + repeat-aware head is switched off: networks were switched off" in text
    table = pd.read_csv(tmp_path / "board" / "leaderboard.csv")
    row = table.query("task == 'window' and track == 'all' and metric == 'NDCG@10'").set_index("method")["mean"]
    assert row.to_dict() == pytest.approx(board.intervals("NDCG@10")["mean"].to_dict())
    assert row["personal frequency"] > row["popularity"]
    page = (tmp_path / "board" / "leaderboard.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page and "http" not in page.replace("http-equiv", "")
    assert str(tmp_path) not in page
    assert json.loads((tmp_path / "board" / "leaderboard.json").read_text())["made"]["real"]


def test_a_quick_look_judges_what_is_simple(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    lines = []
    shop = own_folder(tmp_path, n_users=80)
    board = evaluate_shop(shop, tmp_path / "board", resamples=100, say=lines.append, progress=False, quick=True)
    assert set(board.methods["family"]) == {"counting", "neighbours", "linear"}
    assert "content-based gave up: the catalogue tells no item from another" in "\n".join(lines)
    assert set(board.content["tasks"]) == {"window", "next_basket"}
    assert "A quick look" in "\n".join(lines)


def test_lists_of_a_shop_with_eight_items_hold_eight(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(5)
    folder = tmp_path / "shop"
    folder.mkdir()
    days = pd.to_datetime("2021-01-04") + pd.to_timedelta(rng.integers(0, 30 * 7, 1200), unit="D")
    log = pd.DataFrame({"user_id": rng.integers(0, 40, 1200), "item_id": rng.integers(0, 8, 1200), "time": days})
    log.assign(item_id="A" + log["item_id"].astype(str)).to_csv(folder / "user_data.csv", index=False)
    pd.DataFrame({"item_id": [f"A{i}" for i in range(8)]}).to_csv(folder / "product_data.csv", index=False)
    board = evaluate_shop(folder, tmp_path / "board", resamples=100, say=[].append, progress=False, quick=True)
    assert "popularity" in board.methods.index


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    result = CliRunner().invoke(cli.main, ["evaluate", "--data", str(tmp_path / "nowhere")])
    assert result.exit_code == 1 and "there is no folder" in result.output and "Traceback" not in result.output
