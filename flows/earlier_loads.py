"""Reads from the files of a job's earlier runs which leads it has in RingCX, so that they need not be sent again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from connectors.staging import scan
from flows.history import read_numbers, read_report
from flows.job_file import Job
from flows.run_folder import RunFolder
from flows.run_place import MAY_GO_ON, ledger_if_kept
from flows.wording import counted
from transforms.unchanged import ZONE_COLUMNS, EarlierLoads, LoadedBefore, digest_ids, digest_leads
from transforms.vocabulary.outcomes import Outcome

if TYPE_CHECKING:  # the ledger's library is heavy, and most checks need none of it
    from connectors.ledger import RunRecord

_PIECE_ROWS: Final = 60_000
_OF_RINGCX: Final = ("leadId", "listId")


def read_earlier_loads(runs: "Sequence[RunRecord]") -> EarlierLoads:
    """Read what `runs`, newest first, loaded into the campaign of this one.

    What is held grows with the different leads by 36 bytes each; of a run, the leads that no newer one has are read.
    """
    leads = LoadedBefore()
    gone, unsettled = [], []
    forgetful = [run.run_id for run in runs if run.forgotten_at is not None and run.pruned_at is None]
    for run in runs:
        numbers = read_numbers(run)
        counts = {} if numbers is None else numbers["counts"]
        if run.status in MAY_GO_ON and run.pruned_at is None:
            unsettled.append(run.run_id)
        if numbers is None or not counts[Outcome.LOADED] + counts[Outcome.UNCHANGED]:
            continue
        try:
            if not _is_kept(run):
                raise FileNotFoundError
            for known in _known_leads(run, leads):
                leads.add(known)
        except (OSError, pl.exceptions.PolarsError):
            gone.append(run.run_id)
    return EarlierLoads(leads, tuple(_notes(gone, unsettled, forgetful)))


def _is_kept(run: "RunRecord") -> bool:
    """Return whether the run's files are there and its own: another run may have been told to write in their place."""
    return run.pruned_at is None and read_report(run.folder, run.run_id) is not None


def _known_leads(run: "RunRecord", newer: LoadedBefore) -> Iterator[pl.DataFrame]:
    """Yield the leads that a run loaded, and those that it knew to be loaded, of which `newer` runs say nothing."""
    folder = RunFolder(run.folder)
    outcomes = scan(folder.outcomes)
    loaded = outcomes.filter(pl.col("outcome") == Outcome.LOADED.value).select(
        "source_row", *_OF_RINGCX, *ZONE_COLUMNS, digest_ids(pl.col("externId"))
    )
    wanted = newer.leave_out_known(loaded.collect(engine="streaming")).drop("id_key")
    found = [
        *_digests(folder.leads, wanted.with_columns(pl.lit(run.run_id).alias("run_id"))),
        *(_digests(folder.unchanged, None) if folder.unchanged.exists() else ()),
    ]
    for known in found:
        yield newer.leave_out_known(known)


def _digests(path: Path, wanted: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
    """Yield the digests of the leads in a file, piece by piece; those of `wanted`, with its columns, if given."""
    told = {"source_row", "batch_id", "run_id", *_OF_RINGCX, *ZONE_COLUMNS}
    fields = [name for name in scan(path).collect_schema() if name not in told]
    rows = int(scan(path).select(pl.len()).collect().item())
    for first in range(0, rows, _PIECE_ROWS) if wanted is None or wanted.height else ():
        piece = scan(path).slice(first, _PIECE_ROWS).collect()
        if wanted is not None:
            piece = piece.join(wanted, on="source_row", how="inner", maintain_order="left")
        yield digest_leads(piece, fields)


def _notes(gone: Sequence[str], unsettled: Sequence[str], forgetful: Sequence[str]) -> Iterator[str]:
    if gone:
        yield (
            f"The lead data of {counted(len(gone), 'earlier run')} is not kept any more (the newest: {gone[0]}); a "
            "lead that no other run tells of is sent again."
        )
    if forgetful:
        yield (
            f"Somebody was forgotten in {counted(len(forgetful), 'earlier run')} (the newest: {forgetful[0]}); if the "
            "source still has them, they are sent again."
        )
    if unsettled:
        yield (
            f"{counted(len(unsettled), 'earlier run')} did not settle every lead (the newest: {unsettled[0]}); what is "
            "not known to be in RingCX is sent again. Resume such a run first."
        )


def earlier_loads_if_kept(job: Job, account_id: str | None) -> EarlierLoads | None:
    """Return what a check can know of earlier loads: by the ledger, if there is one, and the campaign's name alone.

    None where there is nothing to know, or the job sends such leads again.
    """
    if job.load.already_loaded == "send":
        return None
    with ledger_if_kept() as ledger:
        runs = [] if ledger is None else of_same_job(ledger.list_runs(), job)
    named = [
        run
        for run in runs
        if (run.campaign_name if job.load.campaign_id is None else run.campaign_id)
        == (job.load.campaign if job.load.campaign_id is None else job.load.campaign_id)
        and account_id in {None, run.account_id}
    ]
    if not named:
        return None
    newest = named[0]
    return read_earlier_loads([run for run in named if is_same_place(run, newest.account_id, newest.campaign_id)])


def of_same_job(runs: "Sequence[RunRecord]", job: Job, but: str = "") -> "list[RunRecord]":
    """Return the runs of a job, other than the run `but`, that came as far as to choose a campaign."""
    return [run for run in runs if run.job == job.name and run.run_id != but and run.campaign_id is not None]


def is_same_place(run: "RunRecord", account_id: str | None, campaign_id: int | None) -> bool:
    """Return whether a run loaded into that campaign of that account."""
    return (run.account_id, run.campaign_id) == (account_id, campaign_id)
