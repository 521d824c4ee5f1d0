"""Who read what: appended, chained, and every change found."""

from datetime import UTC, datetime

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.trust import AccessLog

KEY = "a secret of the tests that is long"
NOON = datetime(2021, 1, 4, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    made = AccessLog(tmp_path / "deep" / "access.jsonl", KEY)
    for number in range(4):
        made.append("ann", f"user {number}", NOON)
    return made


def test_lines_are_kept_in_their_order(log):
    table = log.table()
    assert table["what"].tolist() == [f"user {number}" for number in range(4)]
    assert set(table["time"]) == {"2021-01-04T12:00:00+00:00"}
    assert log.file.stat().st_mode & 0o077 == 0


def test_every_edit_is_found_at_its_line(log):
    lines = log.file.read_text("utf-8").splitlines()
    edits = {
        "line 2": [lines[0], lines[1].replace("ann", "bob"), *lines[2:]],
        "line 3": [*lines[:2], lines[3], lines[2]],
        "line 1": lines[1:],
        "line 4": [*lines[:3], lines[2]],
        "line 5": [*lines, "{}"],
    }
    for where, edited in edits.items():
        log.file.write_text("\n".join(edited) + "\n", "utf-8")
        with pytest.raises(BundlebookError, match=where):
            log.verify()
        with pytest.raises(BundlebookError, match=where):
            log.append("ann", "more")


def test_a_cut_end_is_found_by_a_noted_code(log):
    noted = log.append("ann", "the last", NOON)
    assert log.verify(noted) == noted
    log.append("ann", "after it", NOON)
    log.verify(noted)
    lines = log.file.read_text("utf-8").splitlines()[:4]
    log.file.write_text("\n".join(lines) + "\n", "utf-8")
    log.verify()
    with pytest.raises(BundlebookError, match="cut off"):
        log.verify(noted)


def test_without_the_key_no_line_can_be_forged(log):
    with pytest.raises(BundlebookError, match="line 1"):
        AccessLog(log.file, KEY + "!").append("eve", "everything")


def test_a_log_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BundlebookError, match="cannot be written"):
        AccessLog(tmp_path / "file" / "access.jsonl", KEY).append("ann", "x")
