"""Holds frames as a spool does, in memory alone."""

from collections.abc import Iterator

import polars as pl


class HeldFrames(list[pl.DataFrame]):
    """Frames as they come."""

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield every frame, in the order they came."""
        return iter(self)
