"""What it takes to reach a RingCX account. Secrets live here in memory alone and never show in a repr."""

import re
from dataclasses import dataclass, field
from typing import Final

from transforms.vocabulary.errors import ConfigurationError

RINGCX_BASE_URL: Final = "https://ringcx.ringcentral.com"
RINGCENTRAL_BASE_URL: Final = "https://platform.ringcentral.com"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Hosts that never leave this machine."""

_DOMAIN_OF_RINGCENTRAL: Final = ".ringcentral.com"
_LEGACY_HOSTS: Final = frozenset({"portal.vacd.biz", "portal.virtualacd.biz"})

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS: Final = re.compile(
    rf"""
    (?P<scheme>https?)://
    (?P<host>{_HOST.pattern}|\[::1\])
    (?::(?P<port>[0-9]{{1,5}}))?
    (?:/[A-Za-z0-9._~/-]*)?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""The one form of an address: what two parsers could read as two hosts (user info, back-slashes, letters of other
scripts) is none."""

_LARGEST_PORT: Final = 65_535
_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Account:
    """Addresses and credentials of one RingCX sub-account.

    Either the three parts of a JWT sign-in, or the permanent token of a legacy host.
    """

    account_id: str | None
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    jwt: str = field(default="", repr=False)
    legacy_token: str = field(default="", repr=False)
    ringcx_url: str = RINGCX_BASE_URL
    ringcentral_url: str = RINGCENTRAL_BASE_URL
    allowed_hosts: tuple[str, ...] = ()
    """Hosts beside RingCX's own and this machine that may see the credentials."""

    @property
    def admin_url(self) -> str:
        """The address before `/accounts/...`; legacy hosts have no `/voice/api` in it."""
        base = self.ringcx_url.rstrip("/")
        return f"{base}/v1/admin" if self.legacy_token else f"{base}/voice/api/v1/admin"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that is spoken to; a permanent token needs no sign-in."""
        return (self.ringcx_url,) if self.legacy_token else (self.ringcx_url, self.ringcentral_url)

    def check(self) -> None:
        """Raise ConfigurationError for a credential that is missing or damaged, or an address not to be given any."""
        missing = [
            name
            for name, value in {
                "RC_CLIENT_ID": self.client_id,
                "RC_CLIENT_SECRET": self.client_secret,
                "RC_JWT": self.jwt,
            }.items()
            if not value
        ]
        if missing and not self.legacy_token:
            raise ConfigurationError(
                "CREDENTIALS_MISSING",
                f"The environment lacks {', '.join(missing)}.",
                "Set them to your RingCentral app's credentials; `leadferry sandbox` prints a set for trying out.",
            )
        for name, value in self._secrets().items():
            if value and not _VISIBLE.fullmatch(value):
                raise ConfigurationError(
                    "CREDENTIALS_NOT_VALID",
                    f"{name} has a blank, a line break or a letter in it that no credential has.",
                    "Set it again, without anything before or after it.",
                )
        if self.account_id and not _ACCOUNT_ID.fullmatch(self.account_id):
            raise ConfigurationError("ACCOUNT_NOT_VALID", "RINGCX_ACCOUNT_ID is no account id.", "It is a number.")
        for host in self.allowed_hosts:
            if not _HOST.fullmatch(host):
                raise ConfigurationError(
                    "ALLOWED_HOST_NOT_VALID",
                    f"LEADFERRY_ALLOW_HOSTS has {host!r}, which is no host name.",
                    "Write exact host names with commas between them: no address, port or star.",
                )
        self._check_address("RINGCX_BASE_URL", self.ringcx_url)
        self._check_address("RINGCENTRAL_BASE_URL", self.ringcentral_url)

    def _secrets(self) -> dict[str, str]:
        return {
            "RC_CLIENT_ID": self.client_id,
            "RC_CLIENT_SECRET": self.client_secret,
            "RC_JWT": self.jwt,
            "RINGCX_LEGACY_TOKEN": self.legacy_token,
        }

    def _check_address(self, name: str, url: str) -> None:
        """Raise ConfigurationError unless credentials may go to `url`; what it holds is not told, it may be secret."""
        address = _ADDRESS.fullmatch(url)
        if address is None or int(address["port"] or 0) > _LARGEST_PORT:
            raise ConfigurationError(
                "ADDRESS_NOT_VALID",
                f"{name} is not an address as https://HOST, with a port and a path at most.",
                "Correct it; user name, password, query and fragment have no place in it.",
            )
        host = address["host"].lower().strip("[]")
        if host in LOOPBACK:
            return
        if address["scheme"].lower() != "https":
            raise ConfigurationError(
                "ADDRESS_NOT_SAFE",
                f"{name} is not an https address: credentials would travel in clear.",
                "Use https; plain http is for the sandbox on this machine alone.",
            )
        if not (host.endswith(_DOMAIN_OF_RINGCENTRAL) or host in _LEGACY_HOSTS or host in self._allowed()):
            raise ConfigurationError(
                "ADDRESS_NOT_KNOWN",
                f"{name} names the host {host}, which is none of RingCX's: it would be given the credentials.",
                f"Correct it, or set LEADFERRY_ALLOW_HOSTS={host} if that is what you want.",
            )

    def _allowed(self) -> set[str]:
        return {host.lower() for host in self.allowed_hosts}
