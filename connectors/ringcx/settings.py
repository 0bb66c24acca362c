"""What it takes to reach a RingCX account. Secrets live here in memory alone and never show in a repr."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from transforms.vocabulary.errors import ConfigurationError

RINGCX_BASE_URL: Final = "https://ringcx.ringcentral.com"
RINGCENTRAL_BASE_URL: Final = "https://platform.ringcentral.com"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Hosts that never leave this machine."""


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

    @property
    def admin_url(self) -> str:
        """The address before `/accounts/...`; legacy hosts have no `/voice/api` in it."""
        base = self.ringcx_url.rstrip("/")
        return f"{base}/v1/admin" if self.legacy_token else f"{base}/voice/api/v1/admin"

    def check(self) -> None:
        """Raise ConfigurationError for a missing credential or an address that would send secrets in clear."""
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
        for name, url in {"RINGCX_BASE_URL": self.ringcx_url, "RINGCENTRAL_BASE_URL": self.ringcentral_url}.items():
            _check_address(name, url)


def _check_address(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ConfigurationError(
            "ADDRESS_NOT_VALID", f"{name} is not a valid address.", "Correct its host and port."
        ) from None
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    raise ConfigurationError(
        "ADDRESS_NOT_SAFE",
        f"{name} is not an https address: credentials would travel in clear.",
        "Use https; plain http is for the sandbox on this machine alone.",
    )
