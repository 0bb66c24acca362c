"""A run as a Prefect flow: the same list of stages, each a task, with logs, states and artifacts.

Nothing durable lives here. A run is in the ledger and in its folder, so a flow run that dies is resumed by its run id,
from the command line or from Prefect.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final
from uuid import UUID

import httpx
from pydantic import Field

from flows import prefect_environment  # noqa: F401 - Prefect reads its environment when it is imported

# isort: split

from prefect import flow, get_client, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import PrefectException
from prefect.logging import get_logger
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from flows import reading_back
from flows import run as in_process
from flows.check_run import check_job
from flows.clock import now
from flows.job_file import read_job
from flows.prefect_artifacts import artifact_slug, publish_artifacts
from flows.prefect_logging import LoggedProgress
from flows.prefect_progress import ShownProgress
from flows.prefect_secrets import find_secret, with_secret_blocks
from flows.reporting import STATUS_PLANNED, STATUS_SUCCEEDED
from flows.run import Run, Stages, opened_run, run_stages
from flows.run_folder import RunFolder
from flows.run_place import name_of_check, require_home
from flows.run_recording import is_recorded, record_run
from transforms.vocabulary.errors import ConfigurationError, LeadferryError

_CLEAN: Final = frozenset({STATUS_SUCCEEDED, STATUS_PLANNED})
_RECORDING_SECONDS: Final = 20.0
"""How long a throw-away server may take to write down the task runs it has been told of."""

JobPath = Annotated[str, Field(min_length=1)]
RowLimit = Annotated[int, Field(ge=1)]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,149}$")]


@dataclass
class _Hosted:
    """A run that this process has opened, with one token for all its tasks, and what came of it."""

    run: Run
    progress: LoggedProgress
    flow_run_id: str | None = None
    tasks: int = 0
    facts: dict[str, Any] | None = None
    error: BaseException | None = None


_HERE: Final[dict[str, _Hosted]] = {}


def run_as_flow(run_id: str, stop: threading.Event) -> dict[str, Any]:
    """Bring a recorded run to its end as a flow run of the configured Prefect API and return its report.

    What the run came to is never lost to Prefect: its report, or its very error, comes out even where the server
    went away meanwhile. Raises LeadferryError.
    """
    with _hosted(run_id, stop) as hosted:
        try:
            run_recorded(run_id, return_state=True)
            _wait_for_throw_away_server(hosted)
        except (httpx.HTTPError, PrefectException, RuntimeError) as error:
            if hosted.facts is None and hosted.error is None:
                raise _unreachable(error) from None
            get_logger("leadferry").warning("Prefect was told only part of this run (%s).", type(error).__name__)
    if hosted.error is not None:
        raise hosted.error
    if hosted.facts is None:
        raise _unreachable(None)
    return hosted.facts


@flow(name="leadferry-run", flow_run_name="{run_id}", retries=0, persist_result=False)
def run_recorded(run_id: str) -> State[Any]:
    """Run the stages of a run that is in the ledger already."""
    return _bring_to_end(run_id)


def _name_flow_run() -> str:
    """Name a flow run by its job and day; what the job file gets wrong is the flow's to say."""
    job = Path(runtime.flow_run.parameters["job"])
    try:
        name = read_job(job).name
    except LeadferryError:
        name = job.stem
    return f"{name} {runtime.flow_run.scheduled_start_time:%Y-%m-%d}"


@flow(name="load-leads", flow_run_name=_name_flow_run, retries=0, persist_result=False)
def load_leads(
    job: JobPath, limit: RowLimit | None = None, run_id: RunId | None = None, *, dry_run: bool = False
) -> State[Any]:
    """Load the rows of a job into RingCX: prepare, deliver, reconcile, report.

    Retrying the flow run, or giving the id of a recorded run, resumes that run; no lead is sent twice.

    Args:
        job: The job file (TOML). A relative path starts at the project's folder.
        limit: Read only the first rows of the source, this many.
        run_id: A run to resume, or the name of a new one. Left empty, a new run is named after this flow run.
        dry_run: Show the plan, send nothing. The run id is not used then.
    """
    try:
        if dry_run:
            return _told(json.loads(Path(plan(job, limit)).read_bytes()))
        return _bring_to_end(_recorded(Path(job), limit, run_id))
    except LeadferryError as error:
        return Failed(message=str(error))


def _recorded(job: Path, limit: int | None, run_id: str | None) -> str:
    """Return the id of the run to work on, recorded now unless it was before.

    By default the id follows from the flow run's, so that a flow run which is retried goes on with its own run.
    """
    chosen = run_id or f"{artifact_slug(read_job(job).name)}-{runtime.flow_run.id}"
    if not is_recorded(chosen):
        record_run(job, limit=limit, out=None, run_id=chosen)
    get_run_logger().info("run %s; to go on with it elsewhere: leadferry resume %s", chosen, chosen)
    return chosen


def _bring_to_end(run_id: str) -> State[Any]:
    """Run the stages, one task each, and return the state that says what came of them."""
    with _hosted(run_id) as hosted, _stopping_on_signals(hosted.run.stop):
        hosted.flow_run_id = runtime.flow_run.id
        try:
            hosted.facts = run_stages(hosted.run, _IN_TASKS)
        except LeadferryError as error:
            # Returned rather than raised: a person reads the message, not a traceback of Prefect's engine.
            hosted.error = error
            return Failed(message=str(error))
        except BaseException as error:
            hosted.error = error
            raise
    return _told(hosted.facts)


def _told(facts: dict[str, Any]) -> State[Any]:
    return (Completed if facts["status"] in _CLEAN else Failed)(message=facts["headline"])


@task(name="prepare", task_run_name="prepare", cache_policy=NO_CACHE, retries=0, persist_result=False)
def prepare(run_id: str) -> State[Any] | None:
    """Read the source, make leads of it, plan the batches."""
    return _work(run_id, in_process.prepare)


@task(name="deliver", task_run_name="deliver", cache_policy=NO_CACHE, retries=0, persist_result=False)
def deliver(run_id: str) -> State[Any] | None:
    """Send every batch that is not done."""
    return _work(run_id, in_process.deliver)


@task(name="reconcile", task_run_name="reconcile", cache_policy=NO_CACHE, retries=0, persist_result=False)
def reconcile(run_id: str) -> State[Any] | None:
    """Read the load back and give each lead its outcome."""
    return _work(run_id, reading_back.reconcile)


@task(name="report", task_run_name="report", cache_policy=NO_CACHE, retries=0, persist_result=False)
def report(run_id: str, status: str) -> State[Any] | None:
    """Balance the books, write every file, publish the artifacts."""
    return _work(run_id, lambda run: _publish(in_process.report(run, status)))


@task(name="plan", task_run_name="plan", cache_policy=NO_CACHE, retries=0, persist_result=False)
def plan(job: str, limit: int | None) -> str:
    """Prepare a job and show what would be sent; return the path of report.json."""
    read = read_job(Path(job))
    progress = LoggedProgress(get_run_logger(), ShownProgress(artifact_slug(read.name)))
    name = name_of_check(read.name, None, planned=True)
    facts = check_job(
        read.as_of(now(), name),
        home=require_home(),
        out=None,
        run_id=name,
        is_new=True,
        limit=limit,
        planned=True,
        progress=progress,
    )
    _publish(facts)
    return str(RunFolder(Path(facts["folder"])).report)


def _work(run_id: str, stage: Callable[[Run], object]) -> State[Any] | None:
    """Do one stage of a run, logging to the task at work.

    An error a person can act on is returned as the task's state: its message is logged, not Prefect's own call stack.
    """
    with _hosted(run_id) as hosted:
        hosted.tasks += 1
        hosted.progress.log_to(get_run_logger())
        try:
            stage(hosted.run)
        except LeadferryError as error:
            return Failed(message=str(error), data=error)
    return None


def _report_in_task(run: Run, status: str) -> dict[str, Any]:
    report(run.run_id, status, return_state=True).result()
    return _read_report(run.folder)


def _read_report(folder: RunFolder) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(folder.report.read_bytes())
    return facts


_IN_TASKS: Final = Stages(
    prepare=lambda run: prepare(run.run_id, return_state=True).result(),
    deliver=lambda run: deliver(run.run_id, return_state=True).result(),
    reconcile=lambda run: reconcile(run.run_id, return_state=True).result(),
    report=_report_in_task,
)
"""The same list, each stage a task that is given the run's id alone; the errors that come out are the stages' own."""


@contextmanager
def _hosted(run_id: str, stop: threading.Event | None = None) -> Iterator[_Hosted]:
    """Open a run unless this process has it open: whichever way in comes first closes it."""
    if run_id in _HERE:
        yield _HERE[run_id]
        return
    shown = ShownProgress("")
    progress = LoggedProgress(get_logger("leadferry"), shown)
    with opened_run(run_id, progress, stop) as opened:
        shown.slug = artifact_slug(opened.job.name)
        run = replace(opened, account=with_secret_blocks(opened.account), find_secret=find_secret)
        _HERE[run_id] = _Hosted(run, progress)
        try:
            yield _HERE[run_id]
        finally:
            del _HERE[run_id]
            run.close()


def _publish(facts: dict[str, Any]) -> None:
    """Publish artifacts; a run whose leads are in RingCX does not fail because Prefect could not show it."""
    try:
        publish_artifacts(facts)
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("The artifacts could not be published (%s).", type(error).__name__)


@contextmanager
def _stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM, with which workers cancel, end the run after the requests in flight; a second one at once.

    Prefect's own handler would raise in the middle of a stage, whose threads would then go on sending unseen.
    Ctrl-C is treated alike where nobody else does it already.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    untouched = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    numbers = (signal.SIGTERM, signal.SIGINT) if untouched else (signal.SIGTERM,)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_throw_away_server(hosted: _Hosted) -> None:
    """Wait until a server that ends with this process has written down the task runs it was told of."""
    if get_current_settings().api.url is not None or hosted.flow_run_id is None:
        return
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(hosted.flow_run_id)]))
    deadline = time.monotonic() + _RECORDING_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            known = client.read_task_runs(flow_run_filter=wanted)
            if sum(run.state is not None and run.state.is_final() for run in known) >= hosted.tasks:
                return
            time.sleep(0.2)


def _unreachable(error: Exception | None) -> ConfigurationError:
    reason = f" ({type(error).__name__})" if error else ""
    return ConfigurationError(
        "PREFECT_UNREACHABLE",
        f"The Prefect API cannot be used{reason}; nothing was done.",
        "Check PREFECT_API_URL, or leave Prefect out.",
    )
