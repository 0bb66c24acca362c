"""The account's dial groups and campaigns, and the ones every sandbox starts with.

The seed holds what a loader has to cope with: a campaign that has ended, and two campaigns of one name in
different dial groups.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from connectors.sandbox.refusals import not_found

PREDICTIVE_CAMPAIGN_ID: Final = 12345
_OPEN = ("2020-05-26T07:00:00.000+0000", "2099-12-31T07:00:00.000+0000")
_ENDED = ("2020-05-26T07:00:00.000+0000", "2021-05-26T07:00:00.000+0000")
_WORKING_HOURS = "08002100"
_CLOSED = "00000000"


@dataclass(slots=True, eq=False)
class Campaign:
    """A campaign: its place, and its fields as the API writes them."""

    campaign_id: int
    dial_group_id: int
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the campaign's name."""
        return str(self.fields["campaignName"])


@dataclass(slots=True, eq=False)
class DialGroup:
    """A dial group and its campaigns."""

    dial_group_id: int
    fields: dict[str, Any]
    campaigns: dict[int, Campaign] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the group's name."""
        return str(self.fields["dialGroupName"])


class Catalogue:
    """The dial groups and campaigns of the account."""

    def __init__(self) -> None:
        """Begin with the seed."""
        self.groups: dict[int, DialGroup] = {}
        self._campaigns: dict[int, Campaign] = {}
        self._next_group_id = 115_801
        self._next_campaign_id = PREDICTIVE_CAMPAIGN_ID
        self._plant()

    def group(self, dial_group_id: int) -> DialGroup:
        """Return a dial group, or refuse with 404."""
        if dial_group_id not in self.groups:
            raise not_found(f"dial group {dial_group_id}")
        return self.groups[dial_group_id]

    def campaign(self, campaign_id: int) -> Campaign:
        """Return a campaign, or refuse with 404."""
        if campaign_id not in self._campaigns:
            raise not_found(f"campaign {campaign_id}")
        return self._campaigns[campaign_id]

    def campaign_of(self, dial_group_id: int, campaign_id: int) -> Campaign:
        """Return a campaign of this dial group, or refuse with 404."""
        if campaign_id not in self.group(dial_group_id).campaigns:
            raise not_found(f"campaign {campaign_id} in dial group {dial_group_id}")
        return self._campaigns[campaign_id]

    def find_campaign(self, campaign_id: int) -> Campaign | None:
        """Return a campaign, or None once it was deleted."""
        return self._campaigns.get(campaign_id)

    def add_group(self, fields: dict[str, Any]) -> DialGroup:
        """Create a dial group; the server sets its ids."""
        key = self._next_group_id
        self._next_group_id += 1
        defaults = {"dialGroupDesc": "", "dialMode": "PREDICTIVE", "isActive": True, "permissions": []}
        group = DialGroup(key, defaults | fields | {"dialGroupId": key, "groupId": key})
        group.fields.pop("campaigns", None)
        self.groups[key] = group
        return group

    def add_campaign(self, group: DialGroup, fields: dict[str, Any]) -> Campaign:
        """Create a campaign in a group; the server sets its ids."""
        campaign = Campaign(self._next_campaign_id, group.dial_group_id, _default_fields() | fields)
        self._next_campaign_id += 1
        self._place(campaign, group)
        return campaign

    def update_campaign(self, campaign: Campaign, fields: dict[str, Any]) -> None:
        """Replace a campaign's fields; ids and group stay."""
        campaign.fields = _default_fields() | fields
        self._place(campaign, self.groups[campaign.dial_group_id])

    def delete_campaign(self, campaign: Campaign) -> None:
        """Delete a campaign; its leads stay behind as orphans."""
        del self._campaigns[campaign.campaign_id]
        del self.groups[campaign.dial_group_id].campaigns[campaign.campaign_id]

    def _place(self, campaign: Campaign, group: DialGroup) -> None:
        campaign.fields |= {
            "campaignId": campaign.campaign_id,
            "groupId": group.dial_group_id,
            "dialGroup": {"dialGroupId": group.dial_group_id, "dialGroupDesc": group.name},
        }
        group.campaigns[campaign.campaign_id] = campaign
        self._campaigns[campaign.campaign_id] = campaign

    def _plant(self) -> None:
        predictive = self.add_group({"dialGroupName": "My Dial Group - Predictive"})
        preview = self.add_group({"dialGroupName": "My Dial Group - Preview", "dialMode": "PREVIEW"})
        seed = [
            (predictive, "My Predictive Campaign", _OPEN),
            (predictive, "My New Predictive Campaign", _OPEN),
            (predictive, "Archived Campaign", _ENDED),
            (predictive, "Twin Campaign", _OPEN),
            (preview, "Twin Campaign", _OPEN),
        ]
        for group, name, (start, end) in seed:
            dates = {"startDate": start, "endDate": end}
            self.add_campaign(group, {"campaignName": name, "callerId": "4155550123", "isActive": 1} | dates)


def _default_fields() -> dict[str, Any]:
    """Return what a campaign has when its creator said nothing."""
    weekdays = dict.fromkeys(["monSched", "tueSched", "wedSched", "thuSched", "friSched"], _WORKING_HOURS)
    return weekdays | {
        "isActive": 0,
        "campaignDesc": "",
        "countryId": "USA",
        "campaignPriority": 1,
        "dialLoadedOrder": 0,
        "maxRingTime": 30,
        "maxRingTimeTransfer": 60,
        "sunSched": _CLOSED,
        "satSched": _CLOSED,
        "dncScrubOption": "DO_NOT_SCRUB",
        "maxPasses": 3,
        "callingConfiguration": "SIMPLE",
        "permissions": [],
    }
