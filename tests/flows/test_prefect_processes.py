"""Asking a Prefect server that is slow, busy, wrong or not there: a server of our own plays it, over a socket."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from flows.prefect_processes import PrefectStack, StackError, StoppedError, choose_port

Answer = tuple[float, int]
"""The seconds until a server answers, and the status."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., tuple[PrefectStack, list[str]]]]:
    """Start a server that gives these answers in turn, the last again and again; yield its stack and what is asked."""
    running: list[ThreadingHTTPServer] = []

    def start(*answers: Answer, patience: float = 30.0) -> tuple[PrefectStack, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                seconds, status = answers[min(len(asked), len(answers)) - 1]
                time.sleep(seconds)
                try:
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(json.dumps({"asked": len(asked)}).encode())
                except OSError:
                    return  # whoever asked has given up waiting

            def log_message(self, *_: object) -> None:
                return

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(listening)
        Thread(target=listening.serve_forever, daemon=True).start()
        return (
            PrefectStack(tmp_path, listening.server_port, {}, Event(), answer_seconds=0.3, patience_seconds=patience),
            asked,
        )

    yield start
    for listening in running:
        listening.shutdown()
        listening.server_close()


@pytest.mark.parametrize("first", [(0.0, 503), (1.0, 200)], ids=["busy", "silent"])
def test_a_server_that_is_busy_or_silent_for_a_while_is_asked_again(server, first):
    stack, asked = server(first, (0.0, 200))

    assert stack.call("GET", "health") == {"asked": 2}
    assert asked == ["/api/health"] * 2


@pytest.mark.parametrize(
    ("always", "words"),
    [((0.0, 503), "answered 503 to health"), ((1.0, 200), r"did not answer health \(ReadTimeout\)")],
    ids=["busy", "silent"],
)
def test_a_server_that_never_answers_is_given_up_after_a_while(server, always, words):
    stack, asked = server(always, patience=2.0)

    with pytest.raises(StackError, match=words + r".*server\.log"):
        stack.call("GET", "health")
    assert len(asked) > 1


def test_a_wrong_answer_is_told_at_once(server):
    stack, asked = server((0.0, 404))

    with pytest.raises(StackError, match="answered 404 to nothing"):
        stack.call("GET", "nothing")
    assert len(asked) == 1


def test_a_server_that_is_not_there_is_told_at_once(tmp_path):
    stack = PrefectStack(tmp_path, choose_port(0), {}, Event())

    with pytest.raises(StackError, match=r"is gone \(ConnectError\)"):
        stack.call("GET", "health")


def test_asking_again_ends_when_somebody_asks_to_stop(server):
    stack, asked = server((0.0, 503))
    stack.stop.set()

    with pytest.raises(StoppedError):
        stack.call("GET", "health")
    assert len(asked) == 1
