"""Credentials and other secrets from Prefect Secret blocks, for workers whose environment has none."""

from dataclasses import replace
from typing import Any, Final

from prefect.blocks.system import Secret

from connectors.ringcx.settings import Account
from flows import settings

BLOCKS: Final = {
    "client_id": "leadferry-rc-client-id",
    "client_secret": "leadferry-rc-client-secret",
    "jwt": "leadferry-rc-jwt",
}
"""Field of the account to the name of the Secret block that may hold it."""


def with_secret_blocks(account: Account) -> Account:
    """Return `account` with what it lacks filled in from Secret blocks, where there are such blocks.

    What the environment says wins; a legacy token needs nothing else. Values stay in this process's memory.
    """
    if account.legacy_token:
        return account
    found: dict[str, Any] = {field: _read_block(name) for field, name in BLOCKS.items() if not getattr(account, field)}
    return replace(account, **found)


def find_secret(name: str) -> str:
    """Return the secret of a variable's `name`: from the environment, else from the Secret block named after it.

    `NOTIFY_URL` and `LEADFERRY_NOTIFY_URL` are both the block `leadferry-notify-url`.
    """
    block = name.lower().replace("_", "-").removeprefix("leadferry-")
    return settings.secret(name) or _read_block(f"leadferry-{block}")


def _read_block(name: str) -> str:
    """Return the secret in a block, or nothing where there is no such block: the sign-in says what is missing."""
    try:
        block = Secret.load(name)
    except ValueError:
        return ""
    return str(block.get()) if isinstance(block, Secret) else ""
