"""GS1 element strings in the forms scanners send: bracketed, raw, and raw with lost separators.

`biip` knows the table of application identifiers; this module prepares its input and judges what
it returns. It depends on nothing but the text: dates are read here, because a library that looks at
the wall clock to guess a century could give two answers for one scan.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message

GS: Final = "\x1d"

# Dates are read by `expiry_of`; a nonsense date must not hide which pack was scanned.
_CONFIG: Final = ParseConfig(gs1_element_strings_verify_date=False)
_BRACKET: Final = re.compile(r"\(([0-9]{2,4})\)")
_GTIN_LENGTHS: Final = (8, 12, 13)
# What a medicine's 2D code must carry besides 01; all of it must be found before
# separators are believed to be lost.
_PHARMA_MINIMUM: Final = frozenset({"21", "17", "10"})
_YEARS_PLAUSIBLE: Final = range(15, 61)


class Elements(NamedTuple):
    """The elements of one scan by application identifier; `inferred` where separators were lost."""

    values: dict[str, str]
    inferred: bool = False


class AmbiguousElements(ValueError):
    """Separators were lost and more than one reading is plausible."""


def read_bracketed(text: str) -> Elements | None:
    """Read ``(01)…(21)…``; None where it is no element string. A short GTIN is padded to 14 digits."""
    parts = _BRACKET.split(text)
    if parts[0] or len(parts) == 1:
        return None
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return read_raw(GS.join(ai + _padded(ai, value) for ai, value in pairs), lost=False)


def read_raw(text: str, *, lost: bool = True) -> Elements | None:
    """Read a scan with FNC1 given as the GS character; None where it is no element string.

    With `lost`, a text without any separator is also tried as one whose separators were dropped.
    Raises AmbiguousElements where that leaves more than one reading.
    """
    if lost and GS not in text and text.startswith("01"):
        guesses = list(_without_separators(text[16:]))
        if len(guesses) == 1:
            return Elements({"01": text[2:16], **guesses[0]}, inferred=True)
        if len(guesses) > 1:
            raise AmbiguousElements(text)
    if (label := _read_label(text)) is not None:
        return Elements(label)
    try:
        message = GS1Message.parse(text, config=_CONFIG)
    except ParseError:
        return None
    return Elements({item.ai.ai: item.value for item in reversed(message.element_strings)})


def read_digital_link(uri: str) -> Elements | None:
    """Read a GS1 Digital Link URI; None where it is not one."""
    if plain := _PLAIN_LINK.fullmatch(uri):
        query = {key: value for key, value in parse_qsl(plain[3] or "") if key in {"10", "17"}}
        return Elements({**query, "01": plain[1], "21": unquote(plain[2])})
    try:
        link = GS1DigitalLinkURI.parse(uri, config=_CONFIG)
    except (ParseError, ValueError):
        return None
    return Elements({item.ai.ai: item.value for item in reversed(link.element_strings)})


# The elements of a medicine's or a pallet's label, which nearly every scan consists of. `biip` reads
# them as well, but takes 120 microseconds for what these two patterns do in five.
_LABEL: Final = re.compile(
    r"""(?:(01)([0-9]{14})|(00)([0-9]{18})|(1[17])([0-9]{6})"""
    r"""|(10|21)([!"%-?A-Z_a-z]{1,20})(?:\x1d|$))\x1d*"""
)
_PLAIN_LINK: Final = re.compile(
    r"https?://[^/?#]+/01/([0-9]{14})/21/([^/?#]+)"
    # Each parameter begins after its own "&": no text can be split in two ways.
    r"(?:\?(1[07]=[^&#]*(?:&1[07]=[^&#]*)*))?"
)


def _read_label(text: str) -> dict[str, str] | None:
    """Read a string of 00, 01, 10, 11, 17 and 21 only; None where there is anything else in it."""
    values: dict[str, str] = {}
    start = 0
    while start < len(text):
        element = _LABEL.match(text, start)
        if element is None:
            return None
        ai, value = filter(None, element.groups())
        values.setdefault(ai, value)
        start = element.end()
    return values


def month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def expiry_of(yymmdd: str | None) -> date | None:
    """Read AI 17, 11 or 7003; day 00 is the last day of the month. None where it is no date.

    The century is always 20: no pack carried a trace code before the year 2000.
    """
    if yymmdd is None or not (yymmdd.isascii() and yymmdd[:6].isdigit() and len(yymmdd) >= 6):  # noqa: PLR2004
        return None
    year, month, day = 2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    try:
        return date(year, month, day) if day else month_end(year, month)
    except ValueError:
        return None


def _padded(ai: str, value: str) -> str:
    is_short_gtin = ai in {"01", "02"} and len(value) in _GTIN_LENGTHS
    return value.zfill(14) if is_short_gtin else value


_DATE_AI: Final = re.compile(r"(1[17])([0-9]{6})")


def _without_separators(rest: str) -> Iterator[dict[str, str]]:
    """Yield the plausible readings of what follows the GTIN, when no separator came through.

    A reading counts only if it holds serial, expiry and lot, each once, with plausible dates. Most
    texts have none; then they mean what the standard says, and a last element needs no separator.
    """
    for reading in _split(rest, {}):
        if reading.keys() >= _PHARMA_MINIMUM:
            yield reading


def _split(rest: str, found: dict[str, str]) -> Iterator[dict[str, str]]:
    if not rest:
        yield found
        return
    if (dated := _DATE_AI.match(rest)) and dated[1] not in found and _is_plausible(dated[2]):
        yield from _split(rest[8:], {**found, dated[1]: dated[2]})
    ai = rest[:2]
    if ai not in {"10", "21"} or ai in found:
        return
    for end in range(3, min(len(rest), 22) + 1):
        yield from _split(rest[end:], {**found, ai: rest[2:end]})


def _is_plausible(yymmdd: str) -> bool:
    return int(yymmdd[:2]) in _YEARS_PLAUSIBLE and expiry_of(yymmdd) is not None
