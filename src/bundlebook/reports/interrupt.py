"""Ctrl-C without breakage."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread


@contextmanager
def patient() -> Iterator[Event]:
    """Let the first Ctrl-C wait until nothing is half done, an import or a page; the second one ends everything."""
    asked = Event()
    if current_thread() is not main_thread():
        yield asked
        return

    def first(number, frame) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, first)
    if before == signal.SIG_IGN:  # a job of a shell's background: Ctrl-C is not meant for it
        signal.signal(signal.SIGINT, before)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
