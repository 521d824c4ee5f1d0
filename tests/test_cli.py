"""Options of the command line that cannot be are usage errors, before anything is read or made."""

import pytest
from click.testing import CliRunner

from bundlebook.cli import main

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
