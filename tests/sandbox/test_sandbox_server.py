"""Starting and stopping the sandbox, and what it must not depend on."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from connectors.sandbox.server import SandboxServer, run_sandbox

PACKAGE = Path(__file__).resolve().parents[2] / "connectors" / "sandbox"

COMMAND = """
from connectors.sandbox.server import run_sandbox
faults = [{"call": "any", "nth": 1, "fault": "drop_before_commit"}]
run_sandbox(faults=faults, on_ready=lambda url: print(url, flush=True))
"""


@pytest.fixture
def process():
    """The sandbox as the command line runs it, in a process of its own."""
    command = [sys.executable, "-c", COMMAND]
    root = PACKAGE.parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        yield running
        if running.poll() is None:
            running.kill()


def test_ctrl_c_ends_it_without_a_word(process):
    url = process.stdout.readline().strip()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(url + "/restapi/oauth/token")
    assert httpx.post(url + "/restapi/oauth/token").status_code == 401
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")


def test_two_sandboxes_run_side_by_side_and_leave_their_ports():
    with SandboxServer() as first, SandboxServer() as second:
        assert first.url != second.url
        assert {httpx.get(each.url + "/sandbox/state").status_code for each in (first, second)} == {200}
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url + "/sandbox/state")


def test_stopping_twice_or_before_starting_is_harmless():
    server = SandboxServer()
    server.stop()
    server.stop()


def test_a_port_that_is_taken_is_an_error_at_once(sandbox):
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        run_sandbox(port=port)


def test_a_wrong_fault_is_an_error_before_anything_is_served():
    with pytest.raises(ValueError, match="did you mean"):
        run_sandbox(faults=[{"call": "direct", "fault": "drop"}])


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_no_module_leans_on_the_rest_of_the_project(module):
    tree = ast.parse(module.read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = {name for name in names if name.split(".")[0] in ("connectors", "flows", "transforms")}
    assert all(name.startswith("connectors.sandbox") for name in ours)
