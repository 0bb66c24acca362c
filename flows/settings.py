"""Everything Leadferry reads from the environment, in one place."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from connectors.ringcx.settings import RINGCENTRAL_BASE_URL, RINGCX_BASE_URL, Account

VERSION: Final = version("leadferry")


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of ledger and runs: `LEADFERRY_HOME`, else `.leadferry` in the working folder."""
    return Path(environment.get("LEADFERRY_HOME") or ".leadferry").resolve()


def ledger_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the ledger's database URL: `LEADFERRY_LEDGER`, else SQLite in the home folder."""
    return environment.get("LEADFERRY_LEDGER") or f"sqlite:///{home(environment) / 'ledger.sqlite'}"


def secret(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return what the variable `name` holds, which is nobody's to see; nothing where there is none."""
    return environment.get(name, "").strip()


def account(environment: Mapping[str, str] = os.environ) -> Account:
    """Return the RingCX account that the environment names; nothing is checked yet."""
    return Account(
        account_id=environment.get("RINGCX_ACCOUNT_ID") or None,
        client_id=environment.get("RC_CLIENT_ID", ""),
        client_secret=environment.get("RC_CLIENT_SECRET", ""),
        jwt=environment.get("RC_JWT", ""),
        legacy_token=environment.get("RINGCX_LEGACY_TOKEN", ""),
        ringcx_url=environment.get("RINGCX_BASE_URL") or RINGCX_BASE_URL,
        ringcentral_url=environment.get("RINGCENTRAL_BASE_URL") or RINGCENTRAL_BASE_URL,
        allowed_hosts=tuple(
            host for part in environment.get("LEADFERRY_ALLOW_HOSTS", "").split(",") if (host := part.strip())
        ),
    )
