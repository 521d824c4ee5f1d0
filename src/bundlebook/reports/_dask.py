"""Jobs on the workers of a Dask cluster: the same execution, elsewhere, and once more where a worker was lost.

A worker needs the same project in the same folder as the machine that asks (a shared disk, or the same image). What a
job leaves travels back in memory, so no output folder has to be shared.
"""

import tempfile
import time
import uuid
from concurrent.futures import Future
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bundlebook.errors import BundlebookError
from bundlebook.reports._batch import Job
from bundlebook.reports._kernels import DIED, INTERRUPTED, NOT_STARTED, Outcome, Watch, execute, quieten

#: Watches of the jobs that run in this process, by batch and name; filled on workers only.
_RUNNING: dict[tuple[str, str], Watch] = {}
_PATIENCE = 20
_EVERY = 0.5


def run_on_worker(job: Job, batch: str) -> dict[str, Any]:
    """Run a job on a worker, and pack what it left.

    Returns
    -------
    dict
        ``outcome``, ``seen`` (the watch's figures), ``executed`` and ``log`` (bytes; None if nothing was written).
    """
    if not job.template.is_file():
        missing = f"the worker has no {job.template.name} where the batch has it: workers need the same project"
        outcome = Outcome(NOT_STARTED, "FileNotFoundError", missing)
        return {"outcome": outcome, "seen": {}, "executed": None, "log": None}
    quieten()
    watch = _RUNNING[batch, job.name] = Watch()
    try:
        with tempfile.TemporaryDirectory(prefix="bundlebook-") as folder:
            executed, log = Path(folder) / "executed.ipynb", Path(folder) / "kernel.log"
            outcome = execute(job, executed, log, watch)
            written = {"executed": executed, "log": log}
            return {
                "outcome": outcome,
                "seen": _seen(watch),
                **{name: file.read_bytes() if file.is_file() else None for name, file in written.items()},
            }
    finally:
        _RUNNING.pop((batch, job.name), None)


def look(batch: str) -> dict[str, dict[str, Any]]:
    """How far the jobs of a batch are in this process (asked of every worker while they run)."""
    return {name: _seen(watch) for (owner, name), watch in list(_RUNNING.items()) if owner == batch}


def stop_all(batch: str) -> None:
    """End the kernels of a batch in this process."""
    for (owner, _), watch in list(_RUNNING.items()):
        if owner == batch:
            watch.stop()


def _seen(watch: Watch) -> dict[str, Any]:
    return {"cells": watch.cells, "done": watch.done, "cell": watch.cell, "peak_mb": watch.peak_mb}


class DaskEngine:
    """Workers of a Dask cluster.

    Parameters
    ----------
    slots : int or None
        Jobs to hand over at a time; None: as many as the cluster has threads, or two for a cluster of this machine.
    scheduler : str, optional
        Address of a scheduler, for example ``tcp://10.0.0.5:8786``; None starts a cluster on this machine, a process
        for each slot.

    Raises
    ------
    BundlebookError
        If Dask is not installed, or the scheduler does not answer.
    """

    def __init__(self, slots: int | None, scheduler: str | None = None) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise BundlebookError(
                "the package distributed is not installed",
                where="--engine dask",
                remedy="pip install 'bundlebook[dask]', or leave out --engine",
            ) from error
        self.cluster = None
        if scheduler is None:
            # Kernels are the workers' children and not counted as their memory, so a limit would mean nothing.
            options = {"threads_per_worker": 1, "processes": True, "memory_limit": 0, "dashboard_address": None}
            self.cluster = LocalCluster(n_workers=max(1, slots or 2), **options)
        try:
            self.client = Client(self.cluster or scheduler, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BundlebookError(
                f"no Dask scheduler answers at {scheduler!r}", where="--scheduler", remedy="start it: dask scheduler"
            ) from error
        self.slots = slots or max(1, sum(self.client.nthreads().values()))
        self.batch = uuid.uuid4().hex
        self._futures: dict[str, tuple[Any, Future, Watch]] = {}
        self._closing = Event()
        self._looker = Thread(target=self._keep_looking, name="report-progress", daemon=True)
        self._looker.start()

    def submit(self, job: Job, draft: Path, watch: Watch) -> "Future[Outcome]":
        done: Future[Outcome] = Future()
        done.set_running_or_notify_cancel()
        remote = self.client.submit(run_on_worker, job, self.batch, key=f"{job.name}-{uuid.uuid4().hex}", pure=False)
        self._futures[job.name] = remote, done, watch
        remote.add_done_callback(lambda finished: self._fetch(finished, draft, watch, done))
        return done

    def _fetch(self, finished: Any, draft: Path, watch: Watch, done: "Future[Outcome]") -> None:
        try:
            result = finished.result()
        except BaseException as error:  # lost workers, a lost scheduler, a cancelled task: each has its own class
            outcome = _lost(error, self._closing.is_set())
        else:
            outcome = result["outcome"]
            for name, value in result["seen"].items():
                setattr(watch, name, value)
            try:
                for name, file in (("executed", "executed.ipynb"), ("log", "kernel.log")):
                    if result[name] is not None:
                        (draft / file).write_bytes(result[name])
            except OSError as error:
                done.set_exception(error)
                return
        (draft / "kernel.log").touch()
        if not done.done():
            done.set_result(outcome)

    def _keep_looking(self) -> None:
        while not self._closing.wait(_EVERY):
            try:
                answers = self.client.run(look, self.batch, on_error="ignore")
            except Exception:  # a worker that is being lost: the next look will do
                continue
            for jobs in answers.values():
                for name, seen in jobs.items():
                    if name not in self._futures:
                        continue
                    _, done, watch = self._futures[name]
                    if not done.done():
                        watch.cells, watch.done, watch.cell = seen["cells"], seen["done"], seen["cell"]

    def stop(self) -> None:
        self._closing.set()
        try:
            waiting = [remote for remote, done, _ in self._futures.values() if not done.done()]
            self.client.cancel(waiting, force=True)
            self.client.run(stop_all, self.batch, on_error="ignore")
        except Exception:  # the cluster is gone: then so are its kernels
            pass
        patience = time.monotonic() + _PATIENCE
        for _, done, _ in self._futures.values():
            while not done.done() and time.monotonic() < patience:
                time.sleep(0.05)
            if not done.done():
                done.set_result(_lost(TimeoutError("the cluster did not answer"), True))

    def close(self) -> None:
        self._closing.set()
        self._looker.join(timeout=_PATIENCE)
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def _lost(error: BaseException, stopped: bool) -> Outcome:
    """What to say of a job that came back without a result."""
    kind = type(error).__name__
    if stopped:
        return Outcome(INTERRUPTED, kind, "the batch was interrupted")
    if kind == "KilledWorker":
        return Outcome(DIED, kind, "every worker that ran it was lost; it may need more memory")
    return Outcome(NOT_STARTED, kind, f"the cluster lost it: {str(error) or kind}")
