"""A shop of forty users in a folder: its log up to a Monday, and a file for every week that follows."""

import shutil

import pandas as pd
import pytest

from bundlebook import paths
from bundlebook.shop import load_shop

#: First day that the shop's own log does not hold.
CUT = pd.Timestamp("2021-03-01")
WEEKS = 4


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", "a key that is made for tests alone")


@pytest.fixture(scope="session")
def log():
    events = load_shop("sample").events
    users = sorted(events["user_id"].unique())[:120]
    events = events[events["user_id"].isin(users) & (events["event"] == "purchase")]
    return events[events["time"] < CUT + pd.Timedelta(weeks=WEEKS)].reset_index(drop=True)


def write_shop(folder, log):
    """Write the shop; return the files of the weeks."""
    folder.mkdir()
    for name in ("product_data.csv", "shop.yaml"):
        shutil.copy(paths.data() / "sample_shop" / name, folder)
    log[log["time"] < CUT].to_csv(folder / "user_data.csv", index=False)
    weeks = folder.parent / f"{folder.name}-weeks"
    weeks.mkdir()
    files = []
    for week in range(WEEKS):
        start = CUT + pd.Timedelta(weeks=week)
        files.append(weeks / f"week{week}.csv")
        log[(log["time"] >= start) & (log["time"] < start + pd.Timedelta(weeks=1))].to_csv(files[-1], index=False)
    return files


@pytest.fixture
def folder(tmp_path, log):
    return tmp_path / "shop", write_shop(tmp_path / "shop", log)
