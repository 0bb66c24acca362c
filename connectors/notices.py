"""Sends one short message to people, by whatever service the address names: e-mail, Slack, Teams, a webhook.

Addresses hold passwords and keys. They are held in memory alone, and nothing of them, nor what a service says about
them, gets into an error or a log.
"""

import logging
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # heavy, and only those who have somebody told pay for it
    from apprise import Apprise

_PLAIN_WEBHOOKS: Final = {"http": "json", "https": "jsons"}
"""How the library writes an address of the web that belongs to no service it knows."""


def send_notice(addresses: str, title: str, text: str) -> str | None:
    """Send `title` and plain `text` to all of `addresses` (URLs with blanks between them); never raises.

    Returns None once every service took it, else in a few words what went wrong, without any part of an address.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own, about what it imports
            return _send(addresses, title, text)
    except Exception as error:  # noqa: BLE001 - whatever a service does, the run's end is not changed by it
        return f"sending it failed with {type(error).__name__}"


def _send(addresses: str, title: str, text: str) -> str | None:
    from apprise import Apprise, AppriseAsset, NotifyFormat

    _silence()
    # A redirect could lead message and keys to a host that nobody named.
    receivers = Apprise(asset=AppriseAsset(app_id="Leadferry", async_mode=False, http_redirects=False))
    parts = addresses.split()
    if not parts:
        return "there is no address in it"
    unknown = sum(not _add(receivers, part) for part in parts)
    reached = bool(receivers) and receivers.notify(body=text, title=title, body_format=NotifyFormat.TEXT) is True
    if unknown:
        return "it holds an address that is none" if len(parts) == 1 else f"{unknown} of its addresses are none"
    return None if reached else "not every service took it"


def _add(receivers: "Apprise", address: str) -> bool:
    scheme, mark, rest = address.partition("://")
    plain = _PLAIN_WEBHOOKS.get(scheme.lower())
    return bool(receivers.add(address)) or (bool(mark and plain) and bool(receivers.add(f"{plain}://{rest}")))


def _silence() -> None:
    """Keep the library from logging: its lines have hosts and answers in them."""
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    logger.setLevel(logging.CRITICAL + 1)
