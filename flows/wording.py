"""Numbers with their nouns, as sentences need them."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 row` or `2,000 rows`; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
