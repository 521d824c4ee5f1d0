"""Run a batch: reuse what is still true, run the rest side by side, write each result as it comes."""

import logging
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from threading import Event
from typing import Any

from bundlebook import paths
from bundlebook.reports import identity, metrics, provenance
from bundlebook.reports.engine import Engine, ThreadEngine
from bundlebook.reports.execute import INTERRUPTED, NOT_WRITTEN, PASSED, Outcome, Watch, execute, quieten
from bundlebook.reports.index import write_index, write_metrics
from bundlebook.reports.interrupt import patient
from bundlebook.reports.jobs import Batch, Job
from bundlebook.reports.progress import Progress, progress
from bundlebook.reports.results import Results
from bundlebook.reports.store import Store

#: What ``bundlebook report`` returns to the shell.
EXIT_GOOD, EXIT_FAILED, EXIT_BAD_PLAN, EXIT_INTERRUPTED = 0, 1, 2, 130


class BatchRun:
    """One run of a batch into its output folder.

    Parameters
    ----------
    batch : Batch
        Checked by :func:`bundlebook.reports.plan.load`.
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
        # execute is looked up when a job starts, so that it can be replaced.
        self.engine = engine or (lambda: ThreadEngine(self.slots, lambda *job: execute(*job)))
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
            If another run holds the output folder.
        """
        quieten()
        with self.store.locked(), patient() as asked_to_stop:
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
            key = self.keys[job.name] = identity.job_key(job)
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
        queue, running, engine = list(waiting), {}, self.engine()
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
                    self._end(future, *running[future], show)
                    del running[future]  # only now: an interruption while its page is made must not lose it
                show.tick()
        except KeyboardInterrupt:
            show.say("interrupted: stopping the kernels; what has finished is kept")
            engine.stop()
            for future, (job, draft, watch) in running.items():
                if not future.cancelled() and not future.exception() and future.result().status == PASSED:
                    self._end(future, job, draft, watch, show)
                else:
                    shutil.rmtree(draft, ignore_errors=True)
            for entry in self.entries.values():
                if entry["status"] in ("running", "waiting"):
                    entry["status"] = INTERRUPTED
            return True
        finally:
            engine.close()
        return False

    def _fill(self, queue: list[Job], engine: Engine, running: dict, show: Progress) -> None:
        """Start jobs until every slot is taken."""
        while queue and sum(not future.done() for future in running) < engine.slots:
            job = queue.pop(0)
            watch, draft = Watch(), self.store.draft(job.name)
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
        except OSError as error:  # the disk is full: say so, and go on with what may still fit
            broken = {"status": NOT_WRITTEN, "error": type(error).__name__, "problem": error.strerror or str(error)}
            self.entries[job.name] = self._entry(job, broken)
        shutil.rmtree(draft, ignore_errors=True)
        show.end(job.name, self.entries[job.name])

    def _entry(self, job: Job, status: Mapping[str, Any]) -> dict[str, Any]:
        """What the index says of a job."""
        shown = {name: provenance.shown_value(name, value) for name, value in job.parameters.items()}
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
            write_index(self.store, self.batch.title, list(self.entries.values()), seconds=spent, slots=self.slots)
        except OSError as error:
            logging.getLogger(__name__).warning("the index could not be written: %s", error)

    def _figures(self, show: Progress) -> None:
        try:
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
        show.say(f"{', '.join(words)} in {metrics.seconds(time.monotonic() - self.began)}")
        index = self.store.folder / "index.html"
        near = Path(os.path.relpath(index))
        show.say(f"open {index if near.parts[0] == os.pardir else near}")
