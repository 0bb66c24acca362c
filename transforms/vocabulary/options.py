"""RingCX's own option names for a direct load, as its OpenAPI document spells them."""

from enum import StrEnum


class DialPriority(StrEnum):
    """Where new leads enter the dialer's queue."""

    IMMEDIATE = "IMMEDIATE"
    NORMAL = "NORMAL"


class DuplicateHandling(StrEnum):
    """What RingCX does with a `leadPhone` it has met before; `externId` is never compared."""

    RETAIN_ALL = "RETAIN_ALL"
    REMOVE_ALL_EXISTING = "REMOVE_ALL_EXISTING"
    REMOVE_FROM_LIST = "REMOVE_FROM_LIST"


class TimeZoneOption(StrEnum):
    """Where RingCX takes a lead's time zone from; only `EXPLICIT` reads `leadTimezone`."""

    NPA_NXX = "NPA_NXX"
    ZIPCODE = "ZIPCODE"
    EXPLICIT = "EXPLICIT"
    COUNTRY = "COUNTRY"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class ListState(StrEnum):
    """The state a new list gets."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    PENDING_DNC = "PENDING_DNC"
    LOADING = "LOADING"
    DELETED = "DELETED"
    READY = "READY"
    CALLBACKS = "CALLBACKS"
    CALLBACKS_AGENT = "CALLBACKS_AGENT"
    DUPLICATES_NOT_MERGED = "DUPLICATES_NOT_MERGED"
    DUPLICATES_NOT_MOVED = "DUPLICATES_NOT_MOVED"
    ARCHIVED = "ARCHIVED"
