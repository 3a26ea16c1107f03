"""Times and dates as people and machines write them.

A time without zone is Chinese legal time (Asia/Shanghai, +08:00 all year since 1991), because bills
and scanners never name one. A date alone means its first instant. An expiry precise to the month
means the last day of that month.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

import orjson

from tracesvc.wire.gs1 import expiry_of, month_end

CHINA_OFFSET_MIN: Final = 480
_CHINA_AHEAD: Final = timedelta(minutes=CHINA_OFFSET_MIN)

# 2026/2/3 9:10, 2026-2-3, 2026.02.03 09:10:39, 2026年2月3日 9时10分
_LOOSE: Final = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})(?:[-/.月]([0-9]{1,2})日?|月)?"
    r"(?:[T ]*([0-9]{1,2})[:时]([0-9]{1,2})(?:[:分]([0-9]{1,2})(?:\.[0-9]+)?秒?|分)?)?"
)
_COMPACT: Final = re.compile(r"(20[0-9]{2})(0[1-9]|1[0-2])(?:([0-9]{2})(?:[0-9]{6})?)?")
_GS1: Final = re.compile(r"[0-9]{6}")
_MINUTE: Final = timedelta(minutes=1)
_FIRST_YEAR: Final = 1900


def parse_instant(text: str) -> tuple[datetime, int] | None:
    """Return the instant in UTC and the reported offset in minutes; None where it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        found = _loose_moment(text)
        if found is None:
            return None
        moment = found
    if moment.year < _FIRST_YEAR or "W" in text:
        return None
    offset = moment.utcoffset()
    try:
        if offset is None:
            # `replace` would do the same in four times the time, and bills have a time in each row.
            as_utc = datetime.combine(moment, moment.time(), UTC)
            return as_utc - _CHINA_AHEAD, CHINA_OFFSET_MIN
        return moment.astimezone(UTC), offset // _MINUTE
    except OverflowError:
        return None


def format_instant(instant: datetime) -> str:
    """Write an aware UTC instant to the microsecond: ``2026-02-03T09:00:00.000000Z``."""
    # `isoformat` takes three times as long, and every event has one to write.
    text = orjson.dumps(instant)[1:-7].decode()
    return f"{text}Z" if instant.microsecond else f"{text}.000000Z"


def parse_date(text: str, *, month_is_end: bool) -> date | None:
    """Read a calendar day; a month alone is its last day (`month_is_end`) or its first.

    Also takes six digits as GS1 writes them, where day 00 means the last day of the month.
    """
    text = text.strip()
    found = _COMPACT.fullmatch(text) or _LOOSE.fullmatch(text)
    if found is None:
        return expiry_of(text) if _GS1.fullmatch(text) else None
    year, month, day = int(found[1]), int(found[2]), found[3]
    try:
        if day is not None and int(day):
            return date(year, month, int(day))
        return month_end(year, month) if month_is_end or day else date(year, month, 1)
    except ValueError:
        return None


def _loose_moment(text: str) -> datetime | None:
    found = _LOOSE.fullmatch(text.strip())
    if found is None and re.fullmatch(r"[0-9]{14}", text.strip()):
        text = text.strip()
        parts = [text[:4], *(text[i : i + 2] for i in range(4, 14, 2))]
    elif found is None or found[3] is None:
        return None
    else:
        parts = [part or "0" for part in found.groups()]
    try:
        year, month, day, hour, minute, second = map(int, parts)
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - Chinese time
    except ValueError:
        return None
