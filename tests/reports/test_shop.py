"""The analyst's report on any shop: every page says what it can, and one sentence where it cannot."""

import re
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from bundlebook import paths
from bundlebook.plots.shop import times
from bundlebook.reports import BatchRun, find_batch, load_batch
from tests.reports import made_shops

PAGES = ("shop_data", "shop_together", "shop_users", "shop_next", "shop_offers")


#: What must be said on a page of a shop for which this was chosen. Each names what would be needed.
SAID = {
    ("money", "none"): {"shop_data": "user_data.csv has no column price: no price is known"},
    ("money", "prices"): {"shop_data": "Without list_price"},
    ("names", "none"): {"shop_data": "Without name,"},
    ("levels", "none"): {"shop_users": "needed: a column category", "shop_data": "Without product_type,"},
    ("customers", "once"): {"shop_users": "Nobody came a second time", "shop_next": "Needed: some months of purchases"},
    ("customers", "unknown"): {"shop_users": "too few customers", "shop_offers": "Needed: at least five customers"},
    ("users", "none"): {"shop_data": "Without users.csv"},
    ("size", "2 items"): {"shop_data": "of 2 items"},
    ("closed", "Saturdays"): {"shop_data": "Nobody ever bought anything on a Saturday"},
    ("span", "5 weeks"): {"shop_users": "too short to tell who has stopped coming"},
}
#: What no page of these shops may hold: a value that is none, or the word and the currency of another shop.
NEVER = re.compile(r"\bnan\b|\bNone\b|\binf\b|Traceback|\busers?\b(?!\.csv)|household|\$(?!5 &)")
SHOPS = made_shops.design()


def run(page: str, folder, capsys, **parameters) -> str:
    """Run a template's cells in this process, which spares a kernel's start; return what they tell."""
    notebook = nbformat.read(paths.root() / "reports" / "templates" / f"{page}.ipynb", as_version=4)
    space: dict = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{page} {cell.id}", "exec"), space)
            if "parameters" in cell.metadata.get("tags", []):
                space.update({"SHOP": str(folder), **parameters})
    return capsys.readouterr().out


@pytest.mark.parametrize("choices", SHOPS, ids=lambda choices: "-".join(choices.values()).replace(" ", ""))
def test_every_page_is_made_of_every_shop(choices, tmp_path, capsys):
    mpl.use("agg")
    made_shops.write(tmp_path, **choices)
    told = {page: run(page, tmp_path, capsys) for page in PAGES}
    plt.close("all")
    users = set(pd.read_csv(tmp_path / "user_data.csv")["user_id"])
    for page, text in told.items():
        for choice in choices.items():
            assert SAID.get(choice, {}).get(page, "") in text, (page, choice, text)
        assert not NEVER.search(text), (page, NEVER.findall(text), text)
        assert not re.search(r"with \d+ or more baskets before|by -\d|is -\d", text), (page, text)
        assert not users & set(re.findall(r"[\w-]+", text)), page
        assert page == "shop_data" or choices["money"] != "none" or not re.search(r"\bspen[dt]", text), page
    if choices["span"] == "5 weeks" and choices["customers"] == "return":
        assert re.search(r"cannot be foreseen: the log is \d+ days long", told["shop_next"])


def test_what_was_lost_is_the_first_thing_said(tmp_path, capsys):
    mpl.use("agg")
    made_shops.write(tmp_path, **{name: options[0] for name, options in made_shops.CHOICES.items()})
    log = pd.read_csv(tmp_path / "user_data.csv").astype({"price": str})
    log.loc[::20, "price"] = "not known"
    log.to_csv(tmp_path / "user_data.csv", index=False)
    for page in PAGES:
        first = run(page, tmp_path, capsys).splitlines()[0]
        assert "could not be used, which is 5.0% of the revenue" in first and "Mend" in first, page
    plt.close("all")


def test_rows_that_stand_twice_are_told_with_their_revenue(tmp_path, capsys):
    mpl.use("agg")
    made_shops.write(tmp_path, **{name: options[0] for name, options in made_shops.CHOICES.items()})
    log = pd.read_csv(tmp_path / "user_data.csv", dtype=str)
    log = log.drop_duplicates()
    pd.concat([log, log.head(len(log) // 20)]).to_csv(tmp_path / "user_data.csv", index=False)
    told = run("shop_data", tmp_path, capsys)
    plt.close("all")
    found = re.search(
        r"([\d,]+) events equal an earlier one in every column and were left out: (.*?)% of the rev", told
    )
    assert int(found[1].replace(",", "")) == len(log) // 20
    assert 2 < float(found[2]) < 8


def test_a_log_of_days_has_no_panel_of_hours():
    times(pd.Series(pd.date_range("2022-01-03", periods=60)))
    panels = len(plt.gcf().axes)
    plt.close("all")
    assert panels == 2


def test_hours_of_a_log_of_one_hour_have_few_marks():
    """Where all purchases stand at one hour, a mark at every 5 % would be twenty of them."""
    times(pd.Series(pd.date_range("2022-01-03 09:00", periods=60)))
    plt.gcf().canvas.draw()
    _, weekdays, hours = plt.gcf().axes
    shown = [
        sum(axis.get_ylim()[0] <= at <= axis.get_ylim()[1] for at in axis.get_yticks()) for axis in (weekdays, hours)
    ]
    plt.close("all")
    assert max(shown) <= 8


@pytest.mark.parametrize("end", ["2022-02-07", "2022-12-31", "2024-01-02", "2024-11-30", "2027-01-03"])
def test_the_weeks_of_any_log_are_drawn_without_a_warning(end):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times(pd.Series(pd.date_range("2022-01-03", end)))
        plt.gcf().canvas.draw()
    plt.close("all")


def test_the_quick_methods_are_known():
    from bundlebook.evaluation import METHODS

    template = (paths.root() / "reports" / "templates" / "shop_next.ipynb").read_text(encoding="utf-8")
    named = re.findall(r'\\"([^"]+)\\"', re.search(r"QUICK = \[(.*?)\]", template, re.DOTALL)[1])
    assert len(named) == 7 and set(named) <= {method.name for method in METHODS}


def test_the_batch_has_a_page_for_each_question():
    batch = load_batch(find_batch("shop"), shop="sample")
    assert [job.template.stem for job in batch.jobs] == list(PAGES)
    assert batch.in_turn(batch.jobs)[0].name.startswith("4")


def test_an_offer_of_which_the_later_weeks_say_nothing_says_so(tmp_path):
    """The pair of the last items of the made shop is rare: nobody bought one of them lately."""
    usual = {name: choices[0] for name, choices in made_shops.CHOICES.items()}
    folder = tmp_path / "shop"
    folder.mkdir()
    chosen = {"money": "catalogue", "span": "5 years", "closed": "Saturdays", "users": "table", "levels": "category"}
    made_shops.write(folder, **{**usual, **chosen})
    batch = load_batch(find_batch("shop"), shop=str(folder), only=["5"])
    assert BatchRun(batch, slots=1, out=tmp_path / "out").run() == 0
    page = (tmp_path / "out" / "shop" / "5-what-to-offer.html").read_text()
    assert ">not bought<" in page and ">NaN<" not in page
