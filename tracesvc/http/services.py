"""What the handlers call: everything a request needs, put on the application by bootstrap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from tracesvc.domain.parties import Caller, Party
from tracesvc.http.auth import Authority
from tracesvc.http.body import BodyLimits
from tracesvc.http.upload import Preparation
from tracesvc.ingest.admission import Admission
from tracesvc.ingest.capture import Intake
from tracesvc.ingest.condition import Vitals
from tracesvc.ingest.receipt import Receipts
from tracesvc.query.queries import Queries
from tracesvc.telemetry import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Bounds of answers. `projection_wait_s_max` is how long `?wait=projected` may take.

    Uploads larger than `inline_decode_bytes_max` are decoded beside the event loop, so that one
    large file does not hold up everybody's small ones.
    """

    page_rows_default: int = 100
    page_rows_max: int = 1000
    idempotency_key_length_max: int = 255
    projection_wait_s_max: float = 10.0
    projection_poll_s: float = 0.1
    inline_decode_bytes_max: int = 256 * 1024
    health_wait_s_max: float = 2.0


class PartyDirectory(Protocol):
    """Reference data about parties."""

    async def add(self, party: Party, *, now: datetime) -> bool:
        """Store a party; tell whether it is new. Another one is under this id: AlreadyThere."""
        ...

    async def get(self, party_id: str) -> Party | None: ...

    async def list(self, *, after: str | None, limit: int) -> Sequence[Party]:
        """Return parties in order of their ids, behind `after`."""
        ...


class Signal(Protocol):
    """Tells when the projector has moved; only a hint, see `worker.bell`."""

    @property
    def rings(self) -> int: ...

    async def heard(self, after: int, timeout_s: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the handlers use. Made once, by bootstrap or by a test."""

    intake: Intake
    receipts: Receipts
    admission: Admission
    authority: Authority
    queries: Queries
    parties: PartyDirectory
    vitals: Vitals
    projected: Signal
    clock: Clock
    random_bytes: Callable[[int], bytes]
    limits: HttpLimits
    preparation: Preparation
    body_limits: BodyLimits


SERVICES: Final = web.AppKey("services", Services)
CALLER: Final = web.RequestKey("caller", Caller)
