"""How a run tells Prefect what it is doing: a line at the start of a stage and at each tenth of it, and a bar."""

import logging
from typing import Final

from flows.prefect_progress import ShownProgress

Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]

_LINES_A_STAGE: Final = 10


class LoggedProgress:
    """Progress as log lines, few enough for a server that keeps them all.

    The logger is given by each task as it begins: a stage's own threads have no run context to find it by.
    """

    def __init__(self, logger: Logger, shown: ShownProgress) -> None:
        """Log to `logger` until a task gives its own, and move the bars of `shown`."""
        self._logger, self._shown = logger, shown
        self._stage, self._unit, self._total = "", "", 0
        self._done = self._told = 0

    def log_to(self, logger: Logger) -> None:
        """Log to the task that is at work now."""
        self._logger = logger

    def begin(self, stage: str, total: int | None, unit: str) -> None:
        """Say how much there is to do."""
        self._stage, self._unit, self._total = stage, unit, total or 0
        self._done = self._told = 0
        self._logger.info("%s: %s %s", stage, f"{total:,}" if total is not None else "an unknown number of", unit)
        if self._total:
            self._shown.begin(stage, f"{stage}: 0 of {self._total:,} {unit}")

    def advance(self, done: int, note: str = "") -> None:
        """Count, and say so at each tenth."""
        self._done += done
        tenth = self._done * _LINES_A_STAGE // self._total if self._total else 0
        if tenth > self._told:
            self._told = tenth
            text = f"{self._stage}: {self._done:,} of {self._total:,} {self._unit}{note}"
            self._logger.info("%s", text)
            self._shown.show(self._done / self._total, text)

    def say(self, message: str) -> None:
        """Log a line."""
        self._logger.info(message)

    def warn(self, message: str) -> None:
        """Log a warning."""
        self._logger.warning(message)
