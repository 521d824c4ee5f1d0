"""``bundlebook ask``: the answer of chapter 06, and one clear message for each way to ask wrongly."""

from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from bundlebook import ask
from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import RecurrentRecommender
from bundlebook.shop import clean, group_baskets, load_shop, time_split, zhangsan

HIS = "1001:1@2021-01,1002:2@2021-02,1003:1@2021-03,1004:3@2021-04"
SMALL = {"width": 4, "repeat": 2, "epochs": 1}


@pytest.fixture(scope="module")
def prepared():
    shop, _ = clean(load_shop("sample"))
    split = time_split(group_baskets(shop))
    task = split.task("validation")
    network = RecurrentRecommender(**SMALL, seed=7).fit(task.visible, task.at)
    return shop, split, task, network


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A network of seconds, and a cache of its own."""
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(ask, "RecurrentRecommender", partial(RecurrentRecommender, **SMALL))


def test_parse_keeps_the_order_and_the_text():
    table = ask.parse(" 1001:1@2021-01, 1002:three@2021-02 ")
    assert table.to_numpy().tolist() == [["2021-01", "1001", "1"], ["2021-02", "1002", "three"]]


def test_answers_what_the_network_says_of_his_history(prepared, small):
    shop, split, task, network = prepared
    answer = ask.answer(ask.parse(HIS), "1005", "2021-05", "sample", seed=7)
    mapped = zhangsan.mapping(split, shop)
    p = network.probability(zhangsan.history(split, mapped, task.at), task.at)[0]
    column = list(split.baskets.items).index(mapped["item"][1005])
    assert answer.probability == pytest.approx(p[column], abs=1e-6)
    assert answer.place == (p > p[column]).sum() + 1 and answer.n_items == len(p)
    bought = task.visible.between(task.at - 28, task.at).user_item()
    came = np.diff(bought.indptr) > 0
    assert answer.popularity == pytest.approx((bought.toarray()[came, column] > 0).mean())
    later = HIS.replace("2021", "2023")
    again = ask.answer(ask.parse(later), "1005", "2023-05", "sample", seed=7)
    assert again.probability == answer.probability  # months count back from the month asked for


def test_the_command_prints_the_answer(small):
    run = CliRunner().invoke(main, ["ask", "--history", HIS, "--item", "1005", "--at", "2021-05", "--data", "sample"])
    assert run.exit_code == 0, run.output
    assert "P(1005 bought in 2021-05) = 0." in run.output
    assert "place" in run.output


@pytest.mark.parametrize(
    ("history", "item", "at", "named", "remedy"),
    [
        ("", "1005", "2021-05", "''", "1001:1@2021-01"),
        ("1001@2021-01", "1005", "2021-05", "1001@2021-01", "1001:1@2021-01"),
        ("1001:1@2021-01,,", "1005", "2021-05", "line 2", "comma"),
        ("1001:1@2021-01,1009:1@2021-02", "1005", "2021-05", "'1009'", "1001, 1002"),
        ("1001:1@2021-01", "beer", "2021-05", "'beer'", "1001, 1002"),
        ("1002:1@2021-02,1001:1@2021-01", "1005", "2021-05", "2021-01 comes after 2021-02", "order of time"),
        ("1001:0@2021-01", "1005", "2021-05", "quantity 0", "leave out"),
        ("1001:-1@2021-01", "1005", "2021-05", "quantity -1", "leave out"),
        ("1001:1000000000@2021-01", "1005", "2021-05", "quantity 1000000000", "leave out"),
        ("1001:1e9@2021-01", "1005", "2021-05", "'1e9'", "2, 3"),
        ("1001:three@2021-01", "1005", "2021-05", "'three'", "2, 3"),
        ("1001:1@2021-13", "1005", "2021-05", "'2021-13'", "2021-04"),
        ("1001:1@2021-01", "1005", "May", "'May'", "2021-04"),
        ("1001:1@2021-05", "1005", "2021-05", "2021-05 is not before 2021-05", "ends before"),
        ("1001:1@2031-01", "1005", "2021-05", "2031-01 is not before 2021-05", "ends before"),
        ("1001:1@1999-01", "1005", "2021-05", "1999-01 lies 268 months before", "leave the purchase out"),
        ("1001:1@2021-01", "1005", "2035-05", "2021-01 lies 172 months before 2035-05", "earlier month"),
    ],
)
def test_every_wrong_question_is_one_message_that_names_it_and_the_way_out(history, item, at, named, remedy):
    with pytest.raises(BundlebookError) as caught:
        ask.answer(ask.parse(history), item, at, "sample")
    assert named in str(caught.value)
    assert remedy in caught.value.remedy


def test_the_command_shows_the_message_and_no_traceback():
    run = CliRunner().invoke(main, ["ask", "--history", "1001:0@2021-01", "--item", "1005", "--at", "2021-05"])
    assert run.exit_code == 1
    assert run.output.startswith("Error: ") and "quantity 0" in run.output and "Remedy" in run.output
    assert "Traceback" not in run.output
