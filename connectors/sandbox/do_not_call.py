"""The account's internal do-not-call list.

Only its paths are documented; the shape of an entry is this sandbox's guess. Every load is scrubbed against
all entries, whatever their tag and whatever the campaign's scrub option says.
"""

from typing import Any

from connectors.sandbox.phones import compare_form

DEFAULT_COUNTRY = "USA"

EntryKey = tuple[int, str, str]


class DoNotCallList:
    """Numbers that must not be called, by tag, number and country."""

    def __init__(self, phones: tuple[str, ...] = ()) -> None:
        """Begin with these numbers, untagged."""
        self._entries: dict[EntryKey, dict[str, Any]] = {}
        self._numbers: set[str] = set()
        for phone in phones:
            self.add(phone)

    def add(self, phone: str, *, country: str = DEFAULT_COUNTRY, tag_id: int = 0) -> dict[str, Any]:
        """Put a number on the list; a second time changes nothing."""
        entry = {"phone": phone, "country": country, "dncTagId": tag_id}
        self._entries[tag_id, phone, country] = entry
        self._numbers.add(compare_form(phone))
        return entry

    def remove(self, phone: str, *, country: str, tag_id: int) -> bool:
        """Take a number off the list; False when it was not on it."""
        if self._entries.pop((tag_id, phone, country), None) is None:
            return False
        self._numbers = {compare_form(entry["phone"]) for entry in self._entries.values()}
        return True

    def search(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the entries that equal every field given."""
        given = {name: value for name, value in wanted.items() if value is not None}
        return [entry for entry in self._entries.values() if given.items() <= entry.items()]

    def forbids(self, numbers: tuple[str, ...]) -> bool:
        """Say whether any of these numbers is on the list."""
        return not self._numbers.isdisjoint(numbers)
