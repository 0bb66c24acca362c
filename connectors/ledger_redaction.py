"""Takes lead data out of the ledger: ids of leads in RingCX, what servers said of leads. Numbers stay."""

from collections.abc import Callable, Collection
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connectors.ledger_tables import EVENTS


def strip_run(db: Connection, run_id: str) -> None:
    """Empty baselines and servers' words of a run's events, and keep of each answer its counters alone."""
    _zero_what_is_freed(db)
    db.execute(EVENTS.update().where(EVENTS.c.run_id == run_id).values(baseline="[]", message=None))
    _rewrite_answers(db, run_id, lambda answer: {"counts": answer["counts"]} if "counts" in answer else None)


def forget_leads(db: Connection, run_id: str, lead_ids: Collection[int]) -> int:
    """Take leads out of a run's baselines, and all servers' words and rows' values out of its events.

    Returns in how many events something was taken out.
    """
    _zero_what_is_freed(db)
    own = EVENTS.c.run_id == run_id
    changed = db.execute(EVENTS.update().where(own, EVENTS.c.message.is_not(None)).values(message=None)).rowcount
    held = db.execute(sa.select(EVENTS.c.event_id, EVENTS.c.baseline).where(own, EVENTS.c.baseline != "[]")).all()
    for event_id, baseline in held:
        before = orjson.loads(baseline)
        left = [lead_id for lead_id in before if lead_id not in lead_ids]
        if left != before:
            changed += 1
            values = {"baseline": orjson.dumps(left).decode()}
            db.execute(EVENTS.update().where(EVENTS.c.event_id == event_id).values(values))
    return changed + _rewrite_answers(db, run_id, _without_rejected_rows)


def _without_rejected_rows(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what it says of the rows it rejected: their words, and in old ledgers their values."""
    if not answer.get("rejected"):
        return answer
    return answer | {"rejected": [{"message": "", "fits": row["fits"]} for row in answer["rejected"] if "fits" in row]}


def _rewrite_answers(db: Connection, run_id: str, rewrite: Callable[[dict[str, Any]], dict[str, Any] | None]) -> int:
    query = sa.select(EVENTS.c.event_id, EVENTS.c.answer).where(EVENTS.c.run_id == run_id, EVENTS.c.answer.is_not(None))
    changed = 0
    for event_id, text in db.execute(query).all():
        before = orjson.loads(text)
        after = rewrite(before)
        if after != before:
            changed += 1
            values = {"answer": None if after is None else orjson.dumps(after).decode()}
            db.execute(EVENTS.update().where(EVENTS.c.event_id == event_id).values(values))
    return changed


def _zero_what_is_freed(db: Connection) -> None:
    """Have SQLite write zeros over what it deletes; elsewhere that is the server's business."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")
