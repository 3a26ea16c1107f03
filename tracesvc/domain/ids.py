"""How captures and events are named: by UUID v7, so that ids sort by time and carry their capture.

The low 20 bits of a capture's id are zero, and the events of a capture are the ids that follow it.
So the events of one capture are one range of the primary key and need no index of their own, and
the month partition of an event is the month partition of its capture.
"""

from calendar import timegm
from typing import Final
from uuid import UUID, SafeUUID

ORDINAL_BITS: Final = 20
EVENTS_MAX: Final = 2**ORDINAL_BITS - 2
"""Events one capture can hold: the id space below a capture, less the capture itself and the end."""

RANDOM_BYTES: Final = 7
"""Random bytes a new id consumes: 54 bits are left beside time, version, variant and ordinal."""

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_new: Final = object.__new__
_set: Final = object.__setattr__
_UNKNOWN: Final = SafeUUID.unknown


def new_capture_id(clock_ms: int, random: bytes) -> UUID:
    """Return a UUID v7 (RFC 9562, 5.7) for the Unix time `clock_ms` whose low 20 bits are zero.

    `random` holds at least `RANDOM_BYTES` bytes. Two ids of one millisecond collide with a chance
    of 2**-54 per pair; the primary key of `capture` then refuses the second, and a retry succeeds.
    """
    bits = int.from_bytes(random[:RANDOM_BYTES], "big") >> 2
    rand_a, rand_b = bits >> 42, bits & (2**42 - 1)
    head = (clock_ms & (2**48 - 1)) << 80
    return UUID(int=head | _VERSION_7 | rand_a << 64 | _VARIANT | rand_b << ORDINAL_BITS)


def event_id_of(capture_id: UUID, ordinal: int) -> UUID:
    """Return the id of the event at `ordinal` (from 0, below `EVENTS_MAX`) of a capture."""
    # Past UUID's constructor, which checks seven ways to name an id: 0.4 instead of 0.9 µs an event.
    event_id = _new(UUID)
    _set(event_id, "int", capture_id.int + ordinal + 1)
    _set(event_id, "is_safe", _UNKNOWN)
    return event_id


def capture_range(capture_id: UUID) -> tuple[UUID, UUID]:
    """Return the first and the last id, both inclusive, that events of the capture can have."""
    return UUID(int=capture_id.int + 1), UUID(int=capture_id.int + 2**ORDINAL_BITS - 1)


def capture_of(event_id: UUID) -> UUID:
    """Return the id of the capture that an event belongs to."""
    return UUID(int=event_id.int >> ORDINAL_BITS << ORDINAL_BITS)


def month_floor_id(year: int, month: int) -> UUID:
    """Return the smallest id of a month (UTC), the inclusive lower bound of its partitions."""
    return UUID(int=timegm((year, month, 1, 0, 0, 0)) * 1000 << 80)


def id_time_ms(event_or_capture_id: UUID) -> int:
    """Return the Unix time in milliseconds at which the id was made."""
    return event_or_capture_id.int >> 80
