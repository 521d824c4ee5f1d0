"""The analyst's report on any shop: every page says what it can, and one sentence where it cannot."""

import re

import matplotlib as mpl
import nbformat
import pandas as pd
import pytest

from bundlebook import paths
from bundlebook.reports import find_batch, load_batch

PAGES = ("shop_data", "shop_together", "shop_users", "shop_next", "shop_offers")


def bare(folder, log, products, users):
    """Purchases without any price."""
    return log.drop(columns=["price", "list_price"]), products.drop(columns=["price", "cost"]), users


def nameless(folder, log, products, users):
    return log, products.drop(columns="name"), users


def flat(folder, log, products, users):
    return log, products.drop(columns=["product_type", "category", "department"]), users


def strangers(folder, log, products, users):
    """Every basket is somebody else's, as in a till's log without loyalty cards."""
    return log.assign(user_id=log["user_id"] + "-" + log["basket_id"]), products, None


def closed(folder, log, products, users):
    return log[pd.to_datetime(log["time"]).dt.day_name() != "Saturday"], products, users


def few(folder, log, products, users):
    return log[log["user_id"].isin(sorted(log["user_id"].unique())[:40])], products, users


def two(folder, log, products, users):
    often = log["item_id"].value_counts().index[:2]
    return log[log["item_id"].isin(often)], products[products["item_id"].isin(often)], users


#: A reduced shop, and by page what must be said of it.
REDUCED = {
    bare: {"shop_data": "No price is known", "shop_offers": "needed: a column price"},
    nameless: {"shop_data": "Without name,"},
    flat: {
        "shop_data": "Without product_type, category or department,",
        "shop_users": "The catalogue has no groups of items",
    },
    strangers: {"shop_users": "Nobody came a second time", "shop_next": "users who come at least four times"},
    closed: {"shop_data": "Nobody ever bought anything on a Saturday"},
    few: {"shop_data": "40 users"},
    two: {"shop_data": "of 2 items"},
}


@pytest.fixture
def shop(tmp_path, request):
    """A folder with the sample shop's purchases, reduced."""
    source = paths.data() / "sample_shop"
    log, products, users = (pd.read_csv(source / f"{name}.csv") for name in ("user_data", "product_data", "users"))
    log = log[log["event"] == "purchase"].drop(columns=["session_id", "event"])
    log, products, users = request.param(tmp_path, log, products, users)
    log.to_csv(tmp_path / "user_data.csv", index=False)
    products.to_csv(tmp_path / "product_data.csv", index=False)
    if users is not None:
        users.to_csv(tmp_path / "users.csv", index=False)
    return request.param, tmp_path


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


@pytest.mark.parametrize("shop", list(REDUCED), indirect=True, ids=lambda reduce: reduce.__name__)
def test_every_page_is_made_of_every_shop(shop, capsys):
    reduce, folder = shop
    mpl.use("agg")
    told = {page: run(page, folder, capsys) for page in PAGES}
    users = set(pd.read_csv(folder / "user_data.csv")["user_id"])
    for page, text in told.items():
        assert REDUCED[reduce].get(page, "") in text, (page, text)
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b|Traceback", text), (page, text)
        assert not users & set(re.findall(r"[\w-]+", text)), page


def test_the_quick_methods_are_known():
    from bundlebook.evaluation import METHODS

    template = (paths.root() / "reports" / "templates" / "shop_next.ipynb").read_text(encoding="utf-8")
    named = re.findall(r'\\"([^"]+)\\"', re.search(r"QUICK = \[(.*?)\]", template, re.DOTALL)[1])
    assert len(named) == 7 and set(named) <= {method.name for method in METHODS}


def test_the_batch_has_a_page_for_each_question():
    batch = load_batch(find_batch("shop"), shop="sample")
    assert [job.template.stem for job in batch.jobs] == list(PAGES)
    assert batch.in_turn(batch.jobs)[0].name.startswith("4")
