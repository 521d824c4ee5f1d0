"""The promise to analysts: every chapter runs on another shop by one parameter, here on the sample shop."""

import json

import pandas as pd
import pytest

from bundlebook import chapters, paths
from bundlebook.reports import declared_parameters, report
from tests.reports import made_shops

#: That a chapter runs is shown by a short run as well as by a long one; how well a network learns is not asked here.
SHORT = {"EPOCHS": 2, "WIDTH": 16, "ITERATIONS": 30, "RUNS": 1, "RUN_EPOCHS": 1, "CURVE_USERS": 50}
SHORT |= {"RESAMPLES": 1000, "REPEATS": 2, "CARTS": 200, "CASES": 200, "SESSIONS": 1000, "HOUSEHOLDS": 100}
SHORT |= {"SEEDS": 2, "STEPS": 30, "EPISODES": 10_000, "AGENTS": 2, "CUSTOMERS": 5, "LOGS": 5}
SHORT |= {"UPDATES": 5, "NIGHTS": 5, "DRAWS": 2, "EXPLAINED": 50, "ROUNDS": 10, "BASKET_USERS": 100, "FEW_USERS": 20}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The index of one batch that runs all chapters on the sample shop, with a cache and output of its own."""
    known = {name for file in chapters.chapter_files() for name in declared_parameters(file)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUNDLEBOOK_OUT", str(tmp_path_factory.mktemp("out")))
        patch.setenv("BUNDLEBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        short = [f"{name}={value}" for name, value in SHORT.items() if name in known]
        code = report("chapters", "sample", slots=2, settings=short)
        return code, json.loads((paths.out() / "chapters" / "index.json").read_text(encoding="utf-8"))


def test_all_chapters_pass_on_the_sample_shop(index):
    code, content = index
    names = [*(file.stem for file in chapters.chapter_files()), "data-card", "model-cards"]
    assert {job["name"]: job["status"] for job in content["jobs"]} == dict.fromkeys(names, "passed")
    assert code == 0


def test_every_chapter_has_headline_figures(index):
    assert all(job["metrics"] for job in index[1]["jobs"])


@pytest.mark.parametrize("customers", ["once", "unknown"])
def test_association_needs_no_user_who_comes_back(tmp_path, monkeypatch, customers):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))
    usual = {name: choices[0] for name, choices in made_shops.CHOICES.items()}
    folder = tmp_path / "shop"
    folder.mkdir()
    made_shops.write(folder, **{**usual, "customers": customers})
    assert report("chapters", str(folder), only=("03",)) == 0


def test_judging_needs_no_catalogue_that_tells_items_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))
    usual = {name: choices[0] for name, choices in made_shops.CHOICES.items()}
    folder = tmp_path / "shop"
    folder.mkdir()
    made_shops.write(folder, **{**usual, **dict.fromkeys(("names", "money", "levels", "quantities"), "none")})
    log = pd.read_csv(folder / "user_data.csv")
    log.assign(time=log["time"].str[:10]).to_csv(folder / "user_data.csv", index=False)  # hours would tell them apart
    short = [f"{name}={SHORT[name]}" for name in ("EPOCHS", "RUNS", "RUN_EPOCHS", "RESAMPLES")]
    assert report("chapters", str(folder), only=("05", "07"), settings=short) == 0
