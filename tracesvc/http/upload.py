"""From the bytes of an upload to a request to the ingest stage; shared with `tracesvc import`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final
from uuid import UUID

import orjson

from tracesvc.domain.captures import OnError
from tracesvc.domain.ids import RANDOM_BYTES, new_capture_id
from tracesvc.domain.parties import Caller
from tracesvc.domain.vocabulary import VOIDING
from tracesvc.ingest.capture import CaptureRequest
from tracesvc.telemetry import Clock
from tracesvc.wire.context import DecodeContext, Decoded, WireLimits
from tracesvc.wire.decode import decode
from tracesvc.wire.stored import voided_event_id

_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What one upload asks for, beside its bytes. `params` fill what its format lacks."""

    caller: Caller
    party_id: str
    format: str | None = None
    on_error: OnError = "rollback"
    params: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None

    def request_sha256(self, payload: bytes) -> bytes:
        """Return what tells this request from another: the content and what changes its meaning."""
        meaning = {
            "format": self.format,
            "on_error": self.on_error,
            "params": dict(self.params),
            "party": self.party_id,
            "payload": sha256(payload).hexdigest(),
        }
        return sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).digest()

    def key(self, request_sha256: bytes) -> str:
        """Return the idempotency key: the one given, else the content itself."""
        return self.idempotency_key or f"sha256:{request_sha256.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How uploads are prepared: the limits, and where time and ids come from.

    An upload larger than `inline_bytes_max` is decoded beside the event loop, so that one large file
    does not hold up everybody's small ones.
    """

    limits: WireLimits
    clock: Clock
    random_bytes: Callable[[int], bytes]
    inline_bytes_max: int

    async def request(
        self, upload: Upload, payload: bytes, *, request_sha256: bytes
    ) -> CaptureRequest:
        """Decode an upload; raises Unreadable or TooLarge where that cannot be done at all."""
        now = self.clock.now()
        capture_id = new_capture_id(
            int(now.timestamp() * _MS_PER_S), self.random_bytes(RANDOM_BYTES)
        )
        context = DecodeContext(
            capture_id=capture_id, record_time=now, party_id=upload.party_id, params=upload.params
        )
        work = partial(decode, payload, format=upload.format, context=context, limits=self.limits)
        is_small = len(payload) <= self.inline_bytes_max
        decoded = work() if is_small else await asyncio.to_thread(work)
        return CaptureRequest(
            capture_id=capture_id,
            record_time=now,
            caller=upload.caller,
            party_id=upload.party_id,
            idempotency_key=upload.key(request_sha256),
            format=decoded.format,
            on_error=upload.on_error,
            payload_sha256=decoded.payload_sha256,
            request_sha256=request_sha256,
            events=decoded.events,
            rejections=decoded.rejections,
            named_voids=_named_voids(decoded),
        )


def _named_voids(decoded: Decoded) -> dict[int, UUID]:
    return {
        scanned.ordinal: UUID(event_id)
        for scanned in decoded.events
        if scanned.event.kind in VOIDING and (event_id := voided_event_id(scanned)) is not None
    }
