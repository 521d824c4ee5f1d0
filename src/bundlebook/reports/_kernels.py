"""Run one job in a kernel of its own, and say truly how it ended.

The executed notebook cannot be asked: papermill marks every cell of a notebook whose kernel died or whose cell ran
out of time as completed. The status comes from the exception, and the place from the hooks nbclient calls.
"""

import errno
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from threading import Event, Lock, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any

from bundlebook.reports._guardian import Guardian

if TYPE_CHECKING:
    from bundlebook.reports._batch import Job

_guardian = Guardian()

#: How a job can end. Only a passed one is ever reused.
PASSED, FAILED, DIED, TIMED_OUT = "passed", "failed", "died", "timed out"
NOT_STARTED, NOT_WRITTEN, INTERRUPTED = "not started", "not written", "interrupted"
_START_TIMEOUT = 60
#: Seconds a kernel has to end by itself once its last cell has run.
_FAREWELL = 10
#: Characters one cell may print, and may show in other ways. What goes beyond is cut: no job may fill the memory.
_MOST_PRINTED, _MOST_SHOWN = 500_000, 10_000_000
_CUT = "\n[cut here: the cell printed or showed more than a page can hold]\n"
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG}


@dataclass
class Watch:
    """What is known about a running job; written by its thread, read by the one that shows progress.

    Attributes
    ----------
    cells, done : int
        Code cells of the notebook and how many of them have finished.
    cell : int or None
        Index, in the executed notebook, of the code cell that runs or ran last.
    began : float
        Monotonic clock at the start.
    peak_mb : float
        Highest resident memory of the kernel so far, MB (Linux only, else 0).
    """

    cells: int = 0
    done: int = 0
    cell: int | None = None
    began: float = field(default_factory=time.monotonic)
    peak_mb: float = 0.0
    process: Popen | None = None
    stopped: bool = False
    _shown: dict[bool, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, cell: int) -> None:
        """A code cell begins."""
        self.cell = cell
        self._shown.clear()

    def admits(self, message: dict[str, Any]) -> bool:
        """Whether a kernel's message still fits what its cell may show; the first that does not becomes a note."""
        kind, content = message["msg_type"], message["content"]
        printed = kind == "stream"
        if not printed and kind not in ("display_data", "execute_result", "update_display_data"):
            return True
        text = content["text"] if printed else ""
        before, most = self._shown.get(printed, 0), _MOST_PRINTED if printed else _MOST_SHOWN
        after = before + (len(text) if printed else sum(len(str(part)) for part in content["data"].values()))
        self._shown[printed] = after
        if after > most >= before:
            note = {"name": content.get("name", "stderr"), "text": text[: most - before] + _CUT}
            message["content"], message["msg_type"] = note, "stream"
            message["header"]["msg_type"] = "stream"
        return before <= most

    def adopt(self, process: Popen | None) -> None:
        """Remember a kernel's process, and end it at once if the batch was stopped while it started."""
        if process is not None:
            _guardian.watch(process.pid)
        with self._lock:
            self.process = process
            stopped = self.stopped
        if stopped:
            self.stop()

    def stop(self) -> None:
        """End the kernel and everything it started."""
        with self._lock:
            self.stopped = True
            process = self.process
        if process is not None and process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (OSError, AttributeError):
                process.kill()

    def measure(self) -> None:
        """Note the kernel's highest memory so far."""
        if self.process is None:
            return
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            self.peak_mb = max(self.peak_mb, int(status.split("VmHWM:")[1].split()[0]) / 1000)
        except (OSError, IndexError, ValueError):
            pass


@dataclass
class Outcome:
    """How a job ended.

    Attributes
    ----------
    status : str
        One of this module's constants.
    error : str
        Class of the exception, or the signal that ended the kernel.
    message : str
        One sentence for a reader.
    started : str
        ISO time, in UTC.
    seconds : float
    cell : int or None
        Index of the last code cell that was begun, in the executed notebook.
    """

    status: str
    error: str = ""
    message: str = ""
    started: str = ""
    seconds: float = 0.0
    cell: int | None = None
    peak_mb: float = 0.0


def quieten() -> None:
    """Keep libraries from writing into the progress; what they say is in the status and the log."""
    for name in ("papermill", "papermill.translators", "nbclient", "traitlets", "fontTools"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)


def execute(job: "Job", output: Path, log: Path, watch: Watch) -> Outcome:
    """Run a job with papermill. Never raises for what the notebook or its kernel does.

    Parameters
    ----------
    job : Job
    output : Path
        Where papermill writes the executed notebook, cell by cell.
    log : Path
        What the kernel's process says outside of cells.
    watch : Watch
        Updated while the notebook runs.

    Returns
    -------
    Outcome
    """
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    outcome = _attempt(job, output, log, watch)
    if outcome.status == NOT_STARTED and not watch.stopped:  # nothing ran, so trying again can harm nothing
        outcome = _attempt(job, output, log, watch)
    outcome.started, outcome.seconds = started, round(time.monotonic() - began, 2)
    outcome.cell, outcome.peak_mb = watch.cell, round(watch.peak_mb)
    if watch.stopped and outcome.status != PASSED:
        outcome.status, outcome.message = INTERRUPTED, "the batch was interrupted"
    return outcome


def _attempt(job: "Job", output: Path, log: Path, watch: Watch) -> Outcome:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    def begin(cell, cell_index) -> None:
        if cell.cell_type == "code":
            watch.begin(cell_index)

    def end(cell, cell_index, execute_reply) -> None:
        watch.done += 1
        watch.measure()

    def count(notebook) -> None:
        watch.cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)

    with log.open("ab") as stream:
        try:
            papermill.execute_notebook(
                str(job.template),
                str(output),
                parameters=job.given,
                progress_bar=False,
                start_timeout=_START_TIMEOUT,
                execution_timeout=job.timeout,
                kernel_manager_class=_kernel_class(job.template.parent, stream, watch),
                on_notebook_start=count,
                on_cell_start=begin,
                on_cell_executed=end,
            )
        except PapermillExecutionError as error:
            return Outcome(FAILED, error.ename, error.evalue.strip() or error.ename)
        except CellTimeoutError:
            return Outcome(TIMED_OUT, "CellTimeoutError", f"the cell ran longer than its limit of {job.timeout} s")
        except DeadKernelError:
            return Outcome(DIED, "DeadKernelError", _death(watch))
        except Exception as error:  # one broken job must not end the batch
            full = isinstance(error, OSError) and error.errno in _DISK
            status = NOT_WRITTEN if full else FAILED if watch.cell is not None else NOT_STARTED
            kind = type(error).__name__
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
            return Outcome(status, kind, (said.splitlines() or [kind])[0])
    return Outcome(PASSED)


def _see_off(process: Popen, watch: Watch) -> None:
    """Wait for a kernel that was asked to end, and end it if it does not."""
    try:
        process.wait(timeout=_FAREWELL)
    except TimeoutExpired:
        watch.stop()
        process.wait()


def _death(watch: Watch) -> str:
    code = watch.process.poll() if watch.process is not None else None
    if code is None or code >= 0:
        return f"the kernel ended by itself{'' if code is None else f' with exit code {code}'}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ": memory ran out, or somebody killed it" if name == "SIGKILL" else ""
    return f"the kernel was ended by {name}{reason}"


def _kernel_class(folder: Path, log, watch: Watch) -> type:
    """A kernel manager for one job: starts in the template's folder, logs to a file, is known to the watch."""
    from jupyter_client.channels import AsyncZMQSocketChannel
    from jupyter_client.manager import AsyncKernelManager

    # jupyter_client derives its asynchronous classes from the synchronous ones: its own methods need the same ignores.
    class BoundedChannel(AsyncZMQSocketChannel):
        async def get_msg(self, *arguments, **options):  # type: ignore[override]
            while True:
                message = await super().get_msg(*arguments, **options)
                if watch.admits(message):
                    return message

    class JobKernelManager(AsyncKernelManager):
        async def start_kernel(self, **options):  # type: ignore[override]
            # cwd= of papermill changes the folder of the whole process, which threads share. Hash order and the
            # debugger's advice on frozen modules must not differ from one run to the next.
            environment = {**os.environ, "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
            environment.pop("MPLBACKEND", None)  # any but the notebook's own shows no figure
            # Threads of linear algebra spin while they wait. Those of two kernels on two cores wait for each other, and
            # eigenvectors took 28 times the processor seconds. One thread also adds up alike on every machine.
            environment.setdefault("OPENBLAS_NUM_THREADS", "1")
            options |= {"cwd": str(folder), "env": environment, "stdout": log, "stderr": log}
            await super().start_kernel(**options)
            watch.adopt(getattr(self.provisioner, "process", None))

        def client(self, **options):
            client = super().client(**options)
            client.iopub_channel_class = BoundedChannel
            return client

        async def shutdown_kernel(self, now=False, restart=False):  # type: ignore[override]
            process = watch.process
            if now or restart or process is None:
                return await super().shutdown_kernel(now=now, restart=restart)
            # A kernel takes a second to put its libraries away. It is asked to, and seen off by a thread, while the
            # next job begins.
            await self.request_shutdown()
            Thread(target=_see_off, args=(process, watch), name="report-kernel-ends").start()

    return JobKernelManager


@contextmanager
def patient() -> Iterator[Event]:
    """Let Ctrl-C wait until nothing is half done, an import, a page or a stop; the third one ends everything.

    The second one waits too: people press it twice, and a module whose import was cut off cannot be imported again.
    The same holds for the signals by which a machine that shuts down and a terminal that closes end a process.
    """
    asked = Event()
    if current_thread() is not main_thread():
        yield asked
        return

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number, frame) -> None:
        if asked.is_set():
            restore()
        asked.set()

    for number in numbers:
        if before[number] != signal.SIG_IGN:  # a job of a shell's background: Ctrl-C is not meant for it
            signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()
