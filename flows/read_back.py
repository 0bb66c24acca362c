"""What reading back came to beside the outcomes: kept in the run's folder, from stage to stage."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import orjson

from connectors.staging import write_text
from flows.run_folder import RunFolder


@dataclass(frozen=True)
class ReadBack:
    """RingCX's books with their differences, what arrived differently, and how many searches were reckoned with."""

    ringcx: dict[str, Any] | None = None
    arrived_differently: list[dict[str, Any]] = field(default_factory=list)
    reading_back: dict[str, Any] | None = None

    def write(self, folder: RunFolder) -> None:
        """Keep it in the run's folder."""
        write_text(folder.read_back, orjson.dumps(asdict(self)).decode())

    @classmethod
    def read(cls, folder: RunFolder) -> Self:
        """Return what the run's folder has; nothing where no load was read back."""
        if not folder.read_back.exists():
            return cls()
        return cls(**orjson.loads(folder.read_back.read_bytes()))

    @property
    def facts(self) -> dict[str, Any]:
        """What the report tells of it."""
        return asdict(self)
