"""`make prefect-demo`: a Prefect server, a worker and a sandbox RingCX, and the nightly deployment run once.

Everything is thrown together under `.leadferry/prefect-demo` and ends with this process.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import click

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows import settings
from flows.demo import SAMPLE_JOB, sandbox_environment
from flows.prefect_processes import (
    DEPLOYMENT,
    WORK_POOL,
    PrefectStack,
    StackError,
    StoppedError,
    choose_port,
    clean_environment,
)
from flows.run_folder import RunFolder
from transforms.vocabulary.errors import LeadferryError

_RUN_SECONDS = 300.0


@click.command()
@click.option("--once", is_flag=True, help="End everything after the run instead of waiting for Ctrl-C.")
@click.option("--job", type=click.Path(path_type=Path, exists=True), default=SAMPLE_JOB, help="Another job file.")
@click.option("--port", type=click.IntRange(0, 65535), default=4200, show_default=True, help="A taken one is avoided.")
def main(*, once: bool, job: Path, port: int) -> None:
    """Show a deployment at work in Prefect's pages. Exits with 0 if the run completed."""
    with stopping_on_signals() as stop:
        try:
            completed = run_demo(job.resolve(), port, stop, once=once)
        except StoppedError:
            click.echo("stopped")
            sys.exit(130)
        except (StackError, LeadferryError) as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)
    sys.exit(0 if completed else 1)


def run_demo(job: Path, port: int, stop: Event, *, once: bool) -> bool:
    """Start everything, run the deployment, end everything; return whether the run completed.

    Raises StackError where something does not start, StoppedError where `stop` came before the end of the run.
    """
    home = settings.home()
    folder = fresh_folder(home / "prefect-demo")
    with ExitStack() as ending:
        ending.enter_context(RunFolder(folder).held())
        chosen = SandboxSettings()
        sandbox = ending.enter_context(SandboxServer(chosen))
        click.echo(f"sandbox RingCX  {sandbox.url}")
        environment = clean_environment(os.environ) | sandbox_environment(sandbox.url, chosen)
        stack = PrefectStack(folder, choose_port(port), environment | {"LEADFERRY_HOME": str(home)}, stop)
        click.echo(f"Prefect         {stack.url}  (starting; logs in {folder})")
        ending.enter_context(stack.serving())
        ending.enter_context(stack.working())
        stack.deploy()
        click.echo(f"deployment      {DEPLOYMENT}, work pool {WORK_POOL}, one worker")
        completed = show_run(stack, job)
        if not once:
            click.echo("Ctrl-C ends everything.")
            stop.wait()
        return completed


def show_run(stack: PrefectStack, job: Path) -> bool:
    """Run the deployment for a job, tell where it can be seen and how it ended; return whether it completed."""
    flow_run_id = stack.start_run({"job": str(job)})
    click.echo(f"flow run        {stack.url}/runs/flow-run/{flow_run_id}")
    ended = stack.wait_for_run(flow_run_id, _RUN_SECONDS)
    click.echo(f"{ended['name']}: {ended['state_name']}. {ended['state']['message'] or ''}")
    return bool(ended["state_type"] == "COMPLETED")


def fresh_folder(folder: Path) -> Path:
    """Return the folder with what an earlier demo left taken away. Raises ConfigurationError while one runs there."""
    RunFolder(folder).make()
    with RunFolder(folder).held():
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != ".lock":
                left.unlink()
    return folder


@contextmanager
def stopping_on_signals() -> Iterator[Event]:
    """Yield an event that Ctrl-C and SIGTERM set: nothing is cut off between starting a process and noting it."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
