"""Tells people how a run ended: one message at its end, in numbers and without anything of a lead.

Whatever becomes of the message, the run's result and exit code stay what they are.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.ledger_leases import TAKEN_OVER
from connectors.notices import send_notice
from flows.job_file import Job
from flows.wording import counted
from transforms.vocabulary.errors import (
    ConfigurationError,
    DeliveryError,
    LeadferryError,
    QualityGateError,
    RunInterruptedError,
    SourceError,
)
from transforms.vocabulary.outcomes import Outcome

_SUCCEEDED, _UNRESOLVED, _FAILED, _GATE, _INTERRUPTED = "succeeded", "unresolved", "failed", "gate", "interrupted"

_SENTENCES: Final = {
    _SUCCEEDED: "Every row is accounted for.",
    _UNRESOLVED: "Nobody can say yet whether RingCX has some of the leads.",
    _FAILED: "The run failed.",
    _GATE: "A quality gate stopped the run; nothing was sent.",
    _INTERRUPTED: "Somebody stopped the run; it can go on.",
}


@dataclass
class RunEnd:
    """How a run ended, as far as it is known when people are told."""

    facts: Mapping[str, Any] | None = None
    error: BaseException | None = field(default=None, repr=False)

    @property
    def status(self) -> str:
        """The word for it: the report's, unless an error came after or in place of it."""
        match self.error:
            case None:
                return str(self.facts["status"]) if self.facts is not None else _FAILED
            case QualityGateError():
                return _GATE
            case RunInterruptedError() | KeyboardInterrupt():
                return _INTERRUPTED
            case _:
                return _FAILED


@contextmanager
def end_told(job: Job, run_id: str, find_secret: Callable[[str], str], warn: Callable[[str], None]) -> Iterator[RunEnd]:
    """Yield what is to be filled in while the run works, and tell its end to whom the job's [notify] names.

    `find_secret` gives the addresses in a named secret, or nothing; `warn` hears of a message that could not be sent.
    A run that another process has taken over does not end here, so nobody is told.
    """
    end = RunEnd()
    for name in job.notify.secrets if job.notify else ():
        _find(name, find_secret, warn)
    try:
        yield end
    except BaseException as error:
        end.error = error
        raise
    finally:
        if not (isinstance(end.error, DeliveryError) and end.error.code == TAKEN_OVER):
            _tell(job, run_id, end, find_secret, warn)


def _tell(job: Job, run_id: str, end: RunEnd, find_secret: Callable[[str], str], warn: Callable[[str], None]) -> None:
    if job.notify is None or not job.notify.wants(end.status):
        return
    title = f"Leadferry: {job.name}: {end.status}"
    for name in job.notify.secrets:
        addresses = _find(name, find_secret, warn)
        trouble = send_notice(addresses, title, message(job, run_id, end)) if addresses else None
        if trouble:
            warn(f"The notice to env:{name} could not be sent: {trouble}.")


def _find(name: str, find_secret: Callable[[str], str], warn: Callable[[str], None]) -> str:
    """Return the addresses in a secret; where there are none, or it cannot be asked for, warn of that."""
    try:
        addresses = find_secret(name)
    except Exception as error:  # noqa: BLE001 - who keeps the secrets may be out of reach, which ends no run
        warn(f"[notify] names env:{name}, which cannot be looked up ({type(error).__name__}): nobody is told by it.")
        return ""
    if not addresses:
        warn(f"[notify] names env:{name}, but there is nothing in it: nobody is told by it how the run ends.")
    return addresses


def message(job: Job, run_id: str, end: RunEnd) -> str:
    """Return what people are told: verdict, numbers, run, next step; nothing of a lead, and no words of a server."""
    lines = [_SENTENCES.get(end.status, f"The run ended: {end.status}."), "", f"job: {job.name}", f"run: {run_id}"]
    if end.facts is not None:
        counts = end.facts["counts"]
        lines += [f"rows read: {counts['rows_read']:,}"]
        lines += [f"{name}: {counts[name]:,}" for name in Outcome if counts[name]]
        lines += [] if end.facts["balanced"] else ["The books do not balance: do not rely on these numbers."]
        different = len((end.facts.get("ringcx") or {}).get("differences", ()))
        lines += [f"RingCX's own numbers differ from these in {counted(different, 'place')}."] if different else []
    if end.error is not None and end.status != _INTERRUPTED:
        lines.append(f"why: {end.error.code if isinstance(end.error, LeadferryError) else type(end.error).__name__}")
    step = _next_step(run_id, end)
    return "\n".join([*lines, *(["", step] if step else [])])


def _next_step(run_id: str, end: RunEnd) -> str | None:
    if end.error is None:
        return None if end.status == _SUCCEEDED else _how_to_settle(run_id, end)
    match end.error:
        case QualityGateError() as error:
            return f"{error.next_step} The run's report says more: leadferry runs {run_id}"
        case SourceError():
            # What is wrong with a source is told in words of the source, which may be a lead's.
            return f"Mend the source. What is wrong with it is told again by: leadferry resume {run_id}"
        case ConfigurationError() as error:
            return f"{error.next_step} Go on with: leadferry resume {run_id}"
        case _:
            return f"Go on with: leadferry resume {run_id}"


def _how_to_settle(run_id: str, end: RunEnd) -> str:
    """Return what to do about a run that came to its end and is not good."""
    if end.facts is None or _is_open(end.facts):
        return f"Go on with: leadferry resume {run_id}"
    if end.status == _UNRESOLVED:
        return f"Read it back again later: leadferry reconcile {run_id}"
    return f"The run's report says what RingCX refused, and why: leadferry runs {run_id}"


def _is_open(facts: Mapping[str, Any]) -> bool:
    return bool(facts["counts"][Outcome.UNRESOLVED] or facts["counts"][Outcome.NOT_SENT])
