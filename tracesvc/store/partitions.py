"""Which months the log can take in: partitions are made ahead of time, never by an append."""

from datetime import date
from typing import Final

from tracesvc.sql import load
from tracesvc.store.pool import Pool, acquired

_SQL = load("partitions")

MONTHS_AHEAD: Final = 3


async def ensure_partitions(pool: Pool, today: date, *, months_ahead: int = MONTHS_AHEAD) -> int:
    """Make the partitions of last month, this month and `months_ahead` more; return how many.

    Call it at start and once a day. It is idempotent and safe from several processes at once. Last
    month is there for a clock that is set back a little across the turn of a month.
    """
    async with acquired(pool) as connection:
        made = await connection.fetchval(
            _SQL["ensure_partitions"], month_after(today, -1), months_ahead + 2
        )
    return int(made)


async def has_partitions(pool: Pool, today: date) -> bool:
    """Tell whether the log can take in captures this month and next: what readiness asks."""
    async with acquired(pool) as connection:
        for months in (0, 1):
            month = month_after(today, months).strftime("%Y_%m")
            if not await connection.fetchval(_SQL["has_partitions"], month):
                return False
    return True


def month_after(day: date, months: int) -> date:
    """Return the first day of the month that lies `months` after that of `day`."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, 1)
