"""Which events may enter the log, and what the uploader gets for them.

Evidence is accepted and flagged, never refused for being illegal. What is refused here is only speaking
for somebody else: an event whose actor the caller does not speak for, and a void of another party's
event. Everything else about an event is for the rules to judge, later and for ever reproducibly.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tracesvc.domain.captures import (
    CaptureReceipt,
    KnownKey,
    NewCapture,
    OnError,
    Outcome,
    Verdict,
)
from tracesvc.domain.errors import KeyReused
from tracesvc.domain.events import Rejection, ScannedEvent, TraceEvent
from tracesvc.domain.parties import Caller
from tracesvc.domain.vocabulary import VOIDING

Reseal = Callable[[ScannedEvent, bytes], ScannedEvent]
"""Put the digest of a voided event into a void: body and digest of the void change with it."""


class CaptureLog(Protocol):
    """The log, as this stage needs it."""

    async def append(
        self,
        capture: NewCapture,
        events: Sequence[ScannedEvent],
        rejections: Sequence[Rejection],
    ) -> CaptureReceipt:
        """Store one capture in one transaction and return once it is durable.

        Safe to retry under the same idempotency key: the second call returns the first receipt.
        Raises KeyReused where the key was used for another request.
        """
        ...

    async def replay_of(self, party_id: str, idempotency_key: str) -> KnownKey | None:
        """Return which capture claimed this key of this party, None where it is free."""
        ...

    async def receipt(self, capture_id: UUID) -> CaptureReceipt | None:
        """Return the receipt of a stored capture, as it stands now."""
        ...

    async def owners_of(self, digests: Sequence[bytes]) -> Mapping[bytes, UUID]:
        """Return the first copy's event id for each digest that the log already holds."""
        ...

    async def heads(self, event_ids: Sequence[UUID]) -> Sequence[TraceEvent]:
        """Return the heads of stored events, in any order; unknown ids are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """One decoded upload and who sends it.

    `party_id` is the party whose upload this is; an admin's key may name any. `named_voids` maps the
    ordinal of a void or correct to the event id it names, where it names one by id and not by digest.
    `rejections` are the decoder's, numbered from 0.
    """

    capture_id: UUID
    record_time: datetime
    caller: Caller
    party_id: str
    idempotency_key: str
    format: str
    on_error: OnError
    payload_sha256: bytes
    request_sha256: bytes
    events: Sequence[ScannedEvent]
    rejections: Sequence[Rejection] = ()
    named_voids: Mapping[int, UUID] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedVerdict:
    """What would become of one event; a new one has no id yet, a duplicate that of its first copy."""

    ordinal: int
    event_id: UUID | None
    verdict: Verdict
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a capture would do, with nothing stored: the answer of a dry run."""

    outcome: Outcome
    verdicts: tuple[RehearsedVerdict, ...]
    rejections: tuple[Rejection, ...]
    event_count: int
    scan_count: int
    duplicate_count: int

    @property
    def rejection_count(self) -> int:
        return len(self.rejections)


class Intake:
    """The use case behind `POST /v1/captures` and `tracesvc import`."""

    def __init__(self, log: CaptureLog, *, reseal: Reseal, wake: Callable[[], None]) -> None:
        self._log = log
        self._reseal = reseal
        self._wake = wake

    async def replay(
        self, party_id: str, *, idempotency_key: str, request_sha256: bytes
    ) -> CaptureReceipt | None:
        """Return the receipt of an earlier capture under this key, None where the key is free.

        Raises KeyReused where the key stands for other content.
        """
        known = await self._log.replay_of(party_id, idempotency_key)
        if known is None:
            return None
        if known.request_sha256 != request_sha256:
            raise KeyReused(
                "this idempotency key was used for other content",
                idempotency_key=idempotency_key,
                capture_id=str(known.capture_id),
            )
        receipt = await self._log.receipt(known.capture_id)
        return replace(receipt, replayed=True) if receipt else None

    async def capture(self, request: CaptureRequest) -> CaptureReceipt:
        """Judge and store one capture; the receipt is true when this returns.

        With `on_error` rollback any rejection keeps every event out: only the rejections are stored,
        and the outcome says `rolled_back`. With proceed the good events are stored beside them.
        """
        events, rejections = await self._judge(request)
        if rejections and request.on_error == "rollback":
            events = []
        receipt = await self._log.append(_new_capture(request), events, rejections)
        self._wake()
        return receipt

    async def rehearse(self, request: CaptureRequest) -> Rehearsal:
        """Return what `capture` would do now; stores nothing and claims no key."""
        events, rejections = await self._judge(request)
        known = await self._log.owners_of([scanned.event.digest for scanned in events])
        verdicts = tuple(_verdicts(events, known))
        fresh = {verdict.ordinal for verdict in verdicts if verdict.verdict == "stored"}
        rolled_back = bool(rejections) and request.on_error == "rollback"
        return Rehearsal(
            outcome="rolled_back" if rolled_back else "accepted",
            verdicts=verdicts,
            rejections=tuple(rejections),
            event_count=len(fresh),
            scan_count=sum(e.scan_count for e in events if e.ordinal in fresh),
            duplicate_count=len(verdicts) - len(fresh),
        )

    async def _judge(self, request: CaptureRequest) -> tuple[list[ScannedEvent], list[Rejection]]:
        rejections = list(request.rejections)
        actors = {scanned.event.actor for scanned in request.events}
        foreign = {actor for actor in actors if not request.caller.speaks_for(actor)}
        voids = any(scanned.event.kind in VOIDING for scanned in request.events)
        if not foreign and not voids:
            # Nearly every upload: nothing to look up, and nothing to say of any event.
            return list(request.events), rejections
        named = await self._named(request)
        events: list[ScannedEvent] = []
        for scanned in request.events:
            judged = _judged(
                scanned, foreign=foreign, request=request, named=named, reseal=self._reseal
            )
            if isinstance(judged, ScannedEvent):
                events.append(judged)
            else:
                rejections.append(replace(judged, ordinal=len(rejections)))
        return events, rejections

    async def _named(self, request: CaptureRequest) -> "_Named":
        """Look up what the voids of this capture name; most captures have none and ask nothing."""
        digests = [s.event.voids for s in request.events if s.event.voids is not None]
        by_digest = await self._log.owners_of(digests) if digests else {}
        by_ordinal = request.named_voids or {}
        wanted = [*by_ordinal.values(), *by_digest.values()]
        heads = await self._log.heads(wanted) if wanted else ()
        return _Named(
            ids=by_ordinal,
            ids_by_digest=by_digest,
            events={head.event_id: head for head in heads},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    ids: Mapping[int, UUID]
    ids_by_digest: Mapping[bytes, UUID]
    events: Mapping[UUID, TraceEvent]


def _judged(
    scanned: ScannedEvent,
    *,
    foreign: Collection[str],
    request: CaptureRequest,
    named: _Named,
    reseal: Reseal,
) -> ScannedEvent | Rejection:
    """Return the event as it may be stored, or why it may not."""
    event = scanned.event
    if event.actor in foreign:
        return _refusal(scanned, "foreign_actor", raw=event.actor)
    if (event_id := named.ids.get(scanned.ordinal)) is not None:
        return _void_by_id(scanned, event_id, request=request, named=named, reseal=reseal)
    # A digest that the log does not hold yet is no error: files arrive in any order, and the fold
    # checks the actor again when the named event comes.
    if event.voids is not None and (first := named.ids_by_digest.get(event.voids)) is not None:
        target = named.events.get(first)
        if target is not None and not _may_void(target, scanned, caller=request.caller):
            return _refusal(scanned, "foreign_void", raw=event.voids.hex())
    return scanned


def _void_by_id(
    scanned: ScannedEvent,
    event_id: UUID,
    *,
    request: CaptureRequest,
    named: _Named,
    reseal: Reseal,
) -> ScannedEvent | Rejection:
    target = named.events.get(event_id)
    if target is None or not _may_see(target, request.caller):
        return _refusal(scanned, "unknown_event", raw=str(event_id))
    if not _may_void(target, scanned, caller=request.caller):
        return _refusal(scanned, "foreign_void", raw=str(event_id))
    return reseal(scanned, target.digest)


def _may_see(target: TraceEvent, caller: Caller) -> bool:
    if caller.viewer.sees_all:
        return True
    parties = (target.actor, target.from_party, target.to_party, target.owner, target.carrier)
    return caller.party_id is not None and caller.party_id in parties


def _may_void(target: TraceEvent, scanned: ScannedEvent, *, caller: Caller) -> bool:
    """Tell whether this void may enter. The fold asks again, by the parties' types alone."""
    return target.actor == scanned.event.actor or caller.is_regulator or caller.is_admin


def _refusal(scanned: ScannedEvent, error_code: str, *, raw: str) -> Rejection:
    field = "actor" if error_code == "foreign_actor" else "voids"
    return Rejection(
        ordinal=0,
        event_ordinal=scanned.ordinal,
        pointer=f"/events/{scanned.ordinal}/{field}",
        raw=raw,
        error_code=error_code,
    )


def _verdicts(
    events: Sequence[ScannedEvent], known: Mapping[bytes, UUID]
) -> Sequence[RehearsedVerdict]:
    """Tell each event's verdict; a second copy inside the capture is a duplicate of the first."""
    seen = set(known)
    verdicts = []
    for scanned in events:
        digest = scanned.event.digest
        verdicts.append(
            RehearsedVerdict(
                ordinal=scanned.ordinal,
                event_id=known.get(digest),
                verdict="duplicate" if digest in seen else "stored",
                digest=digest,
            )
        )
        seen.add(digest)
    return verdicts


def _new_capture(request: CaptureRequest) -> NewCapture:
    return NewCapture(
        capture_id=request.capture_id,
        party_id=request.party_id,
        idempotency_key=request.idempotency_key,
        format=request.format,
        on_error=request.on_error,
        payload_sha256=request.payload_sha256,
        request_sha256=request.request_sha256,
        record_time=request.record_time,
    )
