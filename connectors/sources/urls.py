"""URLs of object storage: which bucket and which key one names."""

import re
from dataclasses import dataclass
from typing import Final

_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_PLACE: Final = re.compile(r"(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(?P<key>.*))?", re.DOTALL)

CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, AWS_ENDPOINT_URL where they differ)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_TOKEN)",
}
"""The kinds of URL known, with the variables that give the right to read."""


@dataclass(frozen=True)
class Place:
    """What a URL names: an object, a prefix, or a pattern of objects in one bucket."""

    scheme: str
    bucket: str
    key: str

    @property
    def url(self) -> str:
        """The URL again."""
        return f"{self.scheme}://{self.bucket}/{self.key}"


def is_url(path: str) -> bool:
    """Return whether `path` is a URL of any kind, not a path of the file system."""
    return _URL.match(path) is not None


def parse_url(url: str) -> Place:
    """Return what `url` names. Raises ValueError for one that is of another kind, or has credentials in it."""
    parts = _URL.fullmatch(url)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in CREDENTIALS:
        raise ValueError(f"{scheme}:// is no kind of URL that can be read; known are s3://, gs:// and az://")
    if "@" in parts["rest"].split("/")[0]:
        raise ValueError(f"a URL holds no credentials; set {CREDENTIALS[scheme]}")
    named = _PLACE.fullmatch(parts["rest"])
    if named is None:
        raise ValueError(f"write {scheme}://BUCKET/KEY, where KEY may be a file, a prefix or a pattern")
    return Place(scheme, named["bucket"], (named["key"] or "").lstrip("/"))
