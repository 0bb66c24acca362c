"""The page comes from a process of its own where that is safe, is the same page, and leaves no process behind."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.report.page import render_page
from connectors.report.page_process import PageProcess
from tests.conftest import PROJECT
from tests.report_facts import make_full_facts, make_reason
from transforms.vocabulary.reasons import Reason

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")

FACTS = json.loads(
    json.dumps(
        make_full_facts("succeeded", [make_reason(Reason.PHONE_NOT_VALID, 2, extern_id="</script>Zürich-東京" * 9_000)])
    )
)
"""More than a pipe holds."""


def ask(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has the facts as `facts`, and a started process as `page`."""
    (tmp_path / "facts.json").write_text(json.dumps(FACTS), encoding="utf-8")
    program = (
        "import json, os, signal, sys, threading\n"
        "from connectors.report.page_process import PageProcess\n"
        "facts = json.load(open(sys.argv[1], encoding='utf-8'))\n" + body
    )
    command = [sys.executable, "-c", program, str(tmp_path / "facts.json")]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=60, check=False)


def children_of(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()


def test_the_page_is_the_same_and_nothing_else_is_said(tmp_path):
    ended = ask(
        tmp_path,
        "print('written once', end='')\n"
        "with PageProcess.start() as page:\n    sys.stdout.write(page.render(facts))\n"
        "assert 'jinja2' not in sys.modules",
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    # What waited to be written when the process was forked is written once.
    assert ended.stdout.replace("written once", "", 1) == render_page(FACTS)


@pytest.mark.parametrize(
    ("trouble", "facts"),
    [("os.kill(page._process, signal.SIGKILL)", "facts"), ("pass", "{'status': 'unknown'}")],
    ids=["killed", "no page of these facts"],
)
def test_a_process_that_comes_to_no_page_says_so_and_is_gone(tmp_path, trouble, facts):
    ended = ask(
        tmp_path,
        f"with PageProcess.start() as page:\n    {trouble}\n    print(page.render({facts}))\n"
        "print(open(f'/proc/self/task/{os.getpid()}/children').read())",
    )

    assert (ended.returncode, ended.stderr, ended.stdout.split()) == (0, "", ["None"])


@pytest.mark.parametrize(
    "body",
    [
        "thread = threading.Timer(60, print); thread.daemon = True; thread.start()",
        "import polars",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    ],
    ids=["a thread", "polars", "nobody waits for processes"],
)
def test_where_a_fork_is_not_safe_none_is_started(tmp_path, body):
    ended = ask(tmp_path, f"{body}\nprint(PageProcess.start())")

    assert (ended.returncode, ended.stdout.strip()) == (0, "None")


def test_without_room_for_a_process_all_is_as_it_was(tmp_path):
    ended = ask(
        tmp_path,
        "def refuse():\n    raise BlockingIOError\n"
        "os.fork, before = refuse, os.listdir('/proc/self/fd')\n"
        "page, after = PageProcess.start(), os.listdir('/proc/self/fd')\n"
        "print(page, before == after, signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    )

    assert (ended.returncode, ended.stdout.strip()) == (0, "None True set()")


def test_ctrl_c_is_not_for_the_process_of_the_page(tmp_path):
    ended = ask(
        tmp_path,
        "with PageProcess.start() as page:\n"
        "    os.kill(page._process, signal.SIGINT)\n    print(len(page.render(facts)))",
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert int(ended.stdout) == len(render_page(FACTS))


def test_nobody_is_left_where_the_one_that_started_it_is_killed():
    program = (
        "from connectors.report.page_process import PageProcess\nimport time\n"
        "page = PageProcess.start(); print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"started\n"
        (left,) = children_of(process.pid)
        process.kill()
    command, deadline = Path(f"/proc/{left}/cmdline"), time.monotonic() + 30
    while command.exists() and command.read_bytes():  # of one that has ended, and nobody asked after, it is empty
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_here_beside_polars_the_page_is_left_to_this_process():
    assert PageProcess.start() is None
