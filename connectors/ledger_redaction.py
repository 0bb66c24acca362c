"""Takes lead data out of the ledger: ids of leads in RingCX, what servers said of leads. Numbers stay."""

from collections.abc import Callable, Collection
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connectors.ledger_tables import EVENTS


def strip_run(db: Connection, run_id: str) -> None:
    """Empty baselines and servers' words of a run's events, and keep of each answer its counters alone."""
    _rewrite_events(
        db, run_id, lambda _: [], lambda answer: {"counts": answer["counts"]} if "counts" in answer else None
    )


def forget_leads(db: Connection, run_id: str, lead_ids: Collection[int]) -> int:
    """Take leads out of a run's baselines, and all servers' words and rows' values out of its events.

    Returns in how many events something was taken out.
    """

    def keep_others(baseline: list[int]) -> list[int]:
        return [lead_id for lead_id in baseline if lead_id not in lead_ids]

    return _rewrite_events(db, run_id, keep_others, _without_rejected_rows)


def _without_rejected_rows(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what it says of the rows it rejected: their words, and in old ledgers their values."""
    if not answer.get("rejected"):
        return answer
    return answer | {"rejected": [{"message": "", "fits": row["fits"]} for row in answer["rejected"] if "fits" in row]}


def _rewrite_events(
    db: Connection,
    run_id: str,
    baseline_of: Callable[[list[int]], list[int]],
    answer_of: Callable[[dict[str, Any]], dict[str, Any] | None],
) -> int:
    """Write a run's events anew, without servers' words, and return how many of them changed."""
    _zero_what_is_freed(db)
    columns = (EVENTS.c.event_id, EVENTS.c.baseline, EVENTS.c.message, EVENTS.c.answer)
    changed = 0
    for event_id, baseline, message, answer in db.execute(sa.select(*columns).where(EVENTS.c.run_id == run_id)).all():
        before = orjson.loads(baseline), None if answer is None else orjson.loads(answer)
        after = baseline_of(before[0]), None if before[1] is None else answer_of(before[1])
        if (after, None) == (before, message):
            continue
        changed += 1
        values = {
            "baseline": orjson.dumps(after[0]).decode(),
            "message": None,
            "answer": None if after[1] is None else orjson.dumps(after[1]).decode(),
        }
        db.execute(EVENTS.update().where(EVENTS.c.event_id == event_id).values(values))
    return changed


def _zero_what_is_freed(db: Connection) -> None:
    """Have SQLite write zeros over what it deletes; elsewhere that is the server's business."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")
