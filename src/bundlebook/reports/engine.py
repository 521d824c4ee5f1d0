"""Where jobs run: in kernels of this machine, or on the workers of a Dask cluster."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from bundlebook.reports.execute import Outcome, Watch
from bundlebook.reports.jobs import Job

#: What runs one job; :func:`bundlebook.reports.execute.execute` everywhere.
Execute = Callable[[Job, Path, Path, Watch], Outcome]


class Engine(Protocol):
    """What a batch run needs of the place where its jobs run.

    Attributes
    ----------
    slots : int
        Jobs to hand over at a time.
    """

    slots: int

    def submit(self, job: Job, draft: Path, watch: Watch) -> "Future[Outcome]":
        """Run a job; when the future is done, *draft* holds ``executed.ipynb`` and ``kernel.log``."""

    def stop(self) -> None:
        """End every kernel, and return when all futures are done or cancelled."""

    def close(self) -> None:
        """Give back what the engine holds."""


class ThreadEngine:
    """Kernels of this machine, each driven by a thread: papermill waits far more than it computes."""

    def __init__(self, slots: int, execute: Execute) -> None:
        self.slots = max(1, slots)
        self._execute = execute
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="report")
        self._watches: list[Watch] = []

    def submit(self, job: Job, draft: Path, watch: Watch) -> "Future[Outcome]":
        self._watches.append(watch)
        return self._pool.submit(self._execute, job, draft / "executed.ipynb", draft / "kernel.log", watch)

    def stop(self) -> None:
        for watch in self._watches:
            watch.stop()
        self.close()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
