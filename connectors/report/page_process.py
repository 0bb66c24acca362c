"""Renders the page in a process of its own, which imports what it takes while this one is busy with rows.

The libraries of the page take as long to import as a hundred thousand rows to prepare, and the interpreter does one
thing at a time: imported here, they would hold up every thread that prepares.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Self

import orjson

_LENGTH_BYTES: Final = 8


class PageProcess:
    """A process that waits for the facts of one run, and gives back their page."""

    def __init__(self, process: int, facts: int, page: int) -> None:
        """Speak with `process` by the pipes `facts`, to write to, and `page`, to read from."""
        self._process, self._facts, self._page = process, facts, page

    @classmethod
    def start(cls) -> Self | None:
        """Start it, by a fork; None where that is not safe: beside other threads, or on other systems than Linux.

        Nor is it where nobody may wait for processes: then another one may have its number when it is to be ended.
        """
        alone = threading.active_count() == 1 and "polars" not in sys.modules
        if sys.platform != "linux" or not alone or signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            return None
        try:
            (facts_out, facts_in), (page_out, page_in) = os.pipe(), os.pipe()
        except OSError:
            return None
        # What is Ctrl-C to this process is nothing to the other, from its first moment on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = _fork()
        if process == 0:
            os.close(facts_in)
            os.close(page_out)
            _serve(facts_out, page_in)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(facts_out)
        os.close(page_in)
        if process is None:
            os.close(facts_in)
            os.close(page_out)
            return None
        return cls(process, facts_in, page_out)

    def render(self, facts: Mapping[str, Any]) -> str | None:
        """Return the page of `facts`, as JSON has them; None where the process came to no page. To be called once."""
        with suppress(OSError), open(self._facts, "wb", closefd=False) as pipe:
            pipe.write(orjson.dumps(facts))
        os.close(self._facts)
        self._facts = -1
        with open(self._page, "rb", closefd=False) as pipe:
            answer = pipe.read()
        length, page = answer[:_LENGTH_BYTES], answer[_LENGTH_BYTES:]
        is_whole = len(length) == _LENGTH_BYTES and int.from_bytes(length, "big") == len(page)
        return page.decode() if is_whole else None

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it does."""
        for pipe in (self._facts, self._page):
            if pipe >= 0:
                os.close(pipe)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _fork() -> int | None:
    """Return what `os.fork` does, or None where the system has no room for one more process."""
    with suppress(OSError):
        return os.fork()
    return None


def _serve(facts: int, page: int) -> None:
    """Answer once, and end this process: at the end of `facts` at the latest, which comes when the other one ends."""
    # Nothing of what the other process has under way may be done here as well: not its output, nor its exit.
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        from connectors.report.page import page_template, render_page

        page_template()
        with open(facts, "rb") as pipe:
            told = pipe.read()
        if told:
            rendered = render_page(orjson.loads(told)).encode()
            with open(page, "wb") as pipe:
                pipe.write(len(rendered).to_bytes(_LENGTH_BYTES, "big") + rendered)
    finally:
        os._exit(0)
