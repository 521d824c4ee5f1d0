"""Options of the command line that cannot be are usage errors, before anything is read or made."""

import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.chapters import chapter_files
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


EVERY = tuple(file.stem[:2] for file in chapter_files())
UNDESCRIBED = {"names": "none", "money": "none", "levels": "none", "quantities": "none"}


@pytest.mark.parametrize(
    ("choices", "chosen", "told"),
    [
        ({"customers": "return"}, (), ""),
        ({"customers": "once"}, ("01", "02", "03"), "no user has 3 earlier baskets"),
        ({"customers": "unknown"}, ("01", "02", "03"), "Chapters 01, 02, 03 only"),
        (
            UNDESCRIBED,
            (*(number for number in EVERY if number != "08"), "data-card", "model-cards"),
            "the catalogue tells no item from another",
        ),
    ],
)
def test_chapters_that_a_shop_cannot_be_given_are_left_out_with_a_reason(tmp_path, monkeypatch, choices, chosen, told):
    usual = {name: options[0] for name, options in made_shops.CHOICES.items()}
    made_shops.write(tmp_path, **{**usual, **choices})
    if choices is UNDESCRIBED:  # hours of the day would tell items apart
        log = pd.read_csv(tmp_path / "user_data.csv")
        log.assign(time=log["time"].str[:10]).to_csv(tmp_path / "user_data.csv", index=False)
    ran = []

    def no_run(batch, data, only, **options):
        ran.append(only)
        return 0

    monkeypatch.setattr("bundlebook.reports.report", no_run)
    result = CliRunner().invoke(main, ["report", "--data", str(tmp_path), "--chapters"])
    assert result.exit_code == 0, result.output
    assert ran == [chosen]
    assert told in result.output
