"""Run a batch: reuse what is still true, run the rest side by side, write each result as it comes."""

import io
import logging
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports import _executed, _identity, _kernels
from bundlebook.reports._batch import Batch, Job, find_batch, load_batch
from bundlebook.reports._drawings import find_chromium
from bundlebook.reports._kernels import INTERRUPTED, NOT_WRITTEN, PASSED, Outcome, Watch
from bundlebook.reports._progress import Progress, progress
from bundlebook.reports._results import Results, Store

#: What ``bundlebook report`` returns to the shell.
EXIT_GOOD, EXIT_FAILED, EXIT_BAD_PLAN, EXIT_INTERRUPTED = 0, 1, 2, 130
#: What runs: for each future its job, the folder of its draft, and what is known about it.
_Running = dict[Future[Outcome], tuple[Job, Path, Watch]]


def report(
    batch: str = "chapters",
    shop: str | None = None,
    only: Iterable[str] = (),
    *,
    slots: int | None = None,
    force: bool = False,
    timeout: int | None = None,
    settings: Iterable[str] = (),
    code: str | None = None,
    pdf: bool = False,
    engine: str = "local",
    scheduler: str | None = None,
) -> int:
    """Check a batch and run it: what ``bundlebook report`` does.

    Parameters
    ----------
    batch : str
        A YAML file, or the name of one in ``reports/batches``.
    shop : str, optional
        Folder or name of the shop all reports read.
    only : iterable of str
        Names, beginnings of names or patterns of the reports to run.
    slots : int
        Reports that run at a time; None: two, or as many as the cluster of *scheduler* has threads.
    force : bool
        Run again what is still up to date.
    timeout : int, optional
        Seconds a cell may take.
    settings : iterable of str
        Further parameters, each ``NAME=VALUE``.
    code : {"shown", "folded", "hidden"}, optional
    pdf : bool
        Print every page with a headless Chromium.
    engine : {"local", "dask"}
        Kernels of this machine, or workers of a Dask cluster.
    scheduler : str, optional
        Address of a Dask scheduler; None: a cluster of this machine.

    Returns
    -------
    int
        Exit code: 0 all good, 1 some failed, 2 bad plan, 130 interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without Chinese shows the number of a character
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if scheduler is not None and engine == "local":
            raise BundlebookError("only --engine dask has a scheduler", where="--scheduler", remedy="add --engine dask")
        given = [setting.partition("=") for setting in settings]
        unequal = [name for name, equals, _ in given if not equals]
        if unequal:
            raise BundlebookError(f"{unequal[0]!r} is not NAME=VALUE", where="-p", remedy="write -p SEED=7")
        checked = load_batch(
            find_batch(batch),
            shop=shop,
            settings={name: value for name, _, value in given},
            only=only,
            timeout=timeout,
            code=code,
        )
        chromium = find_chromium() if pdf else None
        make_engine = partial(_make_engine, engine, slots, scheduler)
        return BatchRun(checked, slots=slots or 2, force=force, chromium=chromium, engine=make_engine).run()
    except BundlebookError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_PLAN
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _make_engine(name: str, slots: int | None, scheduler: str | None) -> "Engine":
    if name == "local":
        return ThreadEngine(slots)
    from bundlebook.reports._dask import DaskEngine

    return DaskEngine(slots, scheduler)


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

    def __init__(self, slots: int | None) -> None:
        self.slots = slots or 2
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="report")
        self._watches: list[Watch] = []

    def submit(self, job: Job, draft: Path, watch: Watch) -> "Future[Outcome]":
        self._watches.append(watch)
        return self._pool.submit(_kernels.execute, job, draft / "executed.ipynb", draft / "kernel.log", watch)

    def stop(self) -> None:
        for watch in self._watches:
            watch.stop()
        self.close()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class BatchRun:
    """One run of a batch into its output folder.

    Parameters
    ----------
    batch : Batch
        Checked by :func:`load_batch`.
    slots : int
        Jobs that run at a time on this machine.
    force : bool
        Run the chosen jobs even where an earlier result is still true.
    out : Path, optional
        Folder of all batches' output; default :func:`bundlebook.paths.out`.
    chromium : Path, optional
        Print every page with it.
    engine : callable, optional
        Makes the engine that runs the jobs, once there is something to run; default: kernels of this machine.
    """

    def __init__(
        self,
        batch: Batch,
        *,
        slots: int = 2,
        force: bool = False,
        out: Path | None = None,
        chromium: Path | None = None,
        engine: Callable[[], Engine] | None = None,
    ) -> None:
        self.batch, self.slots, self.force, self.chromium = batch, max(1, slots), force, chromium
        self.engine = engine or partial(ThreadEngine, self.slots)
        self.store = Store((out or paths.out()) / batch.name)
        self.results = Results(batch, self.store, chromium)
        self.entries: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.began = time.monotonic()
        self._written: list[str] = []

    def run(self) -> int:
        """Run it.

        Returns
        -------
        int
            0 all good, 1 some failed, 130 interrupted.

        Raises
        ------
        BundlebookError
            If another run holds the output folder, or another batch file of the same name.
        """
        _kernels.quieten()
        with self.store.locked(), _kernels.patient() as asked_to_stop:
            if self.batch.source is not None:
                self.store.claim(self.batch.source)
            show = progress(len(self.batch.chosen), self.slots)
            try:
                waiting = self._look_back(show)
                interrupted = self._run_all(waiting, show, asked_to_stop)
            finally:
                show.close()
            self._index()
            self._figures(show)
        self._report(show)
        if interrupted:
            return EXIT_INTERRUPTED
        bad = any(self._bad(self.entries[name]) for name in self.batch.chosen)
        return EXIT_FAILED if bad else EXIT_GOOD

    def _look_back(self, show: Progress) -> list[Job]:
        """Take over every result that is still true; return the jobs left to run."""
        waiting = []
        for job in self.batch.jobs:
            try:
                key = _identity.job_key(job)
            except (OSError, ValueError):  # being saved at this moment: its kernel will say what is wrong
                key = ""
            self.keys[job.name] = key
            chosen = job.name in self.batch.chosen
            status = None if self.force and chosen else self.store.reusable(job.name, key)
            if status:
                self.entries[job.name] = self._entry(job, self.results.rendered(job, status)) | {"reused": True}
                if chosen:
                    show.end(job.name, self.entries[job.name])
            else:
                self.entries[job.name] = self._entry(job, {"status": "waiting" if chosen else "not chosen"})
                if chosen:
                    waiting.append(job)
        return waiting

    def _run_all(self, waiting: list[Job], show: Progress, asked_to_stop: Event) -> bool:
        """Run jobs side by side; return whether somebody interrupted them."""
        if not waiting:
            return asked_to_stop.is_set()
        queue, engine = self.batch.in_turn(waiting), self.engine()
        running: _Running = {}
        self.slots = engine.slots
        try:
            while queue or running:
                if asked_to_stop.is_set():
                    raise KeyboardInterrupt
                self._fill(queue, engine, running, show)
                self._index(sparing=True)
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    show.leave(running[future][0].name)
                # The next kernels start before the finished notebooks are rendered, so that no core stands idle.
                self._fill(queue, engine, running, show)
                for future in done:
                    job, draft, watch = running[future]
                    self._end(future, job, draft, watch, show)
                    del running[future]  # only now: an interruption while its page is made must not lose it
                show.tick()
        except KeyboardInterrupt:
            show.say("interrupted: stopping the kernels; what has finished is kept")
            for entry in self.entries.values():
                if entry["status"] in ("running", "waiting"):
                    entry["status"] = INTERRUPTED
            self._index()  # true even if somebody does not wait for the kernels
            engine.stop()
            for future, (job, draft, watch) in running.items():
                if not future.cancelled() and not future.exception() and future.result().status == PASSED:
                    self._end(future, job, draft, watch, show)
                else:
                    shutil.rmtree(draft, ignore_errors=True)
            return True
        finally:
            engine.close()
        return False

    def _fill(self, queue: list[Job], engine: Engine, running: _Running, show: Progress) -> None:
        """Start jobs until every slot is taken."""
        while queue and sum(not future.done() for future in running) < engine.slots:
            job = queue.pop(0)
            try:
                watch, draft = Watch(), self.store.draft(job.name)
            except OSError as error:
                self._give_up(job, error, show)
                continue
            running[engine.submit(job, draft, watch)] = (job, draft, watch)
            show.begin(job.name, watch, self._expected(job))
            self.entries[job.name]["status"] = "running"

    def _expected(self, job: Job) -> float | None:
        """Seconds a job will take, from its last run, or from those of its template that have ended."""
        last = (self.store.status(job.name) or {}).get("seconds")
        alike = [
            self.entries[other.name]["seconds"]
            for other in self.batch.jobs
            if other.template == job.template and self.entries[other.name]["status"] == PASSED
        ]
        return last or (statistics.median(alike) if alike else None)

    def _end(self, future: "Future[Outcome]", job: Job, draft: Path, watch: Watch, show: Progress) -> None:
        try:
            self.entries[job.name] = self._entry(
                job, self.results.keep(job, self.keys[job.name], draft, future.result(), watch)
            )
        except Exception as error:  # a full disk, or a result that cannot be read: no job may end the others
            self._give_up(job, error, show)
        else:
            show.end(job.name, self.entries[job.name])
        shutil.rmtree(draft, ignore_errors=True)

    def _give_up(self, job: Job, error: Exception, show: Progress) -> None:
        """Say why a result was not kept, and go on with what may still fit."""
        problem = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
        broken = {"status": NOT_WRITTEN, "error": type(error).__name__, "problem": _executed.without_paths(problem)}
        self.entries[job.name] = self._entry(job, broken)
        show.end(job.name, self.entries[job.name])

    def _entry(self, job: Job, status: Mapping[str, Any]) -> dict[str, Any]:
        """What the index says of a job."""
        shown = {name: _identity.shown_value(name, value) for name, value in job.parameters.items()}
        keep = ("status", "started", "peak_mb", "cells", "done", "error", "message", "problem", "number")
        return {
            "name": job.name,
            "title": job.title,
            "reused": False,
            "seconds": status.get("seconds"),
            "parameters": shown,
            "given": sorted(job.given),
            "metrics": status.get("metrics", []),
            "page": f"{job.name}.html" if status.get("page") else None,
            "pdf": f"{job.name}.pdf" if status.get("pdf") else None,
            "notebook": f"runs/{job.name}/executed.ipynb" if status.get("notebook") else None,
            **{name: status[name] for name in keep if status.get(name) not in (None, "")},
        }

    def _bad(self, entry: Mapping[str, Any]) -> bool:
        return entry["status"] != PASSED or not entry["page"] or bool(self.chromium and not entry["pdf"])

    def _index(self, sparing: bool = False) -> None:
        """Write the index; *sparing*: only if a job has started or ended since."""
        states = [entry["status"] for entry in self.entries.values()]
        if sparing and states == self._written:
            return
        self._written = states
        try:
            spent = time.monotonic() - self.began
            from bundlebook.reports._pages import write_index  # the first kernels run while this is imported

            write_index(self.store, self.batch.title, list(self.entries.values()), seconds=spent, slots=self.slots)
        except OSError as error:
            logging.getLogger(__name__).warning("the index could not be written: %s", error)

    def _figures(self, show: Progress) -> None:
        try:
            from bundlebook.reports._pages import write_metrics

            write_metrics(self.store, list(self.entries.values()))
        except OSError as error:
            show.say(f"the table of headline figures could not be written: {error}")

    def _report(self, show: Progress) -> None:
        chosen = [self.entries[name] for name in self.entries if name in self.batch.chosen]
        reused = sum(entry["reused"] for entry in chosen)
        good = sum(not self._bad(entry) for entry in chosen)
        words = [f"{good} good" + (f" ({reused} reused)" if reused else "")]
        for status in dict.fromkeys(entry["status"] for entry in chosen if entry["status"] != PASSED):
            words.append(f"{sum(entry['status'] == status for entry in chosen)} {status}")
        if pageless := sum(entry["status"] == PASSED and not entry["page"] for entry in chosen):
            words.append(f"{pageless} without a page")
        if self.chromium and (unprinted := sum(bool(entry["page"]) and not entry["pdf"] for entry in chosen)):
            words.append(f"{unprinted} without a PDF")
        show.say(f"{', '.join(words)} in {_executed.seconds(time.monotonic() - self.began)}")
        index = self.store.folder / "index.html"
        near = Path(os.path.relpath(index))
        show.say(f"open {index if near.parts[0] == os.pardir else near}")
