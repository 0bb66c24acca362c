"""Knows text that was read in a wrong encoding: UTF-8 taken for a one-byte encoding, so that a letter became signs.

Most often that is Windows-1252 or Latin-1; of Macs it is Mac Roman, of consoles the code pages 437 and 850, of Central
Europe Windows-1250.

The first byte of a UTF-8 character then shows as an accented letter, and each of the others as a sign. True text has
such pairs too where a mark follows a word: a quote, a dash, a dot, a trademark. So a pair of these counts only within a
word, and of rarer letters only beside another pair.
"""

from itertools import chain
from typing import Final


def _shown(first: int, last: int) -> frozenset[str]:
    """Return what the bytes from `first` to `last` show as, in either encoding."""
    codes = range(first, last + 1)
    return frozenset(chain(map(chr, codes), *(bytes([code]).decode("windows-1252", errors="ignore") for code in codes)))


def _one_of(signs: frozenset[str]) -> str:
    return f"[{''.join(sorted(signs))}]"


def _in(encoding: str, without: str = "") -> str:
    """Match what the bytes from 0x80 to 0xBF, of which every letter beyond ASCII has one or more, show as."""
    return _one_of(frozenset(bytes(range(0x80, 0xC0)).decode(encoding, errors="ignore")) - frozenset(without))


_SIGNS: Final = _shown(0x80, 0xBF)
_MARKS: Final = frozenset("\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00bb\u203a\u2122\u00ae\u00a0")
"""Quotes, dashes and what else follows a word in true text, among them the blank that does not break."""

_ODD: Final = frozenset("\u00a4\u00a6\u00ac\u00ad\u00af\u00b1\u00b5\u00bc\u00bd\u00be\u0192\u2030") | frozenset(
    map(chr, range(0x80, 0xA0))
)
"""Signs, and controls, that follow no letter of any language's texts."""

_ANY, _STRONG, _WEAK = _one_of(_SIGNS), _one_of(_SIGNS - _MARKS), _one_of(_MARKS)
_VISIBLE: Final = _one_of(_SIGNS - {"\u00a0"})
_LETTER, _SMALL = r"[^\W\d_]", "[a-z\u00df-\u00f6\u00f8-\u00ff]"

_TWO: Final = "[\u00c2-\u00d6\u00d8-\u00df]"
_THREE: Final = "[\u00e0-\u00ef]"
_HEBREW: Final = f"\u00d7{_one_of(_shown(0x90, 0xAA))}"
"""Between numbers, as in \u00bd \u00d7 \u00bd, the same sign multiplies."""

_CHARACTER: Final = f"(?:{_TWO}{_ANY}|{_HEBREW}|{_THREE}{_ANY}{_ANY})"
_STRONG_CHARACTER: Final = f"(?:{_TWO}{_STRONG}|{_HEBREW}|{_THREE}(?:{_STRONG}{_ANY}|{_ANY}{_STRONG}))"

_POLISH: Final = _one_of(_SIGNS - _MARKS - frozenset("\u00b2\u00b3"))
"""Without those that make `\u00c5\u00b2` an area."""

_WITHIN_POLISH: Final = _one_of(_MARKS - frozenset("\u2019\u2013\u00a0"))
_HEAVY: Final = _one_of(_ODD)

_MAC: Final = _in("mac-roman")
_MAC_SIGN: Final = (
    "[\u00a2\u00a3\u00a5\u00a7-\u00aa\u00ac\u00ae\u00b0\u00b1\u00b4-\u00b6\u00ba\u03a9\u03c0\u2020-\u2265]"
)
_DASH: Final = "[\u2013\u2014]"

_LIGHT_LINES: Final = "\u2502\u2510\u2524"
_LINES: Final = "".join(map(chr, range(0x2500, 0x2580)))
"""What stands beside a line in drawings of lines."""

_DOS: Final = _in("cp437", _LIGHT_LINES)

_MARKS_1250: Final = "\u2018\u2019\u201a\u201c-\u201e\u2013\u2014\u2026\u2122\u00ae\u00a0\u00bb\u203a"
_CENTRAL: Final = _in("cp1250", f"{_MARKS_1250}\u201d\u015e\u0160\u0164\u017d\u013d")
"""Without the capitals that follow the first sign in Romanian and Slovak words."""

_OTHERS: Final = (
    # Mac Roman: Western and Central European letters, signs, quotes; Greek; Cyrillic.
    f"\u221a{_MAC}|\u00ac[\u2020\u221e\u00a9\u00ae\u00b4\u00aa\u00a3\u03a9\u2202]|[\u2248\u0192]{_MAC}|\u201a\u00c4",
    f"(?:[\u0152\u0153]{_MAC}){{2}}|{_DASH}(?:{_MAC_SIGN}{_DASH}{_MAC}|{_MAC}{_DASH}{_MAC_SIGN})",
    # Consoles: the first byte is a line of a drawing, or of a quote such a letter.
    f"[\u251c\u252c\u253c](?:{_DOS}|{_in('cp850', _LIGHT_LINES)})",
    f"[\u2500\u256c\u2567\u2568\u2564]{_in('cp437', _LINES)}",
    "[\u0393\u00d4]\u00c7",
    # Windows-1250.
    f"[\u0102\u0139](?:{_CENTRAL}|[{_MARKS_1250}]{_SMALL})|\u0102\u013d",
)

_CASES: Final = (
    # Other alphabets: words of nothing else.
    f"{_CHARACTER}{_STRONG_CHARACTER}|{_STRONG_CHARACTER}{_CHARACTER}",
    # Western letters, and signs such as the degree's.
    f"\u00c3(?:{_STRONG}|{_one_of(_MARKS - {chr(0xA0)})}{_LETTER}|\u00a0{_SMALL})",
    f"\u00c2(?:[\u00a0-\u00bf]|{_one_of(_shown(0x80, 0x9F))}{_LETTER})",
    # Polish, Czech, Turkish, Hungarian, the Baltic languages.
    f"[\u00c4\u00c5](?:{_POLISH}|{_WITHIN_POLISH}{_SMALL})|\u00c5\u00a0{_SMALL}",
    # Latin-1 shows most marks as controls; the one left out ends lines.
    f"{_TWO}[\u0080-\u0084\u0086-\u009f]",
    # Romanian, Vietnamese.
    f"\u00c8[\u02dc\u2122\u0161\u203a]{_SMALL}|\u00c6[\u00a1\u00af\u00b0]",
    f"\u00e1\u00ba{_ANY}|\u00e1\u00bb(?:{_STRONG}|{_WEAK}{_LETTER})",
    # One character of Thai or Devanagari; of Chinese, Japanese or Korean.
    f"\u00e0{_one_of(_shown(0xA4, 0xBF))}{_HEAVY}",
    f"[\u00e3-\u00ef](?:{_VISIBLE}{_HEAVY}|{_HEAVY}{_VISIBLE})",
    # Quotes, dashes, the euro.
    "\u00e2(?:[\u20ac\u0080\u0082\u201e]|\u201a\u00ac)",
    # Emoji, the byte-order mark, a character that was lost already.
    "\u00f0[\u0178\u009f]|\u00ef\u00bb\u00bf|\u00ef\u00bf\u00bd|\ufffd",
)

MOJIBAKE: Final = "|".join((*_CASES, *_OTHERS))
"""A pattern of such text, in the syntax of polars and of Python."""
