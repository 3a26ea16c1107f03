"""Times and dates in the forms that people and systems write."""

from datetime import UTC, date, datetime

import pytest

from tracesvc.wire.instant import format_instant, parse_date, parse_instant

NINE = datetime(2026, 2, 3, 1, 10, 39, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T09:10:39+08:00",
        "2026-02-03 09:10:39",
        "2026/2/3 9:10:39",
        "2026.02.03 09:10:39",
        "2026年2月3日 9时10分39秒",
        "20260203091039",
        "2026-02-03T09:10:39",
    ],
)
def test_times(text):
    """All spellings of one moment are one instant of Chinese time."""
    assert parse_instant(text) == (NINE, 480)


@pytest.mark.parametrize(
    ("text", "offset_min"),
    [("2026-02-03T01:10:39Z", 0), ("2026-02-02T20:10:39-05:00", -300)],
)
def test_offsets(text, offset_min):
    """The reported offset is kept beside the instant."""
    assert parse_instant(text) == (NINE, offset_min)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-02-30", "2026-W05-1", "2026-02-03T25:00:00", "2026-02", "1899-01-01"],
)
def test_no_times(text):
    """What cannot be a moment is none."""
    assert parse_instant(text) is None


def test_format():
    """Instants are written to the microsecond, also where it is zero."""
    assert format_instant(NINE) == "2026-02-03T01:10:39.000000Z"
    assert format_instant(NINE.replace(microsecond=5)) == "2026-02-03T01:10:39.000005Z"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-12-31", date(2027, 12, 31)),
        ("20271231", date(2027, 12, 31)),
        ("2027/12/1", date(2027, 12, 1)),
        ("2027年12月", date(2027, 12, 31)),
        ("2028-02", date(2028, 2, 29)),
        ("202802", date(2028, 2, 29)),
        ("280200", date(2028, 2, 29)),
        ("271231", date(2027, 12, 31)),
        ("2027-12-31 00:00:00", date(2027, 12, 31)),
        ("2027-13", None),
        ("2027-02-30", None),
        ("31.12.2027", None),
        ("soon", None),
    ],
)
def test_expiries(text, day):
    """An expiry may be precise to the day or to the month, whose last day it then is."""
    assert parse_date(text, month_is_end=True) == day


def test_production_month():
    """A production date that names a month is its first day."""
    assert parse_date("2026-01", month_is_end=False) == date(2026, 1, 1)
