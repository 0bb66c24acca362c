"""One run: a list of stages over a run folder and the ledger. The command line and Prefect run the same list.

Every stage can be run again: it starts from what the folder and the ledger say and does only what is missing.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any, Final

import polars as pl

from connectors.ledger import EventState, EventTally, Ledger, RunRecord
from connectors.ledger_leases import TAKEN_OVER
from connectors.ringcx.answers import Campaign
from connectors.ringcx.campaigns import choose_campaign, outside_its_dates
from connectors.ringcx.client import RingCx
from connectors.ringcx.settings import Account
from connectors.ringcx.throttle import Throttle
from connectors.sources.extract import SOURCE_FILE, SOURCE_ROW
from connectors.staging import scan
from flows import settings
from flows.awaiting import await_source
from flows.clock import now
from flows.delivery import Delivery, DeliveryPlan
from flows.delivery_state import BLAMES_A_LEAD, FAILED_AS_A_WHOLE, Standing, fold_events
from flows.earlier_loads import is_same_place, of_same_job, read_earlier_loads
from flows.fetching import fetched
from flows.gates import check_seen_before, judge_gates
from flows.history import earlier_runs, numbers_of
from flows.job_file import Job, read_recorded_job
from flows.kept_runs import refuse_stripped
from flows.notifying import end_told
from flows.preparation import Prepared, prepare_run
from flows.progress import Progress
from flows.read_back import ReadBack
from flows.reading_back import reconcile
from flows.reporting import (
    STATUS_FAILED,
    STATUS_GATE,
    STATUS_INTERRUPTED,
    STATUS_RUNNING,
    STATUS_SUCCEEDED,
    tell_trouble,
    write_run_report,
)
from flows.request_body import load_options
from flows.run_folder import RunFolder
from flows.run_lease import lease_held
from flows.timeline import tell_timeline
from transforms.batching import Batch
from transforms.fingerprint import fingerprint_rows
from transforms.history import PastRun
from transforms.unchanged import EarlierLoads
from transforms.vocabulary.errors import (
    ConfigurationError,
    DeliveryError,
    LeadferryError,
    QualityGateError,
    RunInterruptedError,
    ServiceError,
)

_READING_PATIENCE: Final = 60.0
"""Seconds for which a search is repeated while RingCX is out of reach."""

_PIECE_ROWS: Final = 125_000
"""Rows of the extract that are held at once for their fingerprint."""


@dataclass
class Remarks:
    """What stages tell the report beside the ledger and the files: warnings, and what ended the run before its time."""

    warnings: list[str] = field(default_factory=list)
    trouble: LeadferryError | None = None


@dataclass(frozen=True)
class Run:
    """What the stages share. Only its id and the environment are needed to open it again anywhere."""

    record: RunRecord
    job: Job
    folder: RunFolder
    ledger: Ledger
    account: Account
    progress: Progress
    stop: Event = field(default_factory=Event)
    remarks: Remarks = field(default_factory=Remarks)
    find_secret: Callable[[str], str] = settings.secret

    def warn(self, message: str) -> None:
        """Say something a person should know now and find again in the report."""
        if message not in self.remarks.warnings:
            self.remarks.warnings.append(message)
            self.progress.warn(message)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.record.run_id

    @cached_property
    def ringcx(self) -> RingCx:
        """The one connection of this run, with one token and one set of throttles for all its stages."""
        delivery = self.job.delivery
        return RingCx(
            self.account,
            Throttle(self.ledger.windows(), self.stop, limited=delivery.keep_throttles),
            version=settings.VERSION,
            timeout_seconds=delivery.timeout_seconds,
            patience_seconds=min(delivery.give_up_seconds, _READING_PATIENCE),
            connections=2 * delivery.max_in_flight + 2,
        )

    @cached_property
    def earlier(self) -> list[PastRun]:
        """The earlier runs of this job that read data, oldest first."""
        return earlier_runs(self.ledger, self.record.job, self.record.started_at)

    def close(self) -> None:
        """Close whatever connections were opened."""
        if "ringcx" in self.__dict__:
            self.ringcx.close()
        self.ledger.close()


def start_run(
    ledger: Ledger, job: Job, *, run_id: str, folder: Path, limit: int | None, other_source: str | None = None
) -> RunRecord:
    """Record a new run; its job is kept with it, so that a resume needs no job file. Raises ConfigurationError."""
    record = RunRecord(
        run_id=run_id,
        job=job.name,
        status=STATUS_RUNNING,
        folder=folder,
        job_json=job.model_dump_json(),
        row_limit=limit,
        started_at=now().isoformat(),
        finished_at=None,
        account_id=None,
        campaign_id=None,
        campaign_name=None,
        other_source=other_source,
    )
    ledger.open_run(record)
    return record


@contextmanager
def opened_run(run_id: str, progress: Progress, stop: Event | None = None) -> Iterator[Run]:
    """Open a recorded run from the environment's ledger. Raises ConfigurationError for an unknown id."""
    ledger = Ledger(settings.ledger_url())
    record = ledger.find_run(run_id)
    if record is None:
        ledger.close()
        raise ConfigurationError("RUN_UNKNOWN", f"There is no run {run_id}.", "`leadferry runs` lists them.")
    try:
        refuse_stripped(record)
    except ConfigurationError:
        ledger.close()
        raise
    job = read_recorded_job(record.job_json)
    run = Run(record, job, RunFolder(record.folder), ledger, settings.account(), progress, stop or Event())
    try:
        yield run
    finally:
        run.close()


def prepare(run: Run) -> Prepared:
    """Stage 1: read the source, make leads of it, and plan the batches. Raises SourceError, QualityGateError."""
    if run.ledger.batches(run.run_id) and not run.folder.prepared.exists():
        # Its batches name rows of files that preparing would now write anew, perhaps otherwise.
        raise ConfigurationError(
            "STAGED_FILES_MISSING",
            f"The run {run.run_id} has planned batches, but {run.folder.prepared} is not there; nothing was changed.",
            "Put the folder's files back, or finish the run with the version of Leadferry that began it.",
        )
    with _source_at_hand(run) as job:
        prepared = prepare_run(
            job,
            run.folder,
            as_of=job.day_of(dt.datetime.fromisoformat(run.record.started_at)),
            limit=run.record.row_limit,
            progress=run.progress,
            earlier=_earlier_loads(run),
            stop=run.stop,
        )
    for note in prepared.notes:
        run.warn(note)
    _keep_gates(run, prepared)
    if not run.ledger.batches(run.run_id):
        _look_for_the_same_rows(run)
    run.ledger.plan_batches(run.run_id, prepared.batches)
    return prepared


def _earlier_loads(run: Run) -> EarlierLoads | None:
    """Return what earlier runs loaded into the campaign, if the job does not send such leads again.

    Asked once: what was staged stays so. Raises ConfigurationError.
    """
    if run.job.load.already_loaded == "send" or run.folder.prepared.exists():
        return None
    others = of_same_job(run.ledger.list_runs(), run.job, but=run.run_id)
    if not others:
        return None
    campaign_id = _connect(run).campaign_id
    account_id = (run.ledger.find_run(run.run_id) or run.record).account_id
    return read_earlier_loads([other for other in others if is_same_place(other, account_id, campaign_id)])


def _keep_gates(run: Run, prepared: Prepared) -> None:
    """Warn of what the job's gates find, and stop where they say so. Raises QualityGateError."""
    judgement = judge_gates(run.job, prepared, run.earlier, whole=run.record.is_whole)
    for warning in judgement.warnings:
        run.warn(warning)
    if judgement.error is None:
        return
    if run.ledger.batches(run.run_id):
        run.warn(judgement.error.message.removesuffix(" Nothing was sent."))  # it passed when it was planned
    else:
        raise judgement.error


def _look_for_the_same_rows(run: Run) -> None:
    """Remember what the source's rows were, and say so where another run has loaded them. Raises QualityGateError."""
    rows = scan(run.folder.extract)
    columns = [name for name in rows.collect_schema() if name not in {SOURCE_ROW, SOURCE_FILE}]
    pieces = (rows.slice(first, _PIECE_ROWS).collect() for first in range(0, _height(rows), _PIECE_ROWS))
    fingerprint = fingerprint_rows(pieces, columns)
    run.ledger.update_run(run.run_id, fingerprint=fingerprint)
    warning = check_seen_before(run.job, run.ledger.find_loaded(replace(run.record, fingerprint=fingerprint)))
    if warning:
        run.warn(warning)


def _height(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


@contextmanager
def _source_at_hand(run: Run) -> Iterator[Job]:
    """Wait for the source and fetch it, if need be, and yield the job over what is here; once it is read, nothing."""
    if run.folder.prepared.exists() or run.folder.extract.exists():
        yield run.job
        return
    await_source(run.job, run.stop, run.progress.warn)
    with fetched(run.job, run.folder.path, run.stop) as job:
        yield job


def deliver(run: Run) -> None:
    """Stage 2: send every batch that is not done.

    Raises ConfigurationError while nothing was sent, DeliveryError or RunInterruptedError after.
    """
    batches = [batch for batch in run.ledger.batches(run.run_id) if not _standing(run, batch).is_done]
    if not batches:
        return
    campaign = _connect(run)
    run.progress.begin("deliver", len(batches), "batches")
    sent = 0

    def on_batch(batch: Batch) -> None:
        nonlocal sent
        sent += batch.size
        run.progress.advance(1, f", {sent:,} rows")

    Delivery(_delivery_plan(run, campaign.campaign_id), run.ledger, run.ringcx, run.stop, now).run(batches, on_batch)


def report(run: Run, status: str = STATUS_SUCCEEDED) -> dict[str, Any]:
    """Stage 4: balance the books and write every file; return the report."""
    record = run.ledger.find_run(run.run_id) or run.record
    batches = run.ledger.batches(run.run_id)
    tallies = run.ledger.tally_events(run.run_id)
    if status == STATUS_SUCCEEDED and (_nothing_was_taken(tallies) or _delivery_failed(run, batches)):
        status = STATUS_FAILED
    finished_at = now()
    prepared = Prepared.from_json(run.folder.prepared.read_text(encoding="utf-8"))
    facts = write_run_report(
        run.job,
        run.folder,
        run_id=run.run_id,
        status=status,
        started_at=record.started_at,
        finished_at=finished_at,
        prepared=prepared,
        rows=scan(run.folder.extract),
        earlier=run.earlier if record.is_whole else (),
        more={
            "row_limit": record.row_limit,
            "warnings": run.remarks.warnings,
            "trouble": tell_trouble(run.remarks.trouble),
            "fingerprint": record.fingerprint,
            "requests": sum(tally.times for tally in tallies if not tally.state.is_search),
            "campaign": {"id": record.campaign_id, "name": record.campaign_name} if record.campaign_id else None,
            "delivery": [_tell_tally(tally) for tally in tallies],
            "timeline": tell_timeline(lambda: run.ledger.event_moments(run.run_id)),
            **ReadBack.read(run.folder).facts,
        },
    )
    for warning in facts["warnings"]:
        run.warn(warning)
    facts["warnings"] = run.remarks.warnings  # the same list: what a notice comes to is found in it too
    run.ledger.update_run(
        run.run_id,
        status=facts["status"],
        finished_at=finished_at.isoformat(),
        numbers=numbers_of(facts, prepared),
    )
    return facts


@dataclass(frozen=True)
class Stages:
    """The list that a run is, in order. Prefect puts its own four in their places, each a task around one of these."""

    prepare: Callable[[Run], object] = prepare
    deliver: Callable[[Run], object] = deliver
    reconcile: Callable[[Run], object] = reconcile
    report: Callable[[Run, str], dict[str, Any]] = report


def run_stages(run: Run, stages: Stages = Stages()) -> dict[str, Any]:
    """Run every stage and return the report.

    Whatever stops delivery, what did happen is reconciled and reported before the error goes on. Raises LeadferryError.
    """
    with _run_held(run), end_told(run.job, run.run_id, run.find_secret, run.warn) as end, status_kept(run):
        try:
            stages.prepare(run)
        except QualityGateError as error:
            run.remarks.trouble = error
            end.facts = stages.report(run, STATUS_GATE)
            raise
        try:
            stages.deliver(run)
        except DeliveryError as error:
            if error.code == TAKEN_OVER:
                raise  # the folder is another's now
            run.remarks.trouble = error
        with _ledger_failure_told(run):
            stages.reconcile(run)
            end.facts = stages.report(run, STATUS_SUCCEEDED if run.remarks.trouble is None else STATUS_FAILED)
        if run.remarks.trouble is not None:
            raise run.remarks.trouble
        return dict(end.facts)


@contextmanager
def _run_held(run: Run) -> Iterator[None]:
    """Work on the run alone, and only if nobody took lead data out of it since it was opened."""
    with lease_held(run.ledger, run.run_id, run.folder, stop=run.stop, tell=run.progress.warn):
        refuse_stripped(run.ledger.find_run(run.run_id) or run.record)
        yield


def reconcile_again(run: Run) -> dict[str, Any]:
    """Read a run that has ended back once more, write its outcomes and reports anew, and return the report.

    Nothing is sent. Whatever fails leaves the run as it was. Raises ConfigurationError, ServiceError,
    RunInterruptedError.
    """
    with _run_held(run):
        record = run.ledger.find_run(run.run_id) or run.record
        if record.campaign_id is None or not run.folder.prepared.exists():
            raise ConfigurationError(
                "NOTHING_SENT",
                f"The run {run.run_id} sent nothing, so there is nothing to read back.",
                f"`leadferry resume {run.run_id}` goes on with it.",
            )
        account_id = run.ringcx.sign_in()
        if record.account_id not in {None, account_id}:
            raise ConfigurationError(
                "OTHER_ACCOUNT",
                f"The run {run.run_id} loaded into the account {record.account_id}, not {account_id}.",
                "Set RINGCX_ACCOUNT_ID and the credentials to that account's.",
            )
        prepared = Prepared.from_json(run.folder.prepared.read_text(encoding="utf-8"))
        for note in prepared.notes:
            run.warn(note)
        _keep_gates(run, prepared)
        reconcile(run, is_strict=True)
        return report(run)


@contextmanager
def _ledger_failure_told(run: Run) -> Iterator[None]:
    """Tell of a ledger that fails after delivery as a run to go on with: it is no wrong start any more."""
    try:
        yield
    except ConfigurationError as error:
        if not error.code.startswith("LEDGER_"):
            raise
        raise run.remarks.trouble or DeliveryError(error.code, error.message, error.next_step) from None


@contextmanager
def status_kept(run: Run) -> Iterator[None]:
    """Keep the ledger's word on a run true while it works and when an error ends it."""
    run.ledger.update_run(run.run_id, status=STATUS_RUNNING)
    try:
        yield
    except BaseException as error:
        if isinstance(error, RunInterruptedError | KeyboardInterrupt):
            status = STATUS_INTERRUPTED
        else:
            status = STATUS_GATE if isinstance(error, QualityGateError) else STATUS_FAILED
        with suppress(LeadferryError):  # where the ledger is what failed, the first error says more
            run.ledger.update_run(run.run_id, status=status, finished_at=now().isoformat())
        raise


def _connect(run: Run) -> Campaign:
    """Sign in and find the campaign; a run keeps to the campaign it began with, or was compared with."""
    begun = bool(run.ledger.events(run.run_id))
    is_settled = begun or run.job.load.already_loaded == "skip"
    settled = (run.ledger.find_run(run.run_id) or run.record).campaign_id if is_settled else None
    try:
        account_id = run.ringcx.sign_in()
        campaign = choose_campaign(
            run.ringcx.campaigns(),
            name=run.job.load.campaign if settled is None else None,
            campaign_id=run.job.load.campaign_id if settled is None else settled,
            dial_group=run.job.load.dial_group,
        )
    except ServiceError as error:
        if begun:
            raise
        raise ConfigurationError(error.code, error.message, error.next_step) from None
    run.ledger.update_run(
        run.run_id, account_id=account_id, campaign_id=campaign.campaign_id, campaign_name=campaign.name
    )
    warning = outside_its_dates(campaign, now())
    if warning:
        run.warn(warning)
    return campaign


def _delivery_plan(run: Run, campaign_id: int) -> DeliveryPlan:
    return DeliveryPlan(
        run_id=run.run_id,
        staged=run.folder.leads,
        campaign_id=campaign_id,
        options=load_options(run.job),
        timeout_seconds=run.job.delivery.timeout_seconds,
        settle_seconds=run.job.delivery.settling_time,
        give_up_seconds=run.job.delivery.give_up_seconds,
        max_in_flight=run.job.delivery.max_in_flight,
    )


def _standing(run: Run, batch: Batch) -> Standing:
    """Return where a batch stands; events are read batch by batch, for together they grow with the leads."""
    return fold_events(batch.size, run.ledger.events(run.run_id, batch.number))


def _nothing_was_taken(tallies: list[EventTally]) -> bool:
    """Return whether RingCX refused leads and took none: that is no few bad leads in a good load."""
    states = {tally.state for tally in tallies}
    taken = {EventState.ACCEPTED, EventState.LANDED, EventState.PARTLY_LANDED}
    return EventState.REFUSED in states and not states & taken


def _delivery_failed(run: Run, batches: list[Batch]) -> bool:
    """Return whether RingCX refused a whole request, or failed at it, rather than find fault with a lead in it."""
    return any(
        event.state is EventState.REFUSED
        and (len(piece) > 1 or event.code not in BLAMES_A_LEAD or event.code in FAILED_AS_A_WHOLE)
        for batch in batches
        for piece, event in _standing(run, batch).answered.items()
    )


def _tell_tally(tally: EventTally) -> dict[str, Any]:
    """Tell what requests met: state, code, how often, and the server's first words."""
    return {"state": tally.state.value, "code": tally.code, "times": tally.times, "message": tally.message}
