"""The prepare stage: source rows to staged leads and a verdict on every row, in files that are each whole or absent.

Where the first of several rows with one key stays, a chunk is settled and written as soon as it is read. By the other
rules any row may be set aside for a later one: then rows are gone through twice, and wait in a spool between.
"""

import datetime as dt
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

import orjson
import polars as pl

from connectors.spool import Spool
from connectors.staging import ChunkWriter, scan, write_text
from flows.extracting import chunks_of, extract_source, show_damage, source_chunks
from flows.job_file import Job
from flows.progress import Progress
from flows.reading_ahead import ReadAhead
from flows.run_folder import RunFolder
from transforms.accounting import TOLD_COLUMNS, give_verdicts, pick_leads
from transforms.batching import BATCH_KEYS, Batch, cut_batches
from transforms.damage import count_damage, judge_damage, merge_damage
from transforms.decimal_ids import DecimalIds, mend_decimal_ids
from transforms.duplicates import DUPLICATE_SCHEMA, RepeatedKeys, find_duplicates
from transforms.emptiness import count_empty
from transforms.held_keys import Claims, HeldKeys, claim_keys
from transforms.lead_schema import validate_leads
from transforms.phones import PhoneChoices
from transforms.preparing import VERDICT_COLUMNS, LeadMapping, PreparingRules, prepare_leads
from transforms.tally import Tally
from transforms.text import with_own_texts
from transforms.time_zones import ZoneNaming, ZonePolicy
from transforms.unchanged import SAME_SCHEMA, ZONE_COLUMNS, EarlierLoads, tell_unchanged
from transforms.vocabulary.options import TimeZoneOption

_WORKERS: Final = 2
"""Chunks prepared at once; polars works on each with every core, and this fills the gaps between its steps."""

_SPOOL_BYTES: Final = 400_000_000
"""Memory for leads, and again for source rows, that wait between the two passes; more of them goes to disk.

A million rows of a usual list stay in memory.
"""

_PICKED_BYTES: Final = 50_000_000
"""Memory for the rows that came to a reason, where no others are asked for: some two hundred thousand of them."""

_Arguments = ParamSpec("_Arguments")
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Prepared:
    """What preparing came to: rows by what became of them, the batches, and what to know of columns and source."""

    rows_read: int
    rejected: int
    duplicates: int
    leads: int
    batches: tuple[Batch, ...]
    damage: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    zone_conflicts: int = 0
    unchanged: int = 0
    empty: dict[str, int] = field(default_factory=dict)  # lead field to its empty cells, where the job limits them

    @property
    def reject_rate(self) -> float:
        """The share of source rows that our rules refuse."""
        return self.rejected / self.rows_read if self.rows_read else 0.0

    @property
    def damaged(self) -> tuple[dict[str, Any], ...]:
        """The verdicts on columns bad enough to count."""
        return tuple(verdict for verdict in self.damage if verdict["damaged"])

    def to_json(self) -> str:
        """Write everything as JSON."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Prepared":
        """Read what `to_json` wrote."""
        facts = orjson.loads(text)
        batches = tuple(Batch(**batch) for batch in facts.pop("batches"))
        return cls(
            **facts | {"batches": batches, "damage": tuple(facts["damage"]), "notes": tuple(facts.get("notes", ()))}
        )


@dataclass(frozen=True)
class _Piece:
    """One chunk after the first pass."""

    rows: pl.DataFrame
    prepared: pl.DataFrame
    damage: pl.DataFrame
    decimal_ids: DecimalIds
    empty: dict[str, int]
    claims: Claims | None  # where the first of repeated rows stays


def prepare_run(
    job: Job,
    folder: RunFolder,
    *,
    as_of: dt.date,
    limit: int | None,
    progress: Progress,
    earlier: EarlierLoads | None = None,
    stop: Event | None = None,
) -> Prepared:
    """Extract, prepare and stage a load; what is already there is not made again.

    `as_of` is the date by which time zones are named. Leads that are in `earlier` loads as they are now are not staged.
    Raises SourceError, and RunInterruptedError when `stop` is set while the source is read.
    """
    if folder.prepared.exists():
        prepared = Prepared.from_json(folder.prepared.read_text(encoding="utf-8"))
        progress.begin("prepare", prepared.rows_read, "rows")
        progress.advance(prepared.rows_read)
        return prepared
    folder.clear_spools()
    folder.unchanged.unlink(missing_ok=True)
    if not folder.extract.exists():
        extract_source(job, folder.extract, folder.source_notes, limit, stop=stop, decimal_ids=folder.decimal_ids)
    rows = scan(folder.extract)
    progress.begin("prepare", int(rows.select(pl.len()).collect().item()), "rows")
    chunks = chunks_of(rows, len(rows.collect_schema()))

    def show(_: DecimalIds) -> bool:
        return folder.decimal_ids.exists()

    preparation = _Preparation(job, folder, as_of, progress, show, earlier=earlier)
    prepared = preparation.run(chunks, folder.verdicts, row_group_size=job.load.batch_size)
    if folder.source_notes.exists():
        prepared = replace(prepared, notes=(*orjson.loads(folder.source_notes.read_bytes()), *prepared.notes))
    write_text(folder.prepared, prepared.to_json())
    return prepared


@contextmanager
def prepared_check(
    job: Job,
    folder: RunFolder,
    *,
    as_of: dt.date,
    limit: int | None,
    progress: Progress,
    named_batches: bool = True,
    every_row: bool = True,
    ahead: ReadAhead | None = None,
    earlier: EarlierLoads | None = None,
    tally: Tally | None = None,
    writing: ExitStack | None = None,
) -> Iterator[tuple[Prepared, pl.LazyFrame]]:
    """Prepare without keeping what only a load needs; yield what came of it and the source's rows.

    Without `every_row` those rows are all that have a reason, and perhaps others. Verdicts are written as the run's
    outcomes, for nothing will be sent. Without `named_batches` the batches have no id, and leads none of theirs.
    `ahead` is the job's source under the same limit. `tally` counts the outcomes. With `writing` files are whole when
    that is closed, else when this yields. Raises SourceError.
    """
    with Spool(folder.path, "rows", _SPOOL_BYTES) as rows, Spool(folder.path, "picked", _PICKED_BYTES) as picked:
        progress.begin("prepare", None, "rows")
        kept = _KeptRows(rows, picked, every_row=every_row)
        show = partial(show_damage, job=job, limit=limit)
        preparation = _Preparation(job, folder, as_of, progress, show, kept=kept, earlier=earlier, tally=tally)
        notes: list[str] = [] if ahead is None else ahead.notes
        with closing(source_chunks(job, limit, notes) if ahead is None else ahead.chunks()) as chunks:
            prepared = preparation.run(chunks, folder.outcomes, named_batches=named_batches, writing=writing)
        yield replace(prepared, notes=(*notes, *prepared.notes)), kept.scan()


def mapping_of(job: Job) -> LeadMapping:
    """Return the job's columns as the mapping that preparing takes."""
    columns = job.columns
    return LeadMapping(
        columns.text_columns(),
        columns.leadPhone or (),
        columns.extendedLeadData,
        columns.personaPhoneConfig,
        extension_label=job.phones.extension,
        abroad=job.is_abroad,
    )


def rules_of(job: Job, as_of: dt.date) -> PreparingRules:
    """Return what the job chooses about preparing; zones are named as on `as_of` unless the job gives a day."""
    zones, phones = job.time_zones, job.phones
    naming = ZoneNaming(zones.as_of or as_of, always_standard=zones.names == "standard")
    return PreparingRules(
        zones=ZonePolicy(naming, zones.order, zones.conflict, zones.calling_hours),
        explicit_zones=job.load.time_zone_option is TimeZoneOption.EXPLICIT,
        reject_unknown_zone=zones.unknown == "reject",
        phones=PhoneChoices(phones.toll_free, phones.premium_rate, phones.personal_number, phones.us_only),
        phone_region=job.phone_region,
    )


class _KeptRows:
    """The source rows that are still asked for when all is read: every one, or those that came to a reason."""

    def __init__(self, rows: Spool, picked: Spool, *, every_row: bool) -> None:
        self._rows, self._picked, self._every_row = rows, picked, every_row

    def add(self, rows: pl.DataFrame) -> None:
        """Take a chunk that is not settled: every row may still come to a reason."""
        self._rows.append(rows)

    def add_settled(self, rows: pl.DataFrame, prepared: pl.DataFrame, aside: pl.DataFrame) -> None:
        """Take what is needed of a chunk of which `aside` are the duplicates."""
        if self._every_row:
            self._rows.append(rows)
            return
        reason = prepared["reason"].is_not_null()
        if aside.height:
            places = aside["source_row"] - int(rows.item(0, "source_row"))  # a chunk has no gaps
            reason = reason.scatter(places.cast(pl.UInt32), values=True)
        self._picked.append(with_own_texts(rows[reason.arg_true()]))

    def scan(self) -> pl.LazyFrame:
        """Return the rows, in order."""
        return (self._rows if self._rows.columns else self._picked).scan()


class _Preparation:
    """Goes over one source, once or twice."""

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        as_of: dt.date,
        progress: Progress,
        show_damage: Callable[[DecimalIds], bool],
        *,
        kept: _KeptRows | None = None,
        earlier: EarlierLoads | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._job, self._folder, self._progress, self._kept = job, folder, progress, kept
        self._earlier, self._tally = earlier, tally
        self._mapping, self._rules = mapping_of(job), rules_of(job, as_of)
        self._damage: list[pl.DataFrame] = []
        self._decimal_ids = DecimalIds()
        self._show_damage = show_damage
        self._rows_read = self._rejected = self._duplicates = self._zone_conflicts = 0
        fields = job.columns.columns_of_fields()
        self._watched = {name: fields[name] for name in job.quality.max_null_rate}
        self._empty: Counter[str] = Counter()
        self._notes: list[str] = [] if earlier is None else list(earlier.notes)

    def run(
        self,
        chunks: Iterator[pl.DataFrame],
        verdicts: Path,
        *,
        row_group_size: int | None = None,
        named_batches: bool = True,
        writing: ExitStack | None = None,
    ) -> Prepared:
        """Prepare `chunks`, write `verdicts` and the leads (a row group each batch, where a size is given).

        With `writing` the files may not be whole before that is closed.
        """
        columns = ["source_row", *self._mapping.lead_columns()]
        staging = _Staging(self._job.load.batch_size, columns, self._earlier, named=named_batches)
        with ExitStack() as own, closing(self._pieces(chunks)) as pieces, _InTurn() as telling, _InTurn() as picking:
            files = own if writing is None else writing
            told = files.enter_context(ChunkWriter(verdicts))
            leads = files.enter_context(ChunkWriter(self._folder.leads, row_group_size=row_group_size))
            unchanged = files.enter_context(ChunkWriter(self._folder.unchanged))

            def tell(prepared: pl.DataFrame, aside: pl.DataFrame, same: pl.DataFrame) -> None:
                given = staging.verdicts(prepared, aside, same)
                told.write(given)
                if self._tally is not None:
                    self._tally.add(given)

            def pick(prepared: pl.DataFrame, aside: pl.DataFrame, same: pl.DataFrame) -> None:
                leads.write(staging.leads(prepared, aside, same))
                if same.height and row_group_size is not None:
                    unchanged.write(staging.unchanged_leads(prepared, same))

            for prepared, aside in self._settled(pieces):
                self._duplicates += aside.height
                same = staging.find_same(prepared, aside)
                telling.do(tell, prepared, aside, same)
                picking.do(pick, prepared, aside, same)
                del prepared, aside, same
            telling.finish()
            picking.finish()
            if staging.rest is not None:
                leads.write(staging.last_leads())
            for writer in (told, leads, unchanged):  # each is made whole while the others are
                writer.end()
        return Prepared(
            rows_read=self._rows_read,
            rejected=self._rejected,
            duplicates=self._duplicates,
            leads=staging.staged,
            batches=staging.batches,
            damage=self._judge_damage(),
            zone_conflicts=self._zone_conflicts,
            unchanged=staging.unchanged,
            notes=tuple(self._notes),
            empty={name: self._empty[name] for name in self._watched},
        )

    def _settled(self, pieces: Iterator[_Piece]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield the prepared rows in order, each chunk with the rows of it to set aside."""
        pieces = chain([next(pieces)], pieces)
        # Whether the zero of decimal ids is damage is known when the last was read, or the first that has none.
        if self._job.duplicates.keep == "first" and not self._decimal_ids.all_decimal:
            yield from self._settled_at_once(pieces)
        else:
            yield from self._settled_when_read(pieces)

    def _settled_at_once(self, pieces: Iterator[_Piece]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        held = HeldKeys()
        for piece in pieces:
            if piece.claims is None:
                raise TypeError("claims are made where the first of repeated rows stays")
            aside = held.set_aside(piece.claims)
            if self._kept is not None:
                self._kept.add_settled(piece.rows, piece.prepared, aside)
            handed_on = [(piece.prepared, aside)]
            del piece, aside
            yield handed_on.pop()

    def _settled_when_read(self, pieces: Iterator[_Piece]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        keys = RepeatedKeys(self._job.load.duplicate_handling)
        with Spool(self._folder.path, "leads", _SPOOL_BYTES) as spool:
            for piece in pieces:
                spool.append(piece.prepared)
                if self._kept is not None:
                    self._kept.add(piece.rows)
                keys.add(piece.prepared, piece.prepared["reason"].is_null())
            duplicates = self._find_duplicates(keys, spool)
            row = pl.col("source_row")
            for prepared in spool.frames():
                first = prepared.item(0, "source_row") if prepared.height else 0
                aside = duplicates.filter(row.is_between(first, first + prepared.height - 1))
                mended = mend_decimal_ids(prepared) if self._mends_ids else prepared
                yield mended, aside if prepared.height else aside.clear()

    def _pieces(self, chunks: Iterator[pl.DataFrame]) -> Generator[_Piece]:
        """Yield the chunks prepared, in order, counting what is in them."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            for piece in _in_order(pool, self._prepare_chunk, chunks, ahead=_WORKERS):
                self._damage.append(piece.damage)
                self._decimal_ids &= piece.decimal_ids
                self._rows_read += piece.rows.height
                self._rejected += piece.prepared.height - piece.prepared["reason"].null_count()
                self._zone_conflicts += int(piece.prepared["time_zone_conflict"].sum())
                self._empty.update(piece.empty)
                height, handed_on = piece.rows.height, [piece]
                del piece  # nobody holds on to a hundred megabytes while the next piece is waited for
                yield handed_on.pop()
                self._progress.advance(height)

    def _prepare_chunk(self, rows: pl.DataFrame) -> _Piece:
        rows = rows.rechunk()  # picking rows out of many small pieces costs many times as much
        prepared = prepare_leads(rows, self._mapping, self._rules)
        if self._job.duplicates.by is not None:
            prepared = prepared.with_columns(rows[self._job.duplicates.by].alias("rank_by"))
        damage = count_damage(rows, self._job.column_roles())
        claims = None
        if self._job.duplicates.keep == "first":
            claims = claim_keys(prepared, prepared["reason"].is_null(), self._job.load.duplicate_handling)
        return _Piece(
            rows,
            prepared,
            damage,
            decimal_ids=DecimalIds.of(prepared["externId"].filter(rows["row_fault"].is_null())),
            empty=count_empty(rows, self._watched),
            claims=claims,
        )

    def _find_duplicates(self, keys: RepeatedKeys, spool: Spool) -> pl.DataFrame:
        if not keys.any:
            return pl.DataFrame(schema=DUPLICATE_SCHEMA)
        wanted = [name for name in ("source_row", *BATCH_KEYS, "rank_by", "reason") if name in spool.columns]
        contested = [
            prepared.filter(keys.contested(prepared) & prepared["reason"].is_null())
            for prepared in spool.frames(wanted)
        ]
        handling, keep = self._job.load.duplicate_handling, self._job.duplicates.keep
        return find_duplicates(pl.concat(contested), handling, keep, self._notes)

    @cached_property
    def _mends_ids(self) -> bool:
        """Whether ids lose their `.0`, to be asked when all is read: one odd id alone is not for us to change."""
        return self._decimal_ids.all_decimal and self._show_damage(self._decimal_ids)

    def _judge_damage(self) -> tuple[dict[str, Any], ...]:
        merged = merge_damage(self._damage)
        found = judge_damage(merged, self._job.quality.damage_share, decimal_ids=self._mends_ids)
        return tuple(asdict(verdict) for verdict in found)


class _Staging:
    """What each chunk gives to the verdicts and to the leads."""

    def __init__(self, batch_size: int, columns: list[str], earlier: EarlierLoads | None, *, named: bool) -> None:
        self._batch_size, self._columns, self._named, self._earlier = batch_size, columns, named, earlier
        self._told = ["source_row", *(name for name in TOLD_COLUMNS if name in columns), *VERDICT_COLUMNS]
        self._batches: list[Batch] = []
        self.rest: pl.DataFrame | None = None
        self.staged = self.unchanged = 0

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The batches of all leads staged, in order."""
        if self._named:
            return tuple(self._batches)
        size = self._batch_size
        firsts = range(0, self.staged, size)
        return tuple(Batch(number, "", first, min(size, self.staged - first)) for number, first in enumerate(firsts, 1))

    def find_same(self, prepared: pl.DataFrame, aside: pl.DataFrame) -> pl.DataFrame:
        """Return the leads that were loaded before as they are now, in the shape of `SAME_SCHEMA`."""
        if self._earlier is None:
            return pl.DataFrame(schema=SAME_SCHEMA)
        wanted = [*self._columns, *ZONE_COLUMNS]
        picked = pick_leads(prepared, aside, wanted)
        same = self._earlier.leads.find_same(picked, self._columns[1:])
        self.unchanged += same.height
        return same

    def unchanged_leads(self, prepared: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
        """Return the leads of `same`, so that later runs know them if the run that loaded them is not kept."""
        wanted = prepared.select(*self._columns, *ZONE_COLUMNS)
        return wanted.join(same, on="source_row", how="inner", maintain_order="left")

    def verdicts(self, prepared: pl.DataFrame, aside: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
        """Return the verdict on every row."""
        verdicts = give_verdicts(prepared[self._told], aside)
        return tell_unchanged(verdicts, same) if same.height else verdicts

    def leads(self, prepared: pl.DataFrame, aside: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
        """Return the leads, every one checked as a lead must be; where batches are named, whole batches of them.

        Then they have their `batch_id`, and what does not fill a batch is the `rest`, which comes with the next.
        """
        picked = pick_leads(prepared, aside, self._columns)
        if same.height:
            picked = picked.join(same, on="source_row", how="anti", maintain_order="left")
        validate_leads(picked.drop("source_row"))
        self.staged += picked.height
        if not self._named:
            return picked
        leads = picked if self.rest is None else pl.concat([self.rest, picked])
        whole = leads.height // self._batch_size * self._batch_size
        self.rest = leads.slice(whole)
        return self._with_batches(leads.head(whole))

    def last_leads(self) -> pl.DataFrame:
        """Return the `rest` as the last batch."""
        if self.rest is None:
            raise TypeError("batches are not named, so there is no rest")
        return self._with_batches(self.rest)

    def _with_batches(self, leads: pl.DataFrame) -> pl.DataFrame:
        keys = leads.select(
            pl.col(name) if name in leads.columns else pl.lit(None, pl.String).alias(name) for name in BATCH_KEYS
        )
        cut = list(cut_batches(keys, self._batch_size, self._batches[-1] if self._batches else None))
        self._batches += cut
        ids = pl.Series("batch_id", [batch.batch_id for batch in cut], dtype=pl.String)
        return leads.with_columns(ids.gather(pl.int_range(leads.height, eager=True) // self._batch_size))


class _InTurn:
    """Does one thing after another in a thread of its own, the next one while the caller goes on.

    What it raises is raised by the next `do`, or by `finish`.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def do(self, work: Callable[_Arguments, None], *arguments: _Arguments.args, **named: _Arguments.kwargs) -> None:
        """Have `work` done, once what was to be done before is."""
        self.finish()
        self._last = self._pool.submit(work, *arguments, **named)

    def finish(self) -> None:
        """Wait until all is done."""
        if self._last is not None:
            self._last.result()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_In], _Out], items: Iterable[_In], ahead: int
) -> Iterator[_Out]:
    """Yield `work` of each item in order, with up to `ahead` of them under way; stops taking items when one fails."""
    waiting: deque[Future[_Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
