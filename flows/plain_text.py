"""Foreign text for a terminal: nothing in it can style or steer one."""

from typing import Any, Final

_WIDEST: Final = 60


def plain(value: Any, widest: int = _WIDEST) -> str:  # noqa: ANN401 - a JSON value
    """Return a value as text of at most `widest` characters, every one of which shows."""
    told = (
        " | ".join(item for item in value if item) if isinstance(value, list) else "" if value is None else str(value)
    )
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in told)
    return shown if len(shown) <= widest else f"{shown[: widest - 1]}…"
