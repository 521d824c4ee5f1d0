"""Run one job in a kernel of its own, and say truly how it ended.

The executed notebook cannot be asked: papermill marks every cell of a notebook whose kernel died or whose cell ran
out of time as completed. The status comes from the exception, and the place from the hooks nbclient calls.
"""

import asyncio
import errno
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
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
#: Characters one cell may print, and may show in other ways, and all cells of a job together. What goes beyond is cut:
#: no job may fill the memory, and papermill writes all that was shown anew with every cell.
_MOST_PRINTED, _MOST_SHOWN, _MOST_OF_JOB = 500_000, 10_000_000, 30_000_000
_CUT = "\n[cut here: more was printed or shown than a page can hold]\n"
_SHOWING = {"display_data", "execute_result", "update_display_data"}
#: Seconds to wait for what a finished cell still has to say. Large outputs, on a busy machine, take more than the four
#: that nbclient grants, and the cell was then said to have run out of time.
_LAST_WORDS = 120
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
    _total: int = 0
    _lock: Lock = field(default_factory=Lock)

    def begin(self, cell: int) -> None:
        """A code cell begins."""
        self.cell = cell
        self._shown.clear()

    def full(self, kind: str) -> bool:
        """Whether a message of this kind need not even be read: its cell has printed or shown what it may."""
        return (kind == "stream" or kind in _SHOWING) and self._room(kind == "stream") < 0

    def admits(self, message: dict[str, Any]) -> bool:
        """Whether a kernel's message still fits what its cell may show; the first that does not becomes a note."""
        kind, content = message["msg_type"], message["content"]
        if self.full(kind):
            return False
        _shorten(content)
        printed = kind == "stream"
        if not printed and kind not in _SHOWING:
            return True
        text, room = content["text"] if printed else "", self._room(printed)
        size = len(text) if printed else sum(len(str(part)) for part in content["data"].values())
        if size > room:
            note = {"name": content.get("name", "stderr"), "text": text[:room] + _CUT}
            message["content"], message["msg_type"] = note, "stream"
            message["header"]["msg_type"] = "stream"
            self._shown[printed] = max(_MOST_PRINTED, _MOST_SHOWN) + 1
            self._total += len(text[:room])
        else:
            self._shown[printed] = self._shown.get(printed, 0) + size
            self._total += size
        return True

    def _room(self, printed: bool) -> int:
        """Characters that the cell may still print or show; negative once it was told so."""
        of_cell = (_MOST_PRINTED if printed else _MOST_SHOWN) - self._shown.get(printed, 0)
        return min(of_cell, max(_MOST_OF_JOB - self._total, 0))

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
    for name in ("papermill", "papermill.translators", "nbclient", "traitlets", "fontTools", "asyncio"):
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

    with _bounded(log, watch) as stream:
        try:
            papermill.execute_notebook(
                str(job.template),
                str(output),
                parameters=job.given,
                progress_bar=False,
                start_timeout=_START_TIMEOUT,
                execution_timeout=job.timeout,
                iopub_timeout=_LAST_WORDS,
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


@contextmanager
def _bounded(log: Path, watch: Watch) -> Iterator[int]:
    """A pipe for what a kernel's process says outside of cells: its beginning is written to a file, the rest ends here.

    What a program that a cell calls prints comes here too, besides the page: 300 MB in half a minute.
    """
    file = log.open("ab", buffering=0)
    reading, writing = os.pipe()

    def drain() -> None:
        left = _MOST_PRINTED
        with file, os.fdopen(reading, "rb", buffering=0) as pipe:
            while said := pipe.read(65536):
                if left > 0:
                    with suppress(OSError):  # a full disk is told by whoever writes the pages
                        file.write(said[:left] if len(said) <= left else said[:left] + _CUT.encode())
                left -= len(said)

    drains = Thread(target=drain, name="report-kernel-log", daemon=True)
    drains.start()
    try:
        yield writing
    finally:
        os.close(writing)
        # The pipe of a kernel that is gone ends at once, unless what it has started lives on.
        drains.join(timeout=2 if watch.process is not None and watch.process.poll() is not None else 0.1)


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


def _shorten(content: dict[str, Any]) -> None:
    """Cut what an exception says, in its message and its traceback, to what a cell may print."""
    if isinstance(content.get("evalue"), str):
        content["evalue"] = _brief(content["evalue"])
    if isinstance(content.get("traceback"), list):
        content["traceback"] = [_brief(str(line)) for line in content["traceback"]]


def _brief(text: str) -> str:
    return text if len(text) <= _MOST_PRINTED else text[:_MOST_PRINTED] + _CUT


@cache
def _bare_profile() -> TemporaryDirectory:
    """A folder for IPython without anybody's startup files; in a job's draft it would grow while that is removed."""
    return TemporaryDirectory(prefix="bundlebook-ipython-", ignore_cleanup_errors=True)


def _kernel_class(folder: Path, log: int, watch: Watch) -> type:
    """A kernel manager for one job: starts in the template's folder, logs to a file, is known to the watch."""
    from jupyter_client.channels import AsyncZMQSocketChannel
    from jupyter_client.manager import AsyncKernelManager

    # jupyter_client derives its asynchronous classes from the synchronous ones: its own methods need the same ignores.
    class BoundedChannel(AsyncZMQSocketChannel):
        async def _recv(self, **options):  # type: ignore[override]
            # What will be thrown away is not unpacked: a program that floods its pipe is faster than that, and what
            # waits to be read fills the memory of the run, which all jobs share.
            _, frames = self.session.feed_identities(await self.socket.recv_multipart(**options))
            kind = self.session.unpack(frames[1]).get("msg_type", "")
            return None if watch.full(kind) else self.session.deserialize(frames)

        async def get_msg(self, *arguments, **options):  # type: ignore[override]
            while True:
                message = await super().get_msg(*arguments, **options)
                if message is not None and watch.admits(message):
                    return message
                await asyncio.sleep(0)  # where messages wait already, nothing above lets the clock of the cell run

    class BriefChannel(AsyncZMQSocketChannel):
        async def get_msg(self, *arguments, **options):  # type: ignore[override]
            message = await super().get_msg(*arguments, **options)
            _shorten(message["content"])
            return message

    class JobKernelManager(AsyncKernelManager):
        async def start_kernel(self, **options):  # type: ignore[override]
            # cwd= of papermill changes the folder of the whole process, which threads share. Hash order and the
            # debugger's advice on frozen modules must not differ from one run to the next.
            environment = {**os.environ, "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
            environment.pop("MPLBACKEND", None)  # any but the notebook's own shows no figure
            environment["IPYTHONDIR"] = _bare_profile().name  # nobody's own startup files are part of it
            # Threads of linear algebra spin while they wait. Those of two kernels on two cores wait for each other, and
            # eigenvectors took 28 times the processor seconds. One thread also adds up alike on every machine.
            environment.setdefault("OPENBLAS_NUM_THREADS", "1")
            options |= {"cwd": str(folder), "env": environment, "stdout": log, "stderr": log}
            await super().start_kernel(**options)
            watch.adopt(getattr(self.provisioner, "process", None))

        def client(self, **options):
            client = super().client(**options)
            client.iopub_channel_class = BoundedChannel
            client.shell_channel_class = BriefChannel
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
