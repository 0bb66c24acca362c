"""What goes into a request: the job's options, and leads as rows of lead fields."""

from typing import Any

import polars as pl

from connectors.ringcx.wire import LoadOptions
from flows.delivery_state import Piece
from flows.job_file import Job


def load_options(job: Job) -> LoadOptions:
    """Return what the job says about every request but its leads."""
    load = job.load
    # RingCX takes leadPhoneE164 from accounts enabled for it; a request that carries it says so.
    i18n = True if job.sends_e164 else None
    return LoadOptions(
        description=load.description,
        dial_priority=load.dial_priority.value,
        duplicate_handling=load.duplicate_handling.value,
        time_zone_option=load.time_zone_option.value,
        list_state=load.list_state.value,
        phone_numbers_i18n_enabled=i18n if load.phone_numbers_i18n_enabled is None else load.phone_numbers_i18n_enabled,
        international_number_format=i18n
        if load.international_number_format is None
        else load.international_number_format,
        number_origin_country=load.number_origin_country or (job.phone_region if job.is_abroad else None),
        dnc_tags=load.dnc_tags,
        schedule_archive_dts=load.schedule_archive_dts,
    )


def wire_rows(leads: pl.DataFrame, piece: Piece | None = None) -> list[dict[str, Any]]:
    """Return the leads at the places of `piece` (None: all) as rows of lead fields alone."""
    chosen = leads if piece is None or len(piece) == leads.height else leads[list(piece)]
    return chosen.drop("source_row", "batch_id").to_dicts()
