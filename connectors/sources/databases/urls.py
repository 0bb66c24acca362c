"""Where a database is: its URL, from the job file or the environment, and how to speak of it without its secrets."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from transforms.vocabulary.errors import ConfigurationError

FROM_ENVIRONMENT: Final = "env:"
"""Begins a `url` that names a variable of the environment, which has the URL."""

_SCHEME: Final = re.compile(r"([a-z][a-z0-9_]*)(\+[a-z][a-z0-9_]*)?://", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET: Final = re.compile(r"pass|pwd|secret|token|key$|credential", re.IGNORECASE)
"""Options of a URL that carry a secret, whatever the driver calls them."""

_KINDS: Final = {"postgres": "postgresql", "mariadb": "mysql"}
"""Schemes that are another's by another name."""

FILE_KINDS: Final = ("sqlite", "duckdb")
"""Databases that are a file."""


def check_url(url: str) -> None:
    """Raise ValueError, which says what to write, for a `url` that a job file may not have; no secret is repeated."""
    if url.startswith(FROM_ENVIRONMENT):
        if not _NAME.fullmatch(url.removeprefix(FROM_ENVIRONMENT)):
            raise ValueError("write env: and the name of an environment variable, such as env:CRM_URL")
        return
    if not _SCHEME.match(url):
        raise ValueError("write a database URL, such as postgresql://user@host/database, or env:NAME")
    if not _is_well_formed(url):
        raise ValueError("write a database URL with a host and a port that can be, or env:NAME")
    if _secrets_of(url):
        raise ValueError(
            "a job file holds no password: put the whole URL into an environment variable "
            'and write its name here, such as url = "env:CRM_URL"'
        )


def file_path_of(url: str) -> str | None:
    """Return the path of a database that is a file, or None for all others."""
    if _kind_of(url) not in FILE_KINDS:
        return None
    return url.partition("://")[2].partition("?")[0].partition("/")[2]


def with_file_path(url: str, path: str) -> str:
    """Return the URL of a database that is a file with another path."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}:///{path}" + "".join(rest.partition("?")[1:])


@dataclass(frozen=True)
class Target:
    """A database to read from: its kind (the scheme without a driver's name), its whole URL, and how it is shown."""

    kind: str
    url: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(repr=False, default=())

    def mask(self, words: object) -> str:
        """Return what somebody else said, on one line, with every secret of the URL taken out."""
        told = str(words)
        for secret in sorted(self.secrets, key=len, reverse=True):
            told = told.replace(secret, "***")
        return " ".join(told.split())

    @property
    def options(self) -> dict[str, str]:
        """What follows the question mark."""
        return dict(parse_qsl(urlsplit(self.url).query))


def find_target(url: str, environment: Mapping[str, str] = os.environ) -> Target:
    """Return the database that a job's `url` names. Raises ConfigurationError where the environment has no such URL."""
    if not url.startswith(FROM_ENVIRONMENT):
        return Target(_kind_of(url), url, url)
    name = url.removeprefix(FROM_ENVIRONMENT)
    whole = environment.get(name, "").strip()
    if not _is_well_formed(whole):
        what = "is not a database URL" if whole else "is not set"
        raise ConfigurationError(
            "SOURCE_URL",
            f"source.url is {url}, but the environment variable {name} {what}.",
            f"Set {name} to a URL such as postgresql://USER:PASSWORD@HOST/DATABASE.",
        )
    if "@" in urlsplit(whole).netloc.rpartition("@")[0]:
        # Drivers do not agree where the host begins then, and may tell a part of the password as its name.
        raise ConfigurationError(
            "SOURCE_URL",
            f"source.url is {url}, and the URL in the environment variable {name} has an @ in its user or password.",
            "Write it as %40 there.",
        )
    return Target(_kind_of(whole), whole, url, _secrets_of(whole))


def _is_well_formed(url: str) -> bool:
    try:
        port = urlsplit(url).port
    except ValueError:
        return False
    return _SCHEME.match(url) is not None and port != 0


def _kind_of(url: str) -> str:
    match = _SCHEME.match(url)
    scheme = match.group(1).lower() if match else ""
    return _KINDS.get(scheme, scheme)


def _secrets_of(url: str) -> tuple[str, ...]:
    """Return the secrets in a URL, each as it stands there and as it is meant; the URL itself is one if it has any."""
    user, _, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    if "@" in url and not user:  # a slash or question mark in a password that nobody quoted
        user = url.partition("://")[2].rpartition("@")[0]
    found = [user.partition(":")[2]]
    for option in url.partition("?")[2].split("&"):
        name, _, value = option.partition("=")
        found += [value] if _SECRET.search(name) else []
    found = [secret for secret in found if secret]
    meant = [unquote(secret) for secret in found]
    return tuple(dict.fromkeys([*found, *meant, *([url] if found else [])]))
