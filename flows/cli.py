"""The command `leadferry`. Heavy modules are imported by the commands that need them, so that `--help` is instant."""

import errno
import gc
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from flows.plain_text import plain
from transforms.vocabulary.errors import (
    ConfigurationError,
    DeliveryError,
    LeadferryError,
    QualityGateError,
    RunInterruptedError,
)

if TYPE_CHECKING:
    from flows.job_file import Job
    from flows.looking_up import Asked
    from flows.reading_ahead import ReadAhead

_Text = TypeVar("_Text", str, "str | os.PathLike[str]")

EXIT_UNRESOLVED = 1
EXIT_INTERRUPTED = 130
_STDERR: Final = 2
_LONGEST_ESCAPE: Final = len(r"\U0001f600")


class _NamedPath(click.Path):
    """A path that is not empty: such a one is the working folder's, and comes of a variable that is not set."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        return super().convert(_named(value, param, ctx), param, ctx)


class _Source(click.ParamType[str]):
    """What a source is called, which is not empty either."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _named(value, param, ctx)


def _named(value: _Text, param: click.Parameter | None, ctx: click.Context | None) -> _Text:
    """Return a path or source. Raises click.BadParameter for one without a name."""
    if not str(value).strip():
        raise click.BadParameter("it is empty, and must name something", ctx, param)
    return value


_JOB = click.argument("job", type=_NamedPath(path_type=Path))
_JSON = click.option("as_json", "--json", is_flag=True, help="Print one JSON document on standard output.")
_DEBUG = click.option("--debug", is_flag=True, help="Show a traceback for an unexpected error.")
_LIMIT = click.option("--limit", type=click.IntRange(1, 2**32 - 1), help="Read only the first N rows of the source.")
_OUT = click.option("--out", type=_NamedPath(path_type=Path, file_okay=False), help="Write the run's files here.")
_SOURCE = click.option(
    "--source", type=_Source(), help="Read this file, not the job's own source: such as a mended rejects.csv."
)
_RUN_ID = click.option("--run-id", help="Name the run yourself (letters, digits, dot, dash, underscore).")
_BY = click.option("--as", "by", type=click.Choice(["phone", "id"]), help="Take it for this alone, not for either.")
_PREFECT = click.option("--prefect", is_flag=True, help="Run as a Prefect flow, also without PREFECT_API_URL.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leadferry")
def cli() -> None:
    """Load leads into RingCentral RingCX campaigns, each exactly once, and say what became of every row.

    Exit codes: 0 every row is accounted for; 1 unresolved rows or a failed delivery; 2 wrong usage, job file,
    credentials or source, nothing sent; 3 a quality gate stopped the run; 130 interrupted, resumable.
    """


@cli.command()
@click.argument("source", type=_Source())
@click.option("--query", help="What to ask SOURCE, if it is a database.")
@click.option("--query-file", type=_NamedPath(path_type=Path, dir_okay=False), help="A file with that query.")
@click.option("--job", type=_NamedPath(path_type=Path, dir_okay=False), help="Write the job file here.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@_JSON
@_DEBUG
def init(
    source: str,
    query: str | None,
    query_file: Path | None,
    job: Path | None,
    *,
    force: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Write a job file for SOURCE with a guessed mapping.

    SOURCE is CSV, Parquet or Excel (a file, a folder, a quoted glob, or an s3://, gs:// or az:// URL), or a database:
    its URL without a password, or env:NAME of a variable that has it, with a query.
    """
    with _errors_told(as_json=as_json, debug=debug, begun=()):
        from flows.init_job import init_job, tell_init

        facts = init_job(source, job, force=force, query=query, query_file=query_file)
        click.echo(json.dumps(facts, indent=2) if as_json else tell_init(facts))


@cli.command()
@_JOB
@click.option("--rows", type=click.IntRange(1, 1000), default=3, show_default=True, help="How many rows to show.")
@click.option("--show-numbers", is_flag=True, help="Show telephone numbers whole; they are masked otherwise.")
@_SOURCE
@_JSON
@_DEBUG
def preview(job: Path, rows: int, source: str | None, *, show_numbers: bool, as_json: bool, debug: bool) -> None:
    """Show the first rows of JOB's source as read, as mapped and as they would be sent; sends and keeps nothing."""
    with _errors_told(as_json=as_json, debug=debug, begun=()):
        from flows.clock import now
        from flows.job_file import read_job
        from flows.other_source import with_source
        from flows.preview import preview_job, print_preview
        from flows.progress import SilentProgress

        started = now()
        read = with_source(read_job(job), source).as_of(started, "preview")
        shown = preview_job(
            read, rows=rows, as_of=read.day_of(started), progress=SilentProgress(), show_numbers=show_numbers
        )
        if as_json:
            click.echo(json.dumps({"job": read.name, "rows": shown}, indent=2))
        else:
            from rich.console import Console

            print_preview(shown, read.columns, Console(highlight=False))


@cli.command()
@_JOB
@_LIMIT
@_OUT
@_RUN_ID
@_SOURCE
@_JSON
@_DEBUG
def check(
    job: Path,
    limit: int | None,
    out: Path | None,
    run_id: str | None,
    source: str | None,
    *,
    as_json: bool,
    debug: bool,
) -> None:
    """Read, clean and judge the rows of JOB and report on them; sends nothing, needs no credentials."""
    with _errors_told(as_json=as_json, debug=debug, begun=()):
        facts = _prepare_only(job, limit, out, run_id, source, planned=False)
        _tell(facts, as_json=as_json)
        _end_as_checked(facts)


@cli.command()
@_JOB
@click.option("--dry-run", is_flag=True, help="Show the plan and the first request body; send nothing.")
@_LIMIT
@_OUT
@_RUN_ID
@_SOURCE
@_PREFECT
@_JSON
@_DEBUG
def load(
    job: Path,
    limit: int | None,
    out: Path | None,
    run_id: str | None,
    source: str | None,
    *,
    dry_run: bool,
    prefect: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Load the rows of JOB: prepare, deliver, reconcile, report."""
    begun: list[str] = []
    with _errors_told(as_json=as_json, debug=debug, begun=begun):
        if dry_run:
            facts = _prepare_only(job, limit, out, run_id, source, planned=True)
            _tell(facts, as_json=as_json)
            _end_as_checked(facts)
            return
        from flows.run_recording import record_run

        new_id = record_run(job, limit=limit, out=out, run_id=run_id, source=source)
        begun.append(new_id)
        click.echo(f"run {new_id}", err=True)
        _finish(new_id, prefect=prefect, as_json=as_json)


@cli.command()
@click.argument("run_id")
@_PREFECT
@_JSON
@_DEBUG
def resume(run_id: str, *, prefect: bool, as_json: bool, debug: bool) -> None:
    """Go on with the run RUN_ID wherever it stopped; no lead is sent twice."""
    with _errors_told(as_json=as_json, debug=debug, begun=[run_id]):
        from flows.run_place import require_home

        require_home()
        _finish(run_id, prefect=prefect, as_json=as_json)


@cli.command()
@click.argument("run_id")
@_JSON
@_DEBUG
def reconcile(run_id: str, *, as_json: bool, debug: bool) -> None:
    """Read the run RUN_ID back from RingCX again: settle what was open, pick up new states; sends nothing."""
    with _errors_told(as_json=as_json, debug=debug):
        from flows.run_place import require_home

        require_home()
        stop = Event()
        try:
            with _stopping_on_signals(stop):
                facts = _reconcile_here(run_id, stop)
        except (RunInterruptedError, KeyboardInterrupt):
            stopped = RunInterruptedError(
                "INTERRUPTED",
                f"Reading {run_id} back was interrupted; the run is as it was.",
                f"Start anew with: leadferry reconcile {run_id}",
            )
            _fail(stopped, as_json=as_json)
        _tell_ended(facts, as_json=as_json)


@cli.command()
@click.argument("run_id", required=False)
@click.option("--prune", metavar="AGE", help="Delete the lead data of runs that ended longer ago: 12h, 30d, 8w.")
@click.option("--dry-run", is_flag=True, help="With --prune: say what would be deleted, and delete nothing.")
@click.option("--force", is_flag=True, help="With --prune: also runs that could still be resumed.")
@_JSON
@_DEBUG
def runs(run_id: str | None, prune: str | None, *, dry_run: bool, force: bool, as_json: bool, debug: bool) -> None:
    """List the runs of this ledger with their verdicts, or show the run RUN_ID; --prune deletes old lead data."""
    if prune is None and (dry_run or force):
        raise click.UsageError("--dry-run and --force go with --prune")
    if prune is not None and run_id is not None:
        raise click.UsageError("--prune takes no RUN_ID: it deletes by age")
    with _errors_told(as_json=as_json, debug=debug):
        if prune is not None:
            _prune(prune, dry_run=dry_run, force=force, as_json=as_json)
            return
        from connectors.ledger import Ledger
        from flows import settings
        from flows.run_listing import describe_run, tell_run, tell_runs
        from flows.run_place import require_home

        require_home()
        ledger = Ledger(settings.ledger_url())
        try:
            if run_id is None:
                listed = [describe_run(record) for record in ledger.list_runs()]
                click.echo(json.dumps({"runs": listed}, indent=2) if as_json else tell_runs(listed))
                return
            record = ledger.find_run(run_id)
            if record is None:
                raise ConfigurationError("RUN_UNKNOWN", f"There is no run {run_id}.", "`leadferry runs` lists them.")
            shown = describe_run(record)
            click.echo(json.dumps(shown, indent=2) if as_json else tell_run(shown))
        finally:
            ledger.close()


@cli.command()
@click.argument("who", metavar="PHONE|EXTERNID")
@_BY
@click.option("--dry-run", is_flag=True, help="Say where the person is, and change nothing.")
@click.option("--force", is_flag=True, help="Also in runs that could still be resumed; they can't be after that.")
@_JSON
@_DEBUG
def forget(who: str, by: str | None, *, dry_run: bool, force: bool, as_json: bool, debug: bool) -> None:
    """Take one person, by number (in any writing) or external id, out of everything kept here, and say where they were.

    `-` reads the number or id from standard input, so that it shows in no list of processes.
    """
    with _errors_told(as_json=as_json, debug=debug):
        from flows.clock import now
        from flows.forgetting import forget_person, tell_forgetting
        from flows.run_place import ledger_if_kept, require_home

        home = require_home()
        with ledger_if_kept() as ledger:
            facts = forget_person(ledger, home, _asked(who, by), moment=now().isoformat(), force=force, dry_run=dry_run)
        click.echo(json.dumps(facts, indent=2) if as_json else tell_forgetting(facts))


@cli.command()
@click.argument("words", nargs=-1, required=True, metavar="[RUN_ID] PHONE|EXTERNID")
@click.option("--all", "all_runs", is_flag=True, help="Look in every run; no RUN_ID is given then.")
@_BY
@click.option("--show-numbers", is_flag=True, help="Show telephone numbers whole; they are masked otherwise.")
@click.option("--offline", is_flag=True, help="Do not ask RingCX for the state now.")
@_JSON
@_DEBUG
def trace(
    words: tuple[str, ...],
    by: str | None,
    *,
    all_runs: bool,
    show_numbers: bool,
    offline: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Tell the whole story of one lead, by number (in any writing) or external id, in the run RUN_ID or in --all.

    `-` reads the number or id from standard input. Without credentials, or --offline, RingCX is not asked.
    """
    if len(words) != (1 if all_runs else 2):
        raise click.UsageError("write: leadferry trace RUN_ID PHONE|EXTERNID, or: leadferry trace --all PHONE|EXTERNID")
    with _errors_told(as_json=as_json, debug=debug):
        from flows import settings
        from flows.run_place import ledger_if_kept, require_home
        from flows.tracing import tell_trace, trace_person

        home = require_home()
        run_id = None if all_runs else words[0]
        with ledger_if_kept() as ledger:
            if ledger is None:
                raise ConfigurationError("NO_RUNS", "There are no runs yet.", "`leadferry load JOB` starts one.")
            asked = _asked(words[-1], by)
            account = None if offline else settings.account()
            facts = trace_person(ledger, home, asked, run_id, account=account, show_numbers=show_numbers)
        click.echo(json.dumps(facts, indent=2, default=str) if as_json else tell_trace(facts))


def _asked(who: str, by: str | None) -> "Asked":
    from flows.looking_up import Asked

    text = sys.stdin.readline() if who == "-" else who
    return Asked(text, "phone" if by == "phone" else "id" if by == "id" else None)


def _prune(age: str, *, dry_run: bool, force: bool, as_json: bool) -> None:
    from flows.clock import now
    from flows.pruning import parse_age, prune_runs, tell_prune
    from flows.run_place import ledger_if_kept, require_home

    try:
        ended_before = now() - parse_age(age)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            "AGE_NOT_VALID", f"--prune {age!r} is no age.", "Write a number and h, d or w, such as 12h, 30d or 8w."
        ) from None
    home = require_home()
    with ledger_if_kept() as ledger:
        facts = prune_runs(ledger, home, ended_before=ended_before, now=now(), force=force, dry_run=dry_run)
    click.echo(json.dumps(facts, indent=2) if as_json else tell_prune(facts))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 picks a free one.")
@click.option("--faults", type=_NamedPath(path_type=Path, dir_okay=False), help="A JSON file of faults to play.")
@click.option("--no-throttles", is_flag=True, help="Answer as fast as possible.")
@_JSON
@_DEBUG
def sandbox(port: int, faults: Path | None, *, no_throttles: bool, as_json: bool, debug: bool) -> None:
    """Run a local RingCX on 127.0.0.1, so that everything can be tried without an account."""
    with _errors_told(as_json=as_json, debug=debug):
        from connectors.sandbox.faults import load_faults
        from connectors.sandbox.server import run_sandbox
        from connectors.sandbox.settings import SandboxSettings

        chosen = SandboxSettings(throttles=not no_throttles)

        def tell(url: str) -> None:
            environment = {
                "RINGCX_BASE_URL": url,
                "RINGCENTRAL_BASE_URL": url,
                "RC_CLIENT_ID": chosen.client_id,
                "RC_CLIENT_SECRET": chosen.client_secret,
                "RC_JWT": chosen.jwt,
                "RINGCX_ACCOUNT_ID": chosen.account_id,
            }
            if as_json:
                click.echo(json.dumps({"url": url, "environment": environment}))
            else:
                click.echo(f"# sandbox RingCX on {url}; Ctrl-C ends it. For another terminal:")
                click.echo("\n".join(f"export {name}={value}" for name, value in environment.items()))
            sys.stdout.flush()

        try:
            schedule = load_faults(faults) if faults else ()
            run_sandbox(chosen, port=port, faults=schedule, on_ready=tell)
        except (ValueError, OSError) as error:
            raise ConfigurationError(
                "SANDBOX", f"The sandbox cannot start: {error}.", "Correct that and try again."
            ) from None


def _prepare_only(
    path: Path, limit: int | None, out: Path | None, run_id: str | None, source: str | None, *, planned: bool
) -> dict[str, Any]:
    from connectors.report.page_process import PageProcess

    # First of all: a process is forked safely as long as there is one thread.
    with (
        PageProcess.start() or nullcontext() as page,
        _read_ahead(path, limit, run_id, source, planned=planned) as (job, name, ahead),
    ):
        from flows.check_run import check_job
        from flows.progress import terminal_progress
        from flows.run_place import require_home

        home = require_home()
        with terminal_progress() as progress:
            return check_job(
                job,
                home=home,
                out=out,
                run_id=name,
                is_new=run_id is None,
                limit=limit,
                planned=planned,
                progress=progress,
                ahead=ahead,
                page=page,
                other_source=source is not None,
            )


@contextmanager
def _read_ahead(
    path: Path, limit: int | None, run_id: str | None, source: str | None, *, planned: bool
) -> "Iterator[tuple[Job, str, ReadAhead | None]]":
    """Yield the job as it is to be checked, the run's name, and the job's source, of which reading has begun if it can.

    Reading begins as soon as what reads is imported: what checks the job, and what judges its rows, takes as long
    again, and is imported meanwhile.
    """
    from flows.first_glance import glance_at
    from flows.reading_ahead import ReadAhead

    # As it was: with polars' own handler Ctrl-C ends its threads in the midst of writing, and they complain of it.
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))
    with ExitStack() as under_way:
        guess = glance_at(path) if source is None else None
        ahead = None if guess is None else under_way.enter_context(closing(ReadAhead(guess, limit)))

        from flows.awaiting import must_wait
        from flows.clock import now
        from flows.extracting import can_read_ahead, reading_of
        from flows.fetching import is_remote
        from flows.job_file import read_job
        from flows.other_source import with_source
        from flows.run_place import name_of_check

        job = with_source(read_job(path), source)
        name = name_of_check(job.name, run_id, planned=planned)
        job = job.as_of(now(), name)
        reads_ahead = can_read_ahead(job) and not must_wait(job) and not is_remote(job)
        reading = reading_of(job) if reads_ahead else None
        if ahead is not None and ahead.reading != reading:
            ahead.close()
            ahead = None
        if ahead is None and reading is not None:
            ahead = under_way.enter_context(closing(ReadAhead(reading, limit)))
        yield job, name, ahead


def _finish(run_id: str, *, prefect: bool, as_json: bool) -> None:
    """Bring a recorded run to its end and tell what came of it; exits with its code.

    A run that fails after its data was staged leaves a report too, which is told before the error.
    """
    stop = Event()
    try:
        with _stopping_on_signals(stop):
            if prefect or os.environ.get("PREFECT_API_URL"):
                from flows.prefect_flow import run_as_flow

                facts = run_as_flow(run_id, stop)
            else:
                facts = _run_here(run_id, stop)
    except (QualityGateError, DeliveryError) as error:
        told = _report_of(run_id)
        if told is None:
            raise
        _tell(told | {"error": _describe(error), "exit_code": error.exit_code}, as_json=as_json)
        _tell_error(str(error))
        if isinstance(error, DeliveryError):
            click.echo(f"go on with: leadferry resume {run_id}", err=True)
        sys.exit(error.exit_code)
    except (RunInterruptedError, KeyboardInterrupt):
        stopped = RunInterruptedError(
            "INTERRUPTED", f"The run {run_id} was interrupted.", f"Go on with: leadferry resume {run_id}"
        )
        _fail(stopped, as_json=as_json)
    _tell_ended(facts, as_json=as_json)


def _tell_ended(facts: dict[str, Any], *, as_json: bool) -> None:
    """Tell what a run came to and, where it is not good, what is left to do; exits then."""
    _tell(facts, as_json=as_json)
    if facts["status"] != "succeeded":
        click.echo(_what_is_left(facts), err=True)
        sys.exit(EXIT_UNRESOLVED)


def _what_is_left(facts: dict[str, Any]) -> str:
    """Say what a person does about a run that ended without being good."""
    if not facts["balanced"]:
        return f"the books do not balance: do not rely on these numbers, and keep {facts['folder']} to find out why"
    differences = (facts["ringcx"] or {}).get("differences", ())
    if differences and not all(each["settles_later"] for each in differences):
        told = "; ".join(f"{each['what']}: {each['found']:,} of {each['expected']:,}" for each in differences)
        return f"RingCX's own numbers do not agree ({told}); look again with: leadferry reconcile {facts['run_id']}"
    if facts["counts"]["UNRESOLVED"] or facts["counts"]["NOT_SENT"]:
        return f"not every row is settled; go on with: leadferry resume {facts['run_id']}"
    return f"RingCX refused a whole request; {facts['folder']}/rejects.csv has its rows and the server's words"


def _report_of(run_id: str) -> dict[str, Any] | None:
    from connectors.ledger import Ledger
    from flows import settings
    from flows.run_listing import describe_run

    try:
        ledger = Ledger(settings.ledger_url())
    except ConfigurationError:
        return None  # the ledger may be the very thing that failed
    try:
        record = ledger.find_run(run_id)
        report: dict[str, Any] | None = describe_run(record).get("report") if record else None
        return report
    finally:
        ledger.close()


def _may_have_sent(run_id: str) -> bool:
    """Return whether a request of the run was begun, as far as anybody can tell."""
    from connectors.ledger import Ledger
    from flows import settings

    try:
        with closing(Ledger(settings.ledger_url())) as ledger:
            return bool(ledger.tally_events(run_id))
    except ConfigurationError:
        return True


def _describe(error: LeadferryError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "next_step": error.next_step}


def _run_here(run_id: str, stop: Event) -> dict[str, Any]:
    gc.set_threshold(*_GC_THRESHOLD)  # a load may run for hours, and its requests leave garbage of half a megabyte each
    from flows.progress import terminal_progress
    from flows.run import opened_run, run_stages

    with terminal_progress() as progress, opened_run(run_id, progress, stop) as run:
        return run_stages(run)


def _reconcile_here(run_id: str, stop: Event) -> dict[str, Any]:
    gc.set_threshold(*_GC_THRESHOLD)
    from flows.progress import terminal_progress
    from flows.run import opened_run, reconcile_again

    with terminal_progress() as progress, opened_run(run_id, progress, stop) as run:
        return reconcile_again(run)


@contextmanager
def _stopping_on_signals(stop: Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run after the requests in flight, the second at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def ask(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            # What is left is to end the requests in flight and to say how to go on: a third would only cut that off.
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)
            raise KeyboardInterrupt
        # Past Python's own stream: a handler that comes in the middle of a write to it must not write there again.
        with suppress(OSError):
            os.write(_STDERR, b"stopping after the requests in flight; once more stops at once\n")
        stop.set()

    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)


@contextmanager
def _errors_told(*, as_json: bool, debug: bool, begun: Sequence[str] | None = None) -> Iterator[None]:
    """Turn every error into one message, one JSON document if asked for, and the right exit code.

    `begun` are the runs that may have sent something by now; None where a command is about other things.
    """
    try:
        yield
    except LeadferryError as error:
        _fail(error, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _fail(_explain(error, begun), as_json=as_json)


def _explain(error: Exception, begun: Sequence[str] | None) -> LeadferryError:
    """Return what a person is told of an error that nobody translated: what the system refused, else its kind."""
    refused = _refusal_of(error)
    if refused is not None:
        nothing_was_sent = begun is not None and not any(map(_may_have_sent, begun))
        return ConfigurationError(*refused) if nothing_was_sent else LeadferryError(*refused)
    name = type(error).__name__
    return LeadferryError(
        "UNEXPECTED", f"Something unexpected went wrong ({name}).", "Run again with --debug to see where."
    )


def _refusal_of(error: Exception) -> tuple[str, str, str] | None:
    """Return code, message and next step of what the system refused; None for an error of our own."""
    full = os.strerror(errno.ENOSPC)
    if full in str(error):  # polars tells it in words of its own
        return "DISK_FULL", f"{full}.", "Make room, or choose another folder, and run again."
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return "SYSTEM", f"{error.strerror}{where}.", "Correct that, and run again."
    return None


def _fail(error: LeadferryError, *, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": _describe(error), "exit_code": error.exit_code}, indent=2))
    _tell_error(str(error))
    sys.exit(error.exit_code)


def _tell_error(words: str) -> None:
    """Say what is wrong. Names of keys, columns and files are foreign text, which is not to steer the terminal."""
    lines = [plain(line, widest=len(line) * _LONGEST_ESCAPE) for line in words.split("\n")]
    click.echo("\n".join(["error: " + lines[0], *lines[1:]]), err=True)


def _end_as_checked(facts: dict[str, Any]) -> None:
    """Return where all is well; else say why not, and exit with its code."""
    if facts["status"] == "failed":
        _tell_error(facts["headline"])
        sys.exit(EXIT_UNRESOLVED)
    if facts["status"] != "gate":
        return
    trouble = facts["trouble"]
    next_step = (
        f"See {facts['folder']}/rejects.csv." if trouble["code"] == "TOO_MANY_REJECTED" else trouble["next_step"]
    )
    _tell_error(f"{facts['headline']} {next_step}")
    sys.exit(QualityGateError.exit_code)


def _tell(facts: dict[str, Any], *, as_json: bool) -> None:
    from flows.run_listing import tell_report

    click.echo(json.dumps(facts, indent=2, default=str) if as_json else tell_report(facts))


_GC_THRESHOLD: Final = gc.get_threshold()


def main() -> None:
    """Run the command line; wrong usage gets one JSON document as well, where JSON is asked for."""
    # Importing makes a hundred thousand objects that stay: looking for garbage among them costs a tenth of a second.
    gc.set_threshold(300_000, 20, 20)
    # polars' allocator has four arenas a core. Memory freed in one is no help to a thread of another, and fresh memory
    # costs time: with one a core, a check faults a quarter less of it in, and a fifth less again where what was freed
    # is kept for ten seconds, not half of one: the next chunk has it. The name is read when polars is imported.
    os.environ.setdefault("_RJEM_MALLOC_CONF", f"narenas:{os.cpu_count() or 1},dirty_decay_ms:10000")
    # pydantic asks every package that is installed whether it is a plug-in of it, by reading a file of each.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        sys.exit(cli(standalone_mode=False, windows_expand_args=False))
    except click.ClickException as error:
        if "--json" in sys.argv:
            told = {"code": "USAGE", "message": error.format_message(), "next_step": "See `leadferry --help`."}
            click.echo(json.dumps({"error": told, "exit_code": error.exit_code}, indent=2))
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    finally:
        # The interpreter's last search for garbage, through all that was imported, takes a tenth of a second more. But
        # DuckDB complains on standard error about all that is not found then.
        if "_duckdb" not in sys.modules:
            gc.freeze()
