"""The paths of accounts, dial groups, campaigns and their lists."""

from typing import Any, cast

from connectors.sandbox.bodies import CAMPAIGN, DIAL_GROUP, read_body
from connectors.sandbox.catalogue import Campaign, DialGroup
from connectors.sandbox.refusals import bad_request
from connectors.sandbox.rows import write_list
from connectors.sandbox.visits import CREATED, Answer, Change, Visit, answer_json


def list_accounts(visit: Visit) -> Answer:
    """Answer the accounts the token can reach: the one sub-account."""
    settings = visit.state.settings
    account = {"accountId": settings.account_id, "accountName": "Sandbox", "mainAccountId": settings.main_account_id}
    return answer_json([account])


def list_dial_groups(visit: Visit) -> Answer:
    """Answer the dial groups, without their campaigns."""
    return _answer_page(visit, [group.fields for group in visit.state.catalogue.groups.values()])


def list_dial_groups_with_children(visit: Visit) -> Answer:
    """Answer the dial groups, each with its campaigns."""
    groups = visit.state.catalogue.groups.values()
    return _answer_page(visit, [_write_with_children(group) for group in groups])


def create_dial_group(visit: Visit) -> Change:
    """Create a dial group."""
    body = cast("dict[str, Any]", read_body(DIAL_GROUP, visit.body))

    def apply(_: float) -> Answer:
        return answer_json(visit.state.catalogue.add_group(_drop_nulls(body)).fields, CREATED)

    return Change(apply)


def list_campaigns(visit: Visit) -> Answer:
    """Answer the campaigns of one dial group."""
    group = visit.state.catalogue.group(visit.path["dial_group_id"])
    return _answer_page(visit, [campaign.fields for campaign in group.campaigns.values()])


def create_campaign(visit: Visit) -> Change:
    """Create a campaign in a dial group."""
    group = visit.state.catalogue.group(visit.path["dial_group_id"])
    body = cast("dict[str, Any]", read_body(CAMPAIGN, visit.body))

    def apply(_: float) -> Answer:
        return answer_json(visit.state.catalogue.add_campaign(group, _drop_nulls(body)).fields, CREATED)

    return Change(apply)


def get_campaign(visit: Visit) -> Answer:
    """Answer one campaign."""
    return answer_json(_campaign(visit).fields)


def update_campaign(visit: Visit) -> Change:
    """Replace a campaign's fields."""
    campaign = _campaign(visit)
    body = cast("dict[str, Any]", read_body(CAMPAIGN, visit.body))

    def apply(_: float) -> Answer:
        visit.state.catalogue.update_campaign(campaign, _drop_nulls(body))
        return answer_json(campaign.fields)

    return Change(apply)


def delete_campaign(visit: Visit) -> Change:
    """Delete a campaign; its leads stay as orphans."""
    campaign = _campaign(visit)

    def apply(_: float) -> Answer:
        visit.state.catalogue.delete_campaign(campaign)
        visit.state.store.note_change()
        return answer_json(value=True)

    return Change(apply)


def clone_campaign(visit: Visit) -> Change:
    """Copy a campaign, without its leads, under a new name."""
    campaign = _campaign(visit)
    name = visit.query.get("newCampaignName", "")
    if not name:
        raise bad_request("newCampaignName: is missing")
    fields = campaign.fields | {"campaignName": name, "countryId": visit.query.get("newCountryCode", "USA")}

    def apply(_: float) -> Answer:
        group = visit.state.catalogue.group(campaign.dial_group_id)
        return answer_json(visit.state.catalogue.add_campaign(group, fields).fields, CREATED)

    return Change(apply)


def clear_cache(visit: Visit) -> Answer:
    """Refresh the dialer's cache of a campaign, which here is always fresh."""
    _campaign(visit)
    return Answer(b"true", CREATED, "text/plain")


def list_lists(visit: Visit) -> Answer:
    """Answer the lists of a campaign, named with or without its dial group."""
    if "dial_group_id" in visit.path:
        campaign = _campaign(visit)
    else:
        campaign = visit.state.catalogue.campaign(visit.path["campaign_id"])
    lists = visit.state.store.lists_of_campaign.get(campaign.campaign_id, {})
    return answer_json([write_list(each) for each in lists.values()])


def _campaign(visit: Visit) -> Campaign:
    """Return the campaign the path names, or refuse with 404."""
    return visit.state.catalogue.campaign_of(visit.path["dial_group_id"], visit.path["campaign_id"])


def _write_with_children(group: DialGroup) -> dict[str, Any]:
    return group.fields | {"campaigns": [campaign.fields for campaign in group.campaigns.values()]}


def _drop_nulls(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _answer_page(visit: Visit, rows: list[dict[str, Any]]) -> Answer:
    """Answer all rows, or the page that is asked for; without maxRows there is but one page."""
    base = visit.state.settings.page_base
    size = visit.whole_number("maxRows", max(1, len(rows)))
    page = visit.whole_number("page", base)
    if size < 1 or page < base:
        raise bad_request(f"page: must be at least {base}, and maxRows at least 1")
    first = (page - base) * size
    return answer_json(rows[first : first + size])
