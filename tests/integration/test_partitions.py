"""Months are made ahead of time, once, whoever asks."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from tracesvc.domain.ids import event_id_of, month_floor_id
from tracesvc.store.partitions import ensure_partitions, has_partitions, month_after


async def test_partitions_are_made_once_by_many(pool):
    """Concurrent calls make each missing partition once and agree at the end."""
    day = date(2031, 11, 30)
    assert not await has_partitions(pool, day)
    made = await asyncio.gather(*(ensure_partitions(pool, day, months_ahead=2) for _ in range(4)))

    assert sorted(made) == [0, 0, 0, 4 * 4]
    assert await has_partitions(pool, day)
    assert await ensure_partitions(pool, day, months_ahead=2) == 0


async def test_bounds_are_the_months_of_the_ids(owner, pool):
    """The first and the last id of a month fall into its partition, the next one does not."""
    await ensure_partitions(pool, date(2032, 1, 15), months_ahead=0)
    january, february = month_floor_id(2032, 1), month_floor_id(2032, 2)
    last = event_id_of(february, -2)
    for number, event_id in enumerate((january, last)):
        await owner.execute("INSERT INTO scan VALUES ($1, $2, 0)", f"c{number}", event_id)

    names = await owner.fetch("SELECT DISTINCT tableoid::regclass::text FROM scan")
    assert [name[0] for name in names] == ["scan_2032_01"]
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("INSERT INTO scan VALUES ('c', $1, 0)", february)


async def test_the_fixture_has_partitions_for_now(pool):
    """Readiness is true on a database whose partitions were ensured today."""
    assert await has_partitions(pool, datetime.now(UTC).date())


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (0, date(2025, 12, 1)),
        (1, date(2026, 1, 1)),
        (-12, date(2024, 12, 1)),
        (-1, date(2025, 11, 1)),
    ],
)
def test_months_are_counted_across_years(months, expected):
    """December plus one is January of the next year."""
    assert month_after(date(2025, 12, 31), months) == expected
