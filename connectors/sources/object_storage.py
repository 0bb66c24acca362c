"""Files in object storage (S3 and what speaks like it, Google Cloud Storage, Azure): listed, and fetched to read.

A file is fetched whole before it is read, so that every kind of file is read in one way, and a file that is replaced
meanwhile is noticed: each piece is asked for under the mark (ETag) that the listing gave. Credentials come from the
environment and are shown nowhere: of a service's answer only its error code is ever told.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PreconditionError,
)
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from connectors.sources.extract import is_left_out
from connectors.sources.urls import CREDENTIALS, Place
from transforms.vocabulary.errors import SourceError

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, RetryConfig

_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_MARKS: Final = re.compile(r"[*?\[]")
_GLOB_PART: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?[^\]]+\]|[^*?\[]+|\[")

_NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")
_FORBIDDEN: Final = re.compile(r"status code: 40[13]\b|^(?:Permission|Unauthenticated)")
_FINDS_NO_CREDENTIALS: Final = re.compile(
    r"169\.254\.169\.254|/latest/api/token|/latest/meta-data|computeMetadata|metadata/identity|MissingAccount"
    r"|OpenCredentials|DecodeCredentials|service account"
)
"""What the library says where it looked for credentials, also on the machines of a cloud, and found none to use."""

_ANSWERED: Final = re.compile(r"status code: (\d{3})")

_PIECE_BYTES: Final = 8 << 20
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class StoredObject:
    """An object as it is listed: its key, its bytes, and the mark of its content."""

    key: str
    size: int
    mark: str | None


@dataclass(frozen=True)
class Patience:
    """Seconds for a connection, for one request (of a piece of a file at most), and for all tries of it."""

    connect: float = 10
    request: float = 60
    tries: float = 120


class ObjectStorage:
    """One place in object storage; nothing is asked before the first use."""

    def __init__(self, place: Place, ending: str, *, partitions: bool = False, patience: Patience = Patience()) -> None:
        """Take credentials from the environment; files are those with that `ending`, as `list_files` knows them.

        Raises SourceError where the credentials cannot be used.
        """
        self._place, self._ending, self._partitions = place, ending, partitions
        with self._faults_told():
            self._store = _open(place, patience)

    def list_objects(self) -> list[StoredObject]:
        """Return the objects that the place stands for, sorted by key, as `list_files` does for the file system.

        A key that is no object's stands for what lies below it. Raises SourceError.
        """
        key, partitions = self._place.key, self._partitions
        mark = _MARKS.search(key)
        if mark:
            base = key[: mark.start()].rpartition("/")[0]
            wanted = _glob(key)
            found = [item for item in self._below(base) if wanted.fullmatch(item.key)]
        else:
            base = key.rstrip("/")
            alone = self._one(key)
            if alone is not None:
                return [alone]
            found = [
                item for item in self._below(base) if _is_in_folder(item.key, base, self._ending, partitions=partitions)
            ]
        files = [item for item in found if not is_left_out(_relative(item.key, base), partitions=partitions)]
        if not files:
            raise SourceError(
                "SOURCE_MISSING",
                f"Nothing in {self._place.url} is a file to read.",
                "Check source.path in the job file; a prefix stands for the files directly below it.",
            )
        return sorted(files, key=lambda item: item.key)

    def fetch(self, item: StoredObject, folder: Path, keep_on: Callable[[], None]) -> Path:
        """Write an object to `folder`/BUCKET/KEY and return where; `keep_on` is called before each piece.

        Memory holds one piece. Raises SourceError, also where the object is not any more what was listed.
        """
        target = folder.joinpath(self._place.bucket, *_safe_parts(item.key))
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with target.open("wb") as file:
                for piece in self._pieces(item, keep_on):
                    file.write(piece)
        except OSError as error:
            raise SourceError(
                "SOURCE_NOT_STORED",
                f"{self._place.url} cannot be stored in {folder.parent}: {error.strerror}.",
                "Make room there, or choose another --out.",
            ) from None
        return target

    def _pieces(self, item: StoredObject, keep_on: Callable[[], None]) -> Iterator[bytes]:
        for start in range(0, item.size, _PIECE_BYTES):
            keep_on()
            end = min(start + _PIECE_BYTES, item.size)
            try:
                with self._faults_told():
                    options: GetOptions = {"range": (start, end)}
                    if item.mark is not None:
                        options["if_match"] = item.mark
                    piece = bytes(obstore.get(self._store, item.key, options=options).bytes())
            except _ChangedError:
                piece = b""
            if len(piece) != end - start:
                raise SourceError(
                    "SOURCE_CHANGED",
                    f"{replace(self._place, key=item.key).url} was replaced or removed while it was read.",
                    "Run again once it is whole; an export should write under another name and rename.",
                )
            yield piece

    def _one(self, key: str) -> StoredObject | None:
        if not key or key.endswith("/"):
            return None
        try:
            with self._faults_told():
                found = obstore.head(self._store, key)
        except _ChangedError:
            return None
        return StoredObject(key, found["size"], found["e_tag"])

    def _below(self, base: str) -> list[StoredObject]:
        with self._faults_told():
            listed = [item for items in obstore.list(self._store, base or None) for item in items]
        return [StoredObject(item["path"], item["size"], item["e_tag"]) for item in listed]

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        """Translate what the storage raises; an answer's own words may hold keys and are never told."""
        try:
            yield
        except (BaseError, FileNotFoundError, PermissionError, ValueError, TimeoutError) as error:
            raise _translate(self._place, error) from None


class _ChangedError(Exception):
    """An object is not there, or is not what it was."""


def _translate(place: Place, error: Exception) -> Exception:
    text = str(error)
    code = _CODE.search(text)
    told = f" ({code[1]})" if code else ""
    if _NO_BUCKET.search(text):
        return SourceError(
            "SOURCE_BUCKET_MISSING",
            f"There is no bucket or container {place.bucket}{told}.",
            "Check source.path in the job file, and that the region and the account are those of the bucket.",
        )
    if isinstance(error, PreconditionError | NotFoundError | FileNotFoundError):
        return _ChangedError()
    if _FINDS_NO_CREDENTIALS.search(text):
        return _no_credentials(place)
    if _FORBIDDEN.search(text):
        return SourceError(
            "SOURCE_FORBIDDEN",
            f"{place.url} may not be read with the credentials given{told}.",
            f"Check {CREDENTIALS[place.scheme]}, and that they may list and read there.",
        )
    answered = _ANSWERED.search(text)
    status = f"the storage answered {answered[1]}{told}" if answered else "the storage does not answer, or not in time"
    return SourceError(
        "SOURCE_UNREACHABLE",
        f"{place.url} cannot be read: {status}.",
        "Check the network, the region and the endpoint (AWS_ENDPOINT_URL for S3), then run again.",
    )


def _no_credentials(place: Place) -> SourceError:
    return SourceError(
        "SOURCE_CREDENTIALS",
        f"There are no credentials for {place.url} that can be used.",
        f"Set {CREDENTIALS[place.scheme]}.",
    )


def _open(place: Place, patience: Patience) -> ObjectStore:
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=patience.connect),
        "timeout": timedelta(seconds=patience.request),
    }
    retries: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=patience.tries)}
    if place.scheme == "gs":
        return GCSStore(place.bucket, client_options=client, retry_config=retries)
    if place.scheme == "az":
        return AzureStore(place.bucket, client_options=client, retry_config=retries)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        return S3Store(place.bucket, client_options=client, retry_config=retries)
    if urlsplit(endpoint).hostname in _THIS_MACHINE:
        client["allow_http"] = True  # elsewhere AWS_ALLOW_HTTP must say so
    return S3Store(place.bucket, endpoint=endpoint, client_options=client, retry_config=retries)


def _glob(pattern: str) -> re.Pattern[str]:
    """Return what matches the keys that a pattern does: `*` and `?` stay within a folder, `**/` is any folders."""
    plain = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = _GLOB_PART.findall(pattern)
    told = [
        plain.get(part)
        or (
            f"[{'^' if part[1] in '!^' else ''}{re.escape(part[1:-1].lstrip('!^')).replace(chr(92) + '-', '-')}]"
            if part[0] == "[" and len(part) > 1
            else re.escape(part)
        )
        for part in parts
    ]
    return re.compile("".join(told), re.DOTALL)


def _is_in_folder(key: str, base: str, ending: str, *, partitions: bool) -> bool:
    """Return whether an object is directly below `base`, or with `partitions` in folders called `name=value` there."""
    *folders, name = _relative(key, base)
    return name.lower().endswith(ending) and (not folders or (partitions and all("=" in folder for folder in folders)))


def _relative(key: str, base: str) -> tuple[str, ...]:
    return tuple(key[len(base) :].lstrip("/").split("/"))


def _safe_parts(key: str) -> list[str]:
    """Return the folders and the name of a key. Raises SourceError for one that leads elsewhere in a file system."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise SourceError("SOURCE_UNREADABLE", f"The key {key!r} cannot be a file's name.", "Name it otherwise.")
    return parts
