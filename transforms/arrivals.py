"""Compares leads as they were sent with the same leads as a search shows them.

What is no loss is passed over: blanks around a text, the punctuation of numbers and ZIP codes, a US number with its
country code, and a zone under the name it has in the other half of the year (EST, EDT), which RingCX may write by the
date of the search.
"""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from transforms.masking import mask_digits

COMPARED_FIELDS: Final = (
    *("leadPhone", "leadTimezone", "zip", "title", "firstName", "midName", "lastName", "suffix"),
    *("address1", "address2", "city", "state", "email", "gateKeeper", "auxPhone", "auxExternalUrl", "auxGreeting"),
    *("auxData1", "auxData2", "auxData3", "auxData4", "auxData5", "callerId"),
    *("liveAnswerMessage", "machAnswerMessage", "sortCol"),
)
"""Fields of a lead that a search shows (schema `CampaignLeadSearchResultsView`)."""

MOST_EXAMPLES: Final = 2

_NUMBERS: Final = ("leadPhone", "auxPhone", "callerId")
_TOLD_OPENLY: Final = ("leadTimezone", "state")
"""Fields that are shown as they are: they say nothing about a person."""

_ARRIVED: Final = "_arrived"


def compared_fields(columns: Sequence[str], *, explicit_zone: bool) -> list[str]:
    """Return the fields to compare of leads with these columns; without `explicit_zone` RingCX finds zones itself."""
    sent = {"leadPhone" if name == "leadPhoneE164" else name for name in columns}
    left_out = set() if explicit_zone else {"leadTimezone"}
    return [name for name in COMPARED_FIELDS if name in sent and name not in left_out]


def compare_arrivals(leads: pl.DataFrame, seen: pl.DataFrame, fields: Sequence[str]) -> pl.Series:
    """Return, for each row of `leads`, the fields that differ in the same row of `seen`, such as `zip, lastName`.

    A row of `seen` without `leadId` is a lead that no search shows: there is nothing to compare, and it gets null.
    """
    is_seen = seen.get_column("leadId").is_not_null()
    differing = {}
    for name in fields:
        sent, arrived = _sent(leads, name), seen.get_column(name)
        # Nearly all texts are the very same: only the others are worth a closer look.
        places = (is_seen & sent.ne_missing(arrived)).arg_true()
        if places.is_empty():
            continue
        closely = _comparable(sent.gather(places)) != _comparable(arrived.gather(places))
        if closely.any():
            no = pl.Series([False]).new_from_index(0, leads.height)
            differing[name] = no.scatter(places.filter(closely), values=True)
    if not differing:
        return pl.Series("arrived_differently", [None], dtype=pl.String).new_from_index(0, leads.height)
    named = pl.DataFrame(differing).select(
        pl.concat_str(
            [pl.when(pl.col(name)).then(pl.lit(name)) for name in differing], separator=", ", ignore_nulls=True
        ).alias("arrived_differently")
    )
    return named.to_series().replace("", None)


def tell_differences(
    leads: pl.DataFrame, seen: pl.DataFrame, differing: pl.Series, fields: Sequence[str]
) -> list[dict[str, Any]]:
    """Return each field that arrived differently: `field`, `rows`, and at most two masked `examples`.

    `differing` is what `compare_arrivals` made of `leads` and `seen`.
    """
    told = []
    for name in fields:
        places = differing.str.split(", ").list.contains(name).fill_null(value=False).arg_true()
        if places.is_empty():
            continue
        few = places.head(MOST_EXAMPLES)
        shown = pl.DataFrame(
            {
                "source_row": leads.get_column("source_row").gather(few),
                "sent": _masked(_sent(leads, name).gather(few), name),
                "arrived": _masked(seen.get_column(name).gather(few), name),
            }
        )
        told.append({"field": name, "rows": len(places), "examples": shown.to_dicts()})
    return told


def add_differences(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the differences of several parts of a load as those of the whole, most rows first."""
    whole: dict[str, dict[str, Any]] = {}
    for part in told:
        met = whole.setdefault(part["field"], {"field": part["field"], "rows": 0, "examples": []})
        met["rows"] += part["rows"]
        met["examples"] = [*met["examples"], *part["examples"]][:MOST_EXAMPLES]
    return sorted(whole.values(), key=lambda each: (-each["rows"], each["field"]))


def plain_numbers(numbers: pl.Expr) -> pl.Expr:
    """Return each number of a text like `4155550101|2125550102`, as a list of digits alone, US ones without their 1."""
    number = pl.element().str.replace_all(r"\D", "")
    is_us = (number.str.len_bytes() == len("14155550101")) & number.str.starts_with("1")
    return numbers.str.split("|").list.eval(pl.when(is_us).then(number.str.slice(1)).otherwise(number))


def _sent(leads: pl.DataFrame, name: str) -> pl.Series:
    """Return a field as it was sent; a search has one field for the number, in whichever form it was loaded."""
    if name != "leadPhone":
        return leads.get_column(name).cast(pl.String)
    forms = [form for form in ("leadPhone", "leadPhoneE164") if form in leads.columns]
    return leads.select(pl.coalesce(forms).alias(name)).to_series()


def _comparable(values: pl.Series) -> pl.Series:
    """Return the texts of one field in the form in which they are compared."""
    name = values.name
    text = pl.col(name).fill_null("").str.strip_chars()
    if name in _NUMBERS:
        text = plain_numbers(text).list.sort().list.join("|")
    elif name == "zip":
        text = text.str.replace_all(r"[\s-]", "")
    elif name == "leadTimezone":
        text = text.str.replace(r"[DS]T$", "T")
    return values.to_frame().select(text).to_series()


def _masked(values: pl.Series, name: str) -> pl.Series:
    """Return texts of which enough stays to see that two differ, and not what they are."""
    text = pl.col(values.name).fill_null("")
    if name in (*_NUMBERS, "zip"):
        text = mask_digits(text)
    elif name not in _TOLD_OPENLY:
        text = text.str.slice(0, 1) + text.str.slice(1).str.replace_all(r"[\p{L}\p{N}]", "•")
    return values.to_frame().select(text).to_series()
