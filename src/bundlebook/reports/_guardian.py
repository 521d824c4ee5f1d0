"""A process that outlives a batch run by a moment, to end the kernels of a run that was killed.

A kernel notices by itself that its parent is gone, but not while a library holds the interpreter, and SIGKILL leaves
the run no time to say goodbye. So the run writes each kernel it starts into a pipe that only it holds open. When the
pipe ends, the run is gone, and whatever kernel of it is still there is killed, with everything it started.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Lock

#: Seconds by which two readings of one process's start may differ.
_SAME_START = 0.5


class Guardian:
    """The pipe to the guarding process, which is started with the first kernel."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._lock = Lock()

    def watch(self, pid: int) -> None:
        """End this kernel, should the process that calls die."""
        if not hasattr(os, "killpg"):  # Windows has no groups of processes to end
            return
        import psutil

        with self._lock, contextlib.suppress(OSError, psutil.Error):
            if self._process is None or self._process.poll() is not None:
                # A session of its own: Ctrl-C in the terminal is not meant for it.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            pipe = self._process.stdin
            assert pipe is not None
            pipe.write(f"{pid} {psutil.Process(pid).create_time()}\n".encode())
            pipe.flush()


def _wait_and_end() -> None:
    """Read kernels until the pipe ends, then kill those that are still the processes they were."""
    lines = sys.stdin.read().split("\n")
    import psutil

    for line in filter(None, lines):
        pid, began = line.split()
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            if abs(psutil.Process(int(pid)).create_time() - float(began)) < _SAME_START:
                os.killpg(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    _wait_and_end()
