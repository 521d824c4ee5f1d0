"""The page of `bundlebook evaluate` keeps the rules of every other page."""

import json
import re
from types import SimpleNamespace

import pandas as pd
from bs4 import BeautifulSoup

from bundlebook import paths
from bundlebook.evaluation import Options, Size, Stored
from bundlebook.reports._leaderboard import _facts, _page
from bundlebook.shop import load_shop
from bundlebook.tables import without_formulas
from tests.reports import made_shops
from tests.reports.looking import loads


def test_the_leaderboard_forbids_programs_and_requests_and_shows_names_as_they_are():
    boards = json.loads((paths.root() / "benchmarks" / "leaderboard.json").read_text(encoding="utf-8"))["boards"]
    html = _page(SimpleNamespace(name="<img src=x onerror=go()> 张三"), ["A & B"], Stored(boards["product_type"]))
    soup = BeautifulSoup(html, "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert "default-src 'none'" in policy["content"]
    assert loads(html) == []
    assert soup.find("h1").get_text() == "Leaderboard: <img src=x onerror=go()> 张三"
    assert all(table.parent["class"] == ["scroll"] for table in soup.find_all("table"))


def test_text_that_a_spreadsheet_would_run_is_made_text_and_numbers_stay():
    table = pd.DataFrame({"=name": ["=1+1", "@x", "-2+3", "-1.5", "tea", None], "price": [-1.0, 2, 3, 4, 5, 6]})
    found = without_formulas(table)
    assert found["'=name"].tolist()[:5] == ["'=1+1", "'@x", "-2+3", "-1.5", "tea"]
    assert found["price"].tolist() == table["price"].tolist()


def test_what_was_lost_stands_first_and_users_are_called_as_the_shop_calls_them(tmp_path):
    made_shops.write(tmp_path, **{name: options[0] for name, options in made_shops.CHOICES.items()})
    log = pd.read_csv(tmp_path / "user_data.csv").astype({"price": str})
    log.loc[::20, "price"] = "not known"
    log.to_csv(tmp_path / "user_data.csv", index=False)
    facts = _facts(load_shop(tmp_path), "product_type", Size(200, 30, 900, 1000), Options(most_users=100), {})
    assert facts[0] == "LOST 5.0% of the revenue of shop 'corner shop'"
    assert not [fact for fact in facts if re.search(r"\busers?\b", fact)] and any(
        "200 customers" in fact for fact in facts
    )
