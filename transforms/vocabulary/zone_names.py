"""RingCX's names for time zones."""

from typing import Final

RINGCX_OFFSETS: Final = {
    "ADT": -3.0, "AKDT": -8.0, "AKST": -9.0, "AST": -4.0, "CDT": -5.0, "CST": -6.0, "EDT": -4.0, "EST": -5.0,
    "HADT": -9.0, "HAST": -10.0, "MDT": -6.0, "MST": -7.0, "NDT": -2.5, "NST": -3.5, "PDT": -7.0, "PMDT": -2.0,
    "PMST": -3.0, "PST": -8.0, "WSDT": -10.0, "WSST": -11.0,
}  # fmt: skip
"""Every time zone name in RingCX's guide (Searching for Leads, Lead Timezones), with its hours from UTC."""
