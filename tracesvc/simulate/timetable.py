"""The simulated working day. Its windows follow each other, so that a pack's events do as well."""

from datetime import date, datetime, time, timedelta, timezone
from random import Random
from typing import Final, NamedTuple

CHINA: Final = timezone(timedelta(hours=8))


class Window(NamedTuple):
    """A part of the day, in minutes after midnight, Chinese legal time."""

    opens: int
    closes: int

    @property
    def seconds(self) -> int:
        return (self.closes - self.opens) * 60

    def start(self, day: date) -> datetime:
        return datetime.combine(day, time(), CHINA) + timedelta(minutes=self.opens)

    def draw(self, day: date, rng: Random) -> datetime:
        """Return a moment inside the window, to the second."""
        return self.start(day) + timedelta(seconds=rng.randrange(self.seconds))


def _window(opens: str, closes: str) -> Window:
    hours = (text.split(":") for text in (opens, closes))
    return Window(*(int(hour) * 60 + int(minute) for hour, minute in hours))


OPENING: Final = _window("07:00", "07:20")
PRODUCTION: Final = _window("07:30", "08:00")
RECEIPT: Final = _window("08:00", "09:55")
REFUSAL: Final = _window("10:00", "10:05")
WAREHOUSING: Final = _window("10:05", "10:25")
SETTLING: Final = _window("10:30", "11:00")
INCIDENT: Final = _window("11:10", "11:40")
USE: Final = _window("11:50", "19:20")
PALLETISING: Final = _window("12:20", "12:45")
MISREPORT: Final = _window("12:50", "12:58")
SHIPMENT: Final = _window("13:00", "17:30")
AFTER_USE: Final = _window("19:25", "19:40")
UPLOAD: Final = _window("20:00", "20:45")
