"""What a person sees while a batch runs."""

import io
import sys

from bundlebook.reports._kernels import Watch
from bundlebook.reports._progress import LiveProgress, Progress, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def entry(status="passed", **more):
    return {"status": status, "reused": False, "seconds": 3.0} | more


def test_a_terminal_gets_a_moving_line_for_each_running_job(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    show = progress(3, slots=2)
    assert isinstance(show, LiveProgress)
    one, two = Watch(cells=12), Watch(cells=4)
    show.begin("north", one, before=61.0)
    show.begin("south", two, before=None)
    one.done, two.done, show._drawn = 5, 1, 0.0
    show.tick()
    lines = terminal.getvalue()
    assert "north" in lines and "5/12 cells, 00:0" in lines and "of about 1 min 1 s" in lines
    assert "south" in lines and "1/4 cells" in lines
    drawn = len(terminal.getvalue())
    show.tick()  # at once again: a terminal is not flooded
    assert len(terminal.getvalue()) == drawn
    show.leave("north")
    show.end("north", entry())
    assert "[  1/3] passed    north  3.0 s" in terminal.getvalue()
    show.begin("west", Watch(), before=None)  # takes the line that is free again
    assert show._bars["west"][2] == 0
    show.close()
    assert show._bars == {}


def test_elsewhere_plain_lines_say_what_happened(capsys):
    show = progress(2, slots=2)
    assert type(show) is Progress
    show.begin("north", Watch(), before=61.0)
    show.tick()
    show.end("north", entry("failed", problem="ValueError: no", number=3))
    show.end("south", entry(reused=True))
    assert capsys.readouterr().out.splitlines() == [
        "          started  north (about 1 min 1 s)",
        "[  1/2] failed    north  3.0 s",
        "          ValueError: no in code cell 3",
        "[  2/2] reused    south  (3.0 s when it ran)",
    ]
