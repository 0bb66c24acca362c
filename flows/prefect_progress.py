"""How far a run's stages are, as artifacts that Prefect's page draws as bars and keeps up to date."""

import time
from typing import Final
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException

_PAUSE_SECONDS: Final = 1.0
"""The least time between two updates: each is a request that the stage waits for."""


class ShownProgress:
    """One bar for each stage of a run, under a key named after its job.

    A server that fails to show it costs the bar, never the run.
    """

    def __init__(self, slug: str) -> None:
        """`slug` is the job's name in the letters that an artifact's key may have."""
        self.slug = slug
        self._bar: UUID | None = None
        self._updated = 0.0

    def begin(self, stage: str, text: str) -> None:
        """Show a bar for a stage that begins; `text` says of what. Outside of a task there is nothing to show it on."""
        self._bar = None
        if TaskRunContext.get() is None:
            return
        try:
            bar = create_progress_artifact(0.0, key=f"{self.slug}-progress-{stage}", description=text)
        except (httpx.HTTPError, PrefectException):
            return
        self._bar = bar if isinstance(bar, UUID) else None  # a coroutine where there is a loop, which there is not
        self._updated = time.monotonic()

    def show(self, share: float, text: str) -> None:
        """Move the stage's bar to a share of one, unless it has only just been moved. May be called from any thread."""
        if self._bar is None or (share < 1 and time.monotonic() - self._updated < _PAUSE_SECONDS):
            return
        self._updated = time.monotonic()
        try:
            update_progress_artifact(self._bar, 100.0 * min(share, 1.0), description=text)
        except (httpx.HTTPError, PrefectException, RuntimeError):
            self._bar = None
