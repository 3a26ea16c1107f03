"""Ids sort by time, carry their capture, and fit the partitions."""

from copy import copy
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracesvc.domain.ids import (
    EVENTS_MAX,
    capture_of,
    capture_range,
    event_id_of,
    id_time_ms,
    month_floor_id,
    new_capture_id,
)

times = st.integers(min_value=0, max_value=2**47)
randoms = st.binary(min_size=7, max_size=16)
ordinals = st.integers(min_value=0, max_value=EVENTS_MAX - 1)


@given(times, randoms)
def test_a_capture_id_is_a_version_7_uuid_of_its_time(clock_ms, random):
    """Version, variant and time are where RFC 9562 puts them, and the low bits are free."""
    capture_id = new_capture_id(clock_ms, random)

    assert (capture_id.version, capture_id.variant) == (7, "specified in RFC 4122")
    assert id_time_ms(capture_id) == clock_ms
    assert capture_id.int % 2**20 == 0


@given(times, st.binary(min_size=7, max_size=7), st.binary(min_size=7, max_size=7))
def test_captures_of_one_millisecond_differ_by_their_random_bits(clock_ms, one, other):
    """Two ids of one time are equal only where their 54 random bits are."""
    same = int.from_bytes(one, "big") >> 2 == int.from_bytes(other, "big") >> 2

    assert (new_capture_id(clock_ms, one) == new_capture_id(clock_ms, other)) == same


@given(times, randoms, ordinals)
def test_events_lie_in_the_range_of_their_capture_and_name_it(clock_ms, random, ordinal):
    """Event ids are still UUIDs of version 7, inside the range, and lead back to their capture."""
    capture_id = new_capture_id(clock_ms, random)
    event_id = event_id_of(capture_id, ordinal)
    first, last = capture_range(capture_id)

    assert event_id == UUID(int=capture_id.int + ordinal + 1)
    assert repr(copy(event_id)) == repr(event_id)
    assert event_id.version == 7
    assert capture_id < first <= event_id <= last
    assert capture_of(event_id) == capture_id


@pytest.mark.parametrize(("year", "month"), [(1970, 1), (2025, 11), (2025, 12), (2026, 1)])
def test_month_floors_divide_ids_by_month(year, month):
    """The floor of a month is at most every id of the month and above every id before it."""
    start_ms = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    floor = month_floor_id(year, month)

    assert floor <= new_capture_id(start_ms, bytes(7))
    assert start_ms == 0 or floor > event_id_of(
        new_capture_id(start_ms - 1, b"\xff" * 7), EVENTS_MAX
    )
    assert floor == UUID(int=start_ms << 80)
