"""A command forked from an imported one is the command: it ends, says and dies as one that is started anew."""

import atexit
import signal
import warnings
from importlib import import_module

import pytest

from tests.conftest import lead_rows
from tests.warm_command import IMPORTED, WarmCommand, run_warm


@pytest.mark.parametrize("name", IMPORTED)
def test_what_is_imported_before_is_there(name):
    """A name that is no module's would be passed over without a word, and every command be slower."""
    assert import_module(name)


@pytest.mark.parametrize("arguments", [["runs", "--json"], ["check", "none.toml", "--json"], ["runs", "--prune", "1h"]])
def test_it_says_and_ends_as_one_started_anew(leadferry, leadferry_anew, arguments):
    assert leadferry(*arguments) == leadferry_anew(*arguments)


def test_it_has_an_environment_of_its_own(leadferry, make_job, monkeypatch):
    monkeypatch.setenv("RC_JWT", "of the tests' own process")

    ended = leadferry("load", make_job(lead_rows(1)), "--json", RC_JWT=None)

    assert "lacks RC_JWT" in ended.json["error"]["message"]


def test_a_warning_is_an_error_where_the_environment_says_so(environment, tmp_path):
    ended = run_warm(["--help"], env=environment, cwd=tmp_path, before=_warn)

    assert ended.returncode == 1
    assert "UserWarning: a warning" in ended.stderr


def test_what_is_to_be_done_at_the_end_of_a_process_is_done(environment, tmp_path):
    ended = run_warm(["--help"], env=environment, cwd=tmp_path, before=_say_so_at_the_end)

    assert ended.returncode == 0
    assert ended.stdout.endswith("the end\n")


def _say_so_at_the_end():
    atexit.register(print, "the end")


def _warn():
    warnings.warn("a warning", stacklevel=1)


def test_a_signal_ends_it_and_shows(environment, tmp_path):
    with WarmCommand(["sandbox", "--port", "0"], env=environment, cwd=tmp_path) as command:
        assert command.poll() is None
        command.send_signal(signal.SIGKILL)
        assert command.wait(20) == -signal.SIGKILL
        command.send_signal(signal.SIGKILL)  # nobody is there any more, and nobody else gets it


def test_what_still_runs_at_the_end_of_its_block_is_killed(environment, tmp_path):
    with WarmCommand(["sandbox", "--port", "0"], env=environment, cwd=tmp_path) as command:
        pass

    assert command.returncode == -signal.SIGKILL
