"""The paths of the internal do-not-call list; see `do_not_call` for what is guessed about them."""

from typing import Any, cast

from connectors.sandbox.bodies import DNC, DNC_SEARCH, read_body
from connectors.sandbox.do_not_call import DEFAULT_COUNTRY
from connectors.sandbox.phones import read_us_numbers
from connectors.sandbox.refusals import bad_request, not_found
from connectors.sandbox.visits import CREATED, Answer, Change, Visit, answer_json


def list_entries(visit: Visit) -> Answer:
    """Answer every entry."""
    return answer_json(visit.state.do_not_call.search({}))


def search_entries(visit: Visit) -> Answer:
    """Answer the entries that equal every field of the body."""
    wanted = cast("dict[str, Any]", read_body(DNC_SEARCH, visit.body))
    return answer_json(visit.state.do_not_call.search(wanted))


def add_entry(visit: Visit) -> Change:
    """Add one entry."""
    body = read_body(DNC, visit.body)
    phone, country = body["phone"], body.get("country") or DEFAULT_COUNTRY
    if country == DEFAULT_COUNTRY and read_us_numbers(phone) is None:
        raise bad_request("phone: must have 10 digits")

    def apply(_: float) -> Answer:
        tag_id = body.get("dncTagId") or 0
        return answer_json(visit.state.do_not_call.add(phone, country=country, tag_id=tag_id), CREATED)

    return Change(apply)


def delete_entry(visit: Visit) -> Change:
    """Take one entry off the list."""
    phone, country, tag_id = visit.path["phone"], visit.path["country"], visit.path["tag_id"]
    if not visit.state.do_not_call.search({"phone": phone, "country": country, "dncTagId": tag_id}):
        raise not_found(f"phone {phone} of {country} under tag {tag_id}")

    def apply(_: float) -> Answer:
        return answer_json(visit.state.do_not_call.remove(phone, country=country, tag_id=tag_id))

    return Change(apply)
