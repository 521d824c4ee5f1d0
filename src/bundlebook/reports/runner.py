"""Run a batch: reuse what is still true, run the rest side by side, write each result as it comes."""

import logging
import os
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from bundlebook import paths
from bundlebook.reports import identity, metrics, provenance
from bundlebook.reports.execute import INTERRUPTED, NOT_WRITTEN, PASSED, Outcome, Watch, execute
from bundlebook.reports.index import write_index, write_metrics
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
        Jobs that run at a time.
    force : bool
        Run the chosen jobs even where an earlier result is still true.
    out : Path, optional
        Folder of all batches' output; default :func:`bundlebook.paths.out`.
    """

    def __init__(self, batch: Batch, *, slots: int = 2, force: bool = False, out: Path | None = None) -> None:
        self.batch, self.slots, self.force = batch, max(1, slots), force
        self.store = Store((out or paths.out()) / batch.name)
        self.results = Results(batch, self.store)
        self.entries: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.began = time.monotonic()

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
        _quieten()
        with self.store.locked():
            show = progress(len(self.batch.chosen), self.slots)
            try:
                waiting = self._look_back(show)
                self._index()
                interrupted = self._run_all(waiting, show)
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

    def _run_all(self, waiting: list[Job], show: Progress) -> bool:
        """Run jobs side by side; return whether somebody interrupted them."""
        watches: dict[str, Watch] = {}
        pool = ThreadPoolExecutor(self.slots, thread_name_prefix="report")
        queue, running = list(waiting), {}
        try:
            while queue or running:
                self._fill(queue, pool, running, watches, show)
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    show.leave(running[future][0].name)
                # The next kernels start before the finished notebooks are rendered, so that no core stands idle.
                self._fill(queue, pool, running, watches, show)
                for future in done:
                    self._end(future, *running[future], show)
                    del running[future]  # only now: an interruption while its page is made must not lose it
                show.tick()
        except KeyboardInterrupt:
            show.say("interrupted: stopping the kernels; what has finished is kept")
            for watch in watches.values():
                watch.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for future, (job, draft, watch) in running.items():
                if not future.cancelled() and future.result().status == PASSED:
                    self._end(future, job, draft, watch, show)
                else:
                    shutil.rmtree(draft, ignore_errors=True)
            for entry in self.entries.values():
                if entry["status"] in ("running", "waiting"):
                    entry["status"] = INTERRUPTED
            return True
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return False

    def _fill(self, queue: list[Job], pool: ThreadPoolExecutor, running: dict, watches: dict, show: Progress) -> None:
        """Start jobs until every slot is taken."""
        while queue and sum(not future.done() for future in running) < self.slots:
            job = queue.pop(0)
            watch, draft = watches.setdefault(job.name, Watch()), self.store.draft(job.name)
            future = pool.submit(execute, job, draft / "executed.ipynb", draft / "kernel.log", watch)
            running[future] = (job, draft, watch)
            show.begin(job.name, watch, (self.store.status(job.name) or {}).get("seconds"))
            self.entries[job.name]["status"] = "running"
            self._index()

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
        self._index()

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
            "notebook": f"runs/{job.name}/executed.ipynb" if status.get("notebook") else None,
            **{name: status[name] for name in keep if status.get(name) not in (None, "")},
        }

    @staticmethod
    def _bad(entry: Mapping[str, Any]) -> bool:
        return entry["status"] != PASSED or not entry["page"]

    def _index(self) -> None:
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
        show.say(f"{', '.join(words)} in {metrics.seconds(time.monotonic() - self.began)}")
        index = self.store.folder / "index.html"
        near = Path(os.path.relpath(index))
        show.say(f"open {index if near.parts[0] == os.pardir else near}")


def _quieten() -> None:
    """Keep libraries from writing into the progress; what they say is in the status and the log."""
    for name in ("papermill", "papermill.translators", "nbclient", "traitlets", "fontTools"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
