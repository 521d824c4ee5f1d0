"""What a call costs: processor time, wall time, and the memory it takes at its peak."""

import ctypes
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY_SECONDS = 0.005


@dataclass
class Used:
    """Filled in when the watched block ends.

    Attributes
    ----------
    cpu_seconds : float
        Over all cores and threads of this process. (Work done on a GPU is not in it.)
    seconds : float
        Wall time.
    peak_mb : float
        Largest resident memory of the process during the block, less what it had before, in megabytes (10⁶ bytes).
        Libraries that the block is the first to import count, too.
    """

    cpu_seconds: float = 0.0
    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def watch() -> Iterator[Used]:
    """Measure what the block uses.

    ``tracemalloc`` would miss what numerical libraries allocate themselves, so resident memory is read: on Linux the
    kernel's own high-water mark, which is set back first; elsewhere the largest of a sample every 5 ms.

    >>> import numpy as np
    >>> with watch() as used:
    ...     total = np.ones(4_000_000).sum()  # 32 MB
    >>> used.peak_mb > 25, used.cpu_seconds > 0
    (True, True)
    """
    used, process = Used(), psutil.Process()
    _give_back()
    before, exact = process.memory_info().rss, _reset_high_water()
    sampler = None if exact else _Sampler(process)
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield used
    finally:
        used.cpu_seconds, used.seconds = time.process_time() - cpu, time.perf_counter() - wall
        peak = _high_water() if exact else sampler.stop()
        used.peak_mb = max(peak - before, 0) / 1e6


def _give_back() -> None:
    """Return freed memory to the system, so that the block cannot live on it unseen."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # not the GNU C library: the figure is then a lower bound
        ctypes.CDLL(None).malloc_trim(0)


def _reset_high_water() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _high_water() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


class _Sampler:
    def __init__(self, process: psutil.Process) -> None:
        self._process, self._done, self.peak = process, threading.Event(), process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return max(self.peak, self._process.memory_info().rss)
