"""The one outcome that every source row ends with."""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What became of a source row; exactly one for each."""

    LOADED = "LOADED"  # seen in RingCX by search
    REJECTED = "REJECTED"  # by our rules
    DUPLICATE = "DUPLICATE"  # of another row of this load
    UNCHANGED = "UNCHANGED"  # loaded before, not sent again
    REJECTED_BY_API = "REJECTED_BY_API"
    REMOVED_BY_API = "REMOVED_BY_API"  # duplicate handling, do-not-call, quota
    UNRESOLVED = "UNRESOLVED"  # nobody can say yet
    NOT_SENT = "NOT_SENT"  # the run stopped first


KEPT_ROW_TURNED_AWAY: Final = (" was kept, but RingCX rejected it", " was kept, but RingCX removed it")
"""How the `detail` of a `DUPLICATE` ends where the row kept for it ended `REJECTED_BY_API` or `REMOVED_BY_API`."""
