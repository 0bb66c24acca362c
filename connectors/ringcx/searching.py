"""Finds leads again: counts them, reads them page by page, and never claims more than a count has confirmed.

No document says whether pages count from 0 or 1, how many rows one may have, or in which order rows come. So reading
starts at page 0 and learns; a short first page says how long the server's pages are; rows that come twice count once;
and only the server's own count makes a read complete.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final, Protocol, TypeVar

import orjson
import polars as pl

from connectors.ringcx.answers import Found
from connectors.ringcx.lead_rows import no_lead_rows, read_lead_rows
from connectors.ringcx.throttle import Call
from connectors.ringcx.wire import read_count
from transforms.vocabulary.errors import ConfigurationError, ServiceError

PAGE_ROWS: Final = 1000
"""Leads asked for in one page of a search; the server may give fewer."""

LIST_PAGE_ROWS: Final = 5000
"""Leads asked for in one page of whole lists, where fewer and longer pages save time under the throttle."""

IDS_PER_SEARCH: Final = 1000
NUMBERS_PER_SEARCH: Final = 500
_SMALLER_PAGES: Final = (PAGE_ROWS, 100)
"""What is asked for where more rows than these are refused."""


_SEARCH: Final = "campaignLeads/leadSearch"
_PHONE_LIST: Final = "campaignLeads/leadSearchByPhoneList"
_JSON: Final = "application/json"
_MAY_BE_TOO_MUCH: Final = frozenset({"HTTP_400", "HTTP_413", "HTTP_422"})
_ANOTHER_WAY_MAY_DO: Final = frozenset({"HTTP_400", "HTTP_404", "HTTP_405", "HTTP_415", "HTTP_422"})

_Value = TypeVar("_Value")


class Ask(Protocol):
    """Makes a call that changes nothing, and repeats it while that may help."""

    def __call__(self, path: str, call: Call, content: bytes, media_type: str) -> bytes:
        """POST `content` and return the answer's body. Raises ConfigurationError where refused, else ServiceError."""


_Page = Callable[[int, int], pl.DataFrame]
"""Reads the page of a number, with at most so many rows."""


class LeadSearch:
    """Searches within one campaign; safe to use from several threads, which learn from each other."""

    def __init__(self, ask: Ask) -> None:
        """Search by means of `ask`."""
        self._ask = ask
        self._first_page = 0
        self._most_rows = LIST_PAGE_ROWS
        self._way = 0

    def count(self, campaign_id: int, *, extern_ids: Sequence[str] = (), list_ids: Sequence[int] = ()) -> int | None:
        """Return how many leads have one of `extern_ids`, or are in one of `list_ids`; None where no number is said."""
        counts = [
            read_count(self._ask(f"{_SEARCH}?count=true", Call.COUNT, orjson.dumps(criteria), _JSON))
            for criteria in _criteria(campaign_id, extern_ids, list_ids)
        ]
        return None if None in counts else sum(number for number in counts if number is not None)

    def find(self, campaign_id: int, extern_ids: Sequence[str], fields: Sequence[str] = ()) -> Found:
        """Return the leads that have one of `extern_ids`, every page, checked against the count."""
        founds = []
        for part in in_chunks(extern_ids, IDS_PER_SEARCH):
            expected = self.count(campaign_id, extern_ids=part)
            if expected != 0:
                (criteria,) = _criteria(campaign_id, part, ())
                founds.append(self._read(self._pages_of(criteria, fields), expected, PAGE_ROWS))
        return _together(founds, fields)

    def find_in_lists(
        self, campaign_id: int, list_ids: Sequence[int], expected: int, fields: Sequence[str] = ()
    ) -> Found:
        """Return the leads of `list_ids`, `expected` by the server's own count, in pages as long as it gives."""
        (criteria,) = _criteria(campaign_id, (), list_ids)
        return self._read(self._pages_of(criteria, fields), expected, LIST_PAGE_ROWS)

    def find_any(self, campaign_id: int, extern_ids: Sequence[str]) -> pl.DataFrame:
        """Return what the first page shows of the leads that have one of at most `IDS_PER_SEARCH` external ids."""
        (criteria,) = _criteria(campaign_id, extern_ids, ())
        return self._read_first(self._pages_of(criteria, ()), PAGE_ROWS)[0]

    def find_numbers(self, campaign_id: int, phones: Sequence[str], fields: Sequence[str] = ()) -> pl.DataFrame:
        """Return the campaign's leads that have one of `phones`, as far as searches show them.

        The guide sends a list of numbers as JSON, the OpenAPI document as a file; where neither is taken, an ordinary
        search has numbers among its criteria.
        """
        fields = list(dict.fromkeys([*fields, "campaignId"]))
        parts = [no_lead_rows(fields)]
        for part in in_chunks(phones, NUMBERS_PER_SEARCH):
            rows = self._find_numbers(campaign_id, list(part), fields)
            parts.append(rows.filter((pl.col("campaignId") == str(campaign_id)).fill_null(value=True)))
        return pl.concat(parts).unique("leadId", maintain_order=True)

    def _find_numbers(self, campaign_id: int, phones: list[str], fields: Sequence[str]) -> pl.DataFrame:
        boundary = f"leads{token_hex(16)}"
        body = orjson.dumps({"phoneList": phones, "campaignIds": [campaign_id]})
        ways = (
            (_PHONE_LIST, Call.PHONES, body, _JSON),
            (_PHONE_LIST, Call.PHONES, _phone_file(phones, boundary), f"multipart/form-data; boundary={boundary}"),
            (_SEARCH, Call.SEARCH, orjson.dumps(_within(campaign_id) | {"leadPhoneNumbers": phones}), _JSON),
        )
        while True:
            path, call, content, media_type = ways[self._way]
            pages = self._pages(path, call, content, media_type, fields)
            try:
                return self._read(pages, None, PAGE_ROWS).rows
            except ConfigurationError as error:
                if error.code not in _ANOTHER_WAY_MAY_DO or self._way + 1 == len(ways):
                    raise
                self._way += 1

    def _pages_of(self, criteria: Mapping[str, Any], fields: Sequence[str]) -> _Page:
        return self._pages(_SEARCH, Call.SEARCH, orjson.dumps(criteria), _JSON, fields)

    def _pages(self, path: str, call: Call, content: bytes, media_type: str, fields: Sequence[str]) -> _Page:
        def read(page: int, size: int) -> pl.DataFrame:
            rows = read_lead_rows(self._ask(f"{path}?page={page}&maxRows={size}", call, content, media_type), fields)
            if rows is None:
                raise ServiceError(
                    "SEARCH_NOT_UNDERSTOOD", "A search answered with something else than leads.", "Resume later."
                )
            return rows

        return read

    def _read(self, read: _Page, expected: int | None, size: int) -> Found:
        """Read pages until the count is reached or two in a row bring nothing new.

        A server that counts pages from 1 refuses page 0, or answers it with page 1; both show as a page without news.
        """
        rows, page, size = self._read_first(read, size, expected)
        parts, known = [rows], set(rows.get_column("leadId").to_list())
        idle = 0 if known else 1
        while not (idle > 1 or (rows.is_empty() and page > 0) or (expected is not None and len(known) >= expected)):
            page += 1
            rows = read(page, size)
            fresh = set(rows.get_column("leadId").to_list()) - known
            idle = 0 if fresh else idle + 1
            parts.append(rows)
            known |= fresh
        complete = expected is not None and len(known) >= expected
        if not complete:
            self._first_page = 0
        found = pl.concat(parts)
        return Found(found if found.height == len(known) else found.unique("leadId", maintain_order=True), complete)

    def _read_first(self, read: _Page, size: int, expected: int | None = None) -> tuple[pl.DataFrame, int, int]:
        """Return the first page, its number, and how long the server's pages are."""
        size = min(size, self._most_rows)
        try:
            rows, page = self._read_from_start(read, size)
        except ConfigurationError as error:
            smaller = next((each for each in _SMALLER_PAGES if each < size), None)
            if error.code not in _MAY_BE_TOO_MUCH or smaller is None:
                raise
            rows, page, size = self._read_first(read, smaller, expected)
            self._most_rows = smaller
            return rows, page, size
        if rows.height >= size or (expected is not None and rows.height >= expected):
            return rows, page, size
        if rows.height < PAGE_ROWS < size:
            # Less than is usual may be what it gives where more is asked for than it allows.
            return self._read_first(read, PAGE_ROWS, expected)
        return rows, page, rows.height or size

    def _read_from_start(self, read: _Page, size: int) -> tuple[pl.DataFrame, int]:
        page = self._first_page
        try:
            return read(page, size), page
        except ConfigurationError:
            if page > 0:
                raise
        rows = read(1, size)  # raises where it was not the page that was refused
        self._first_page = 1
        return rows, 1


def in_chunks(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    """Yield `values` in runs of at most `size`."""
    for first in range(0, len(values), size):
        yield values[first : first + size]


def _criteria(campaign_id: int, extern_ids: Sequence[str], list_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield criteria that name campaign and ids or lists, never nothing: empty ones select the whole account."""
    for ids in in_chunks(extern_ids, IDS_PER_SEARCH):
        yield _within(campaign_id) | {"externIds": list(ids)}
    if list_ids:
        yield _within(campaign_id) | {"listIds": list(list_ids)}


def _within(campaign_id: int) -> dict[str, Any]:
    return {"campaignIds": [campaign_id], "suppressed": "ALL"}


def _phone_file(phones: Sequence[str], boundary: str) -> bytes:
    """Return a form with the file of the OpenAPI document: one number a line."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="phones.txt"\r\n'
    return f"{head}Content-Type: text/plain\r\n\r\n{chr(10).join(phones)}\r\n--{boundary}--\r\n".encode()


def _together(founds: Sequence[Found], fields: Sequence[str]) -> Found:
    if len(founds) == 1:
        return founds[0]
    rows = pl.concat([no_lead_rows(fields), *(found.rows for found in founds)])
    return Found(rows.unique("leadId", maintain_order=True), all(found.complete for found in founds))
