"""The leads and their lists, indexed so that no request has to walk through all of them.

The store knows nothing of HTTP. Beside the leads that are there now it keeps how often each externId was
ever inserted, and why it was turned away, which is the truth a loader that promises "exactly once" is
measured against.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

FIRST_LEAD_ID = 100_000
FIRST_LIST_ID = 5_000


@dataclass(slots=True, eq=False)
class Lead:
    """One lead in one list of one campaign."""

    lead_id: int
    extern_id: str
    numbers: tuple[str, ...]
    """Its phone numbers as they are compared: ten digits for the US, else with a plus."""
    fields: dict[str, Any]
    """What was supplied and is given back as it came."""
    list_id: int
    campaign_id: int
    loaded_with: str
    """The duplicateHandling of its load, which decides whether later loads see it."""
    state: str
    loaded_at: datetime
    visible_from: float
    """When searches begin to see it, on the clock's steady scale."""
    timezone: str | None = None
    suppressed: bool = False
    passes: int = 0
    system_disposition: str | None = None
    agent_disposition: str | None = None
    last_pass_at: datetime | None = None
    next_dial_at: datetime | None = None
    reserved_agent: int | None = None


@dataclass(slots=True, eq=False)
class LeadList:
    """One list, named by the description of the load that made it."""

    list_id: int
    campaign_id: int
    description: str
    state: str
    loaded_at: datetime
    supplied: int = 0
    leads: dict[int, Lead] = field(default_factory=dict)


class LeadStore:
    """All leads of the account, by every key a request may name."""

    def __init__(self) -> None:
        """Begin empty."""
        self.by_id: dict[int, Lead] = {}
        self.by_extern_id: dict[str, list[Lead]] = {}
        self.by_number: dict[str, list[Lead]] = {}
        self.by_campaign: dict[int, dict[int, Lead]] = {}
        self.lists: dict[int, LeadList] = {}
        self.lists_of_campaign: dict[int, dict[int, LeadList]] = {}
        self.times_inserted: Counter[str] = Counter()
        self.turned_away: dict[str, set[str]] = {}
        """Why leads of an externId were ever not inserted by a load that was answered or carried out."""
        self.version = 0
        """Grows with every change, so that a search knows whether its last selection still holds."""
        self.all_visible_from = 0.0
        """From when on no lead is hidden by the search lag."""
        self._next_lead_id = FIRST_LEAD_ID
        self._next_list_id = FIRST_LIST_ID

    def add_list(self, campaign_id: int, description: str, state: str, loaded_at: datetime) -> LeadList:
        """Make a new, empty list."""
        lead_list = LeadList(self._next_list_id, campaign_id, description, state, loaded_at)
        self._next_list_id += 1
        self.lists[lead_list.list_id] = lead_list
        self.lists_of_campaign.setdefault(campaign_id, {})[lead_list.list_id] = lead_list
        return lead_list

    def find_list(self, campaign_id: int, description: str) -> LeadList | None:
        """Find the campaign's list of this description."""
        lists = self.lists_of_campaign.get(campaign_id, {}).values()
        return next((each for each in lists if each.description == description), None)

    def take_lead_id(self) -> int:
        """Return the next free lead id."""
        self._next_lead_id += 1
        return self._next_lead_id - 1

    def insert(self, leads: Iterable[Lead]) -> None:
        """Add the leads of a load and count each insertion for good."""
        for lead in leads:
            self._index(lead)
            self.times_inserted[lead.extern_id] += 1
            self.all_visible_from = max(self.all_visible_from, lead.visible_from)
        self.version += 1

    def note_turned_away(self, extern_id: str | None, why: str) -> None:
        """Keep why a load did not insert a lead: rejected, refused, failed, do_not_call or duplicate."""
        self.turned_away.setdefault(extern_id or "", set()).add(why)

    def delete(self, leads: Iterable[Lead]) -> None:
        """Remove leads; that they were once inserted stays counted."""
        for lead in leads:
            self._unindex(lead)
        self.version += 1

    def move(self, lead: Lead, campaign_id: int, list_id: int) -> None:
        """Put a lead into another list, keeping its id."""
        self._unindex(lead)
        lead.campaign_id, lead.list_id = campaign_id, list_id
        self._index(lead)
        self.version += 1

    def copy(self, lead: Lead, campaign_id: int, list_id: int) -> Lead:
        """Put a copy with a new id into another list; a copy is no insertion."""
        twin = replace(
            lead,
            lead_id=self.take_lead_id(),
            campaign_id=campaign_id,
            list_id=list_id,
            fields=dict(lead.fields),
        )
        self._index(twin)
        self.version += 1
        return twin

    def renumber(self, lead: Lead, numbers: tuple[str, ...], extern_id: str) -> None:
        """Give a lead other numbers and another externId."""
        self._unindex(lead)
        lead.numbers, lead.extern_id = numbers, extern_id
        self._index(lead)
        self.version += 1

    def note_change(self) -> None:
        """Say that leads were changed in place."""
        self.version += 1

    def number_is_taken(self, number: str, campaign_id: int, loaded_with: str) -> bool:
        """Say whether the campaign has a lead with this number that was loaded with this mode."""
        known = self.by_number.get(number)
        if not known:
            return False
        return any(each.campaign_id == campaign_id and each.loaded_with == loaded_with for each in known)

    def _index(self, lead: Lead) -> None:
        key = lead.lead_id
        self.by_id[key] = lead
        self.by_extern_id.setdefault(lead.extern_id, []).append(lead)
        for number in lead.numbers:
            self.by_number.setdefault(number, []).append(lead)
        self.by_campaign.setdefault(lead.campaign_id, {})[key] = lead
        self.lists[lead.list_id].leads[key] = lead

    def _unindex(self, lead: Lead) -> None:
        key = lead.lead_id
        del self.by_id[key]
        _remove(self.by_extern_id, lead.extern_id, lead)
        for number in lead.numbers:
            _remove(self.by_number, number, lead)
        del self.by_campaign[lead.campaign_id][key]
        del self.lists[lead.list_id].leads[key]


def _remove(index: dict[str, list[Lead]], value: str, lead: Lead) -> None:
    """Take a lead out of an index, and the value with its last lead."""
    leads = index[value]
    leads.remove(lead)
    if not leads:
        del index[value]
