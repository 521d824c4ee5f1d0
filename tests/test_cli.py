"""Options of the command line that cannot be are usage errors, before anything is read or made."""

import pytest
from click.testing import CliRunner

from bundlebook.cli import main
from tests.reports import made_shops

ASK = ["ask", "--history", "1001:1@2021-01", "--item", "1005", "--at", "2021-05"]
COMMANDS = {"ask": ASK, "evaluate": ["evaluate", "--data", "sample"], "sample": ["sample", "--out", "shop"]}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "luck"])
def test_a_seed_out_of_range_is_a_usage_error(command, seed):
    result = CliRunner().invoke(main, [*COMMANDS[command], "--seed", seed])
    assert result.exit_code == 2
    assert "Invalid value for '--seed'" in result.output


@pytest.mark.parametrize("minutes", ["0", "-1"])
def test_minutes_that_no_fit_could_take_are_a_usage_error(minutes):
    result = CliRunner().invoke(main, [*COMMANDS["evaluate"], "--minutes", minutes])
    assert result.exit_code == 2
    assert "Invalid value for '--minutes'" in result.output


@pytest.mark.parametrize(
    ("customers", "chosen"), [("return", ()), ("once", ("01", "02", "03")), ("unknown", ("01", "02", "03"))]
)
def test_chapters_on_a_shop_whose_users_do_not_return_are_those_that_predict_nothing(
    tmp_path, monkeypatch, customers, chosen
):
    usual = {name: choices[0] for name, choices in made_shops.CHOICES.items()}
    made_shops.write(tmp_path, **{**usual, "customers": customers})
    ran = []

    def no_run(batch, data, only, **options):
        ran.append(only)
        return 0

    monkeypatch.setattr("bundlebook.reports.report", no_run)
    result = CliRunner().invoke(main, ["report", "--data", str(tmp_path), "--chapters"])
    assert result.exit_code == 0, result.output
    assert ran == [chosen]
    assert ("no user has 3 earlier baskets" in result.output) == (customers == "once")
