"""What a decoder is told and what it may use: the upload's circumstances and the limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from tracesvc.domain.errors import TooLarge
from tracesvc.domain.events import Rejection, ScannedEvent

_MIB: Final = 1024 * 1024

PARAMS: Final = frozenset(
    {
        "kind",
        "reason",
        "bill_type",
        "event_time",
        "actor",
        "from",
        "to",
        "owner",
        "carrier",
        "location",
        "document",
        "part",
        "product",
        "lot",
        "made_on",
        "expiry",
        "parent",
    }
)
"""Upload parameters that fill what a format lacks. What the file itself says always wins; native
JSON lacks nothing and takes none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """How much one upload may hold. Exceeding any of them raises TooLarge, which names it."""

    body_bytes_max: int = 16 * _MIB
    unpacked_bytes_max: int = 64 * _MIB
    unpack_ratio_max: int = 200
    unpack_depth_max: int = 3
    events_per_capture_max: int = 20_000
    codes_per_event_max: int = 20_000
    codes_per_capture_max: int = 200_000
    attributes_bytes_max: int = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeContext:
    """The circumstances of one upload.

    `party_id` is the uploader and the actor of events that name none. `record_time` is aware UTC.
    `params` are upload parameters out of `PARAMS`.
    """

    capture_id: UUID
    record_time: datetime
    party_id: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """An upload understood: its events and what could not be understood, both in order.

    `format` is the one used, given or guessed. `payload_sha256` is over the content after gzip and
    base64 were taken off, so that the same file packed in two ways counts as the same.
    """

    format: str
    events: list[ScannedEvent]
    rejections: list[Rejection]
    payload_sha256: bytes


def check_limit(limits: WireLimits, name: str, seen: int) -> None:
    """Raise TooLarge if `seen` exceeds the limit of that name."""
    allowed: int = getattr(limits, name)
    if seen > allowed:
        raise TooLarge(f"{name} is {allowed}, this upload has {seen}", limit=name, value=allowed)
