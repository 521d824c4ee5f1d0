"""What a person sees while a batch runs: a live line a job in a terminal, plain lines anywhere else."""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundlebook.reports._executed import seconds
from bundlebook.reports._kernels import Watch


class Progress:
    """Plain lines, for logs and pipes.

    Parameters
    ----------
    total : int
        Jobs of the batch that were asked for.
    """

    def __init__(self, total: int) -> None:
        self.total, self.ended = total, 0

    def begin(self, name: str, watch: Watch, before: float | None) -> None:
        """A job starts; *before* is how long it, or another of its template, took before, in seconds."""
        about = f" (about {seconds(before)})" if before else ""
        self.say(f"          started  {name}{about}")

    def tick(self) -> None:
        """Some time has passed."""

    def leave(self, name: str) -> None:
        """A job's kernel has ended; its page is still to be made."""

    def end(self, name: str, entry: Mapping[str, Any]) -> None:
        """A job has ended or was reused."""
        self.ended += 1
        state = "reused" if entry.get("reused") else entry["status"]
        line = f"[{self.ended:>3}/{self.total}] {state:<9} {name}"
        if state == "reused":
            line += f"  ({seconds(entry['seconds'])} when it ran)"
        elif entry.get("seconds") is not None:
            line += f"  {seconds(entry['seconds'])}"
        if entry.get("problem"):
            place = f" in code cell {entry['number']}" if entry.get("number") else ""
            line += f"\n          {entry.get('problem', '')}{place}"
        self.say(line)

    def say(self, text: str) -> None:
        """Print a line that stays. Where nobody listens any more (`| head`, a full disk), the work goes on."""
        try:
            self._print(text)
        except (OSError, ValueError):
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), 1)

    def _print(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""


class LiveProgress(Progress):
    """One moving line a running job: cells done, time so far, time it took before."""

    def __init__(self, total: int, slots: int) -> None:
        super().__init__(total)
        self._free = list(range(slots))
        self._bars: dict[str, tuple[Any, Watch, int]] = {}
        self._drawn = 0.0

    def begin(self, name: str, watch: Watch, before: float | None) -> None:
        from tqdm import tqdm

        slot = self._free.pop(0) if self._free else 0
        about = f" of about {seconds(before)}" if before else ""
        # Asked for here, since tqdm draws nothing in a terminal that does not tell its size.
        screen = shutil.get_terminal_size()
        wide = screen.columns >= 104
        options = {"ncols": min(110, screen.columns - 1), "nrows": screen.lines, "leave": False, "file": sys.stdout}
        bar = "{bar:24}" if wide else "{bar:8}"
        form = "{desc} " + bar + " {n_fmt}/{total_fmt} cells, {elapsed}" + about
        label = f"  {name[:36]:<36}" if wide else f"  {name[:20]:<20}"
        self._bars[name] = (
            tqdm(total=0, desc=label, position=slot, bar_format=form, **options),
            watch,
            slot,
        )

    def tick(self) -> None:
        if time.monotonic() - self._drawn < 0.3:
            return
        self._drawn = time.monotonic()
        for bar, watch, _ in self._bars.values():
            bar.total, bar.n = watch.cells or None, watch.done
            bar.refresh()

    def leave(self, name: str) -> None:
        if name in self._bars:
            bar, _, slot = self._bars.pop(name)
            bar.close()
            self._free = sorted([*self._free, slot])

    def _print(self, text: str) -> None:
        from tqdm import tqdm

        tqdm.write(text, file=sys.stdout)

    def close(self) -> None:
        for name in list(self._bars):
            self.leave(name)


def progress(total: int, slots: int) -> Progress:
    """The kind of progress that suits where standard output goes."""
    # Python has no standard output where the shell closed it.
    return LiveProgress(total, slots) if sys.stdout is not None and sys.stdout.isatty() else Progress(total)
