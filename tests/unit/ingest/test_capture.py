"""What may enter the log, on a log that is a dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import pytest

from tracesvc.domain.captures import CaptureReceipt, EventVerdict, KnownKey, NewCapture
from tracesvc.domain.errors import KeyReused
from tracesvc.domain.events import Rejection, ScannedEvent, TraceEvent
from tracesvc.domain.ids import event_id_of, new_capture_id
from tracesvc.domain.parties import Caller
from tracesvc.domain.vocabulary import AccessRole, Kind
from tracesvc.ingest.capture import CaptureRequest, Intake

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CAPTURE = new_capture_id(1_772_000_000_000, bytes(7))
OLD_CAPTURE = new_capture_id(1_771_000_000_000, bytes(7))


@dataclass
class DictLog:
    """The log as this stage needs it, in memory."""

    stored: dict[UUID, TraceEvent] = field(default_factory=dict)
    keys: dict[tuple[str, str], KnownKey] = field(default_factory=dict)
    receipts: dict[UUID, CaptureReceipt] = field(default_factory=dict)

    async def append(
        self, capture: NewCapture, events: Sequence[ScannedEvent], rejections: Sequence[Rejection]
    ) -> CaptureReceipt:
        rolled_back = bool(rejections) and capture.on_error == "rollback"
        self.stored.update({scanned.event.event_id: scanned.event for scanned in events})
        receipt = CaptureReceipt(
            capture_id=capture.capture_id,
            party_id=capture.party_id,
            record_time=capture.record_time,
            outcome="rolled_back" if rolled_back else "accepted",
            replayed=False,
            log_index=None,
            event_count=len(events),
            scan_count=sum(scanned.scan_count for scanned in events),
            duplicate_count=0,
            rejection_count=len(rejections),
            root_hash=b"",
            verdicts=tuple(
                EventVerdict(
                    ordinal=s.ordinal,
                    event_id=s.event.event_id,
                    verdict="stored",
                    digest=s.event.digest,
                )
                for s in events
            ),
            rejections=tuple(rejections),
        )
        self.receipts[capture.capture_id] = receipt
        if not rolled_back and capture.idempotency_key:
            self.keys[capture.party_id, capture.idempotency_key] = KnownKey(
                capture_id=capture.capture_id, request_sha256=capture.request_sha256
            )
        return receipt

    async def replay_of(self, party_id: str, idempotency_key: str) -> KnownKey | None:
        return self.keys.get((party_id, idempotency_key))

    async def receipt(self, capture_id: UUID) -> CaptureReceipt | None:
        return self.receipts.get(capture_id)

    async def owners_of(self, digests: Sequence[bytes]) -> dict[bytes, UUID]:
        by_digest = {event.digest: event.event_id for event in self.stored.values()}
        return {digest: by_digest[digest] for digest in digests if digest in by_digest}

    async def heads(self, event_ids: Sequence[UUID]) -> list[TraceEvent]:
        return [self.stored[event_id] for event_id in event_ids if event_id in self.stored]


def scanned(ordinal: int = 0, *, capture_id: UUID = CAPTURE, **head: object) -> ScannedEvent:
    """Return an event of party A with one code, whose identity is its place unless given."""
    event = TraceEvent(
        **{
            "event_id": event_id_of(capture_id, ordinal),
            "digest": sha256(f"{capture_id}/{ordinal}".encode()).digest(),
            "kind": Kind.RECEIVE,
            "reason": None,
            "bill_type": None,
            "event_time": NOW,
            "event_offset_min": 480,
            "record_time": NOW,
            "actor": "A",
            **head,
        }
    )
    return ScannedEvent(event=event, ordinal=ordinal, codes=("84103930003280315107",))


def caller(party_id: str | None = "A", *roles: AccessRole) -> Caller:
    return Caller(key_id="k", party_id=party_id, roles=frozenset(roles or {AccessRole.UPLOADER}))


def request(*events: ScannedEvent, **given: object) -> CaptureRequest:
    return CaptureRequest(
        **{
            "capture_id": CAPTURE,
            "record_time": NOW,
            "caller": caller(),
            "party_id": "A",
            "idempotency_key": "key",
            "format": "json",
            "on_error": "rollback",
            "payload_sha256": b"p",
            "request_sha256": b"r",
            "events": events,
            **given,
        }
    )


def intake(log: DictLog, rings: list[None] | None = None) -> Intake:
    return Intake(
        log,
        reseal=lambda void, digest: replace(void, event=replace(void.event, voids=digest)),
        wake=lambda: rings.append(None) if rings is not None else None,
    )


async def test_good_events_are_stored_and_the_sequencer_is_woken():
    """A capture without fault is appended whole, then the bell rings."""
    log, rings = DictLog(), []
    receipt = await intake(log, rings).capture(request(scanned(0), scanned(1)))

    assert receipt.outcome == "accepted"
    assert len(log.stored) == 2
    assert len(rings) == 1


async def test_a_foreign_actor_is_rejected_and_rolls_the_capture_back():
    """An uploader that speaks for another party stores nothing, not even its own events."""
    log = DictLog()
    receipt = await intake(log).capture(request(scanned(0), scanned(1, actor="B")))

    assert receipt.outcome == "rolled_back"
    assert not log.stored
    assert [(r.error_code, r.pointer, r.raw) for r in receipt.rejections] == [
        ("foreign_actor", "/events/1/actor", "B")
    ]


async def test_proceed_stores_the_good_beside_the_bad():
    """With on_error proceed one bad event does not keep the others out."""
    log = DictLog()
    receipt = await intake(log).capture(
        request(scanned(0), scanned(1, actor="B"), on_error="proceed")
    )

    assert receipt.outcome == "accepted"
    assert [event.actor for event in log.stored.values()] == ["A"]
    assert receipt.rejection_count == 1


async def test_own_rejections_are_numbered_after_the_decoders():
    """Rejections of one capture are numbered through, whoever found them."""
    found = Rejection(
        ordinal=0, event_ordinal=None, pointer="/x", raw="?", error_code="bad_length"
    )
    receipt = await intake(DictLog()).capture(request(scanned(1, actor="B"), rejections=(found,)))

    assert [(r.ordinal, r.error_code) for r in receipt.rejections] == [
        (0, "bad_length"),
        (1, "foreign_actor"),
    ]


async def test_an_admin_may_speak_for_any_party():
    """An admin's key relays events of any actor."""
    log = DictLog()
    await intake(log).capture(
        request(scanned(0, actor="B"), caller=caller(None, AccessRole.ADMIN))
    )

    assert [event.actor for event in log.stored.values()] == ["B"]


async def test_the_same_request_again_gives_the_same_receipt():
    """A replay is answered from the log and marked as one."""
    log = DictLog()
    use = intake(log)
    first = await use.capture(request(scanned(0)))
    again = await use.replay("A", idempotency_key="key", request_sha256=b"r")

    assert again == replace(first, replayed=True)


async def test_a_free_key_is_no_replay():
    """A key never used, or used by another party only, finds nothing."""
    log = DictLog()
    use = intake(log)
    await use.capture(request(scanned(0)))

    assert await use.replay("A", idempotency_key="other", request_sha256=b"r") is None
    assert await use.replay("B", idempotency_key="key", request_sha256=b"r") is None


async def test_a_key_used_for_other_content_is_refused():
    """The same key cannot stand for two uploads."""
    use = intake(DictLog())
    await use.capture(request(scanned(0)))
    with pytest.raises(KeyReused) as reused:
        await use.replay("A", idempotency_key="key", request_sha256=b"other")

    assert reused.value.extra["capture_id"] == str(CAPTURE)


async def test_a_dry_run_tells_what_would_be_a_duplicate_and_stores_nothing():
    """The rehearsal knows events in the log and second copies within the upload."""
    known = scanned(0, capture_id=OLD_CAPTURE)
    log = DictLog({known.event.event_id: known.event})
    copy = scanned(0, digest=known.event.digest)
    twice = scanned(2, digest=scanned(1).event.digest)
    rehearsal = await intake(log).rehearse(request(copy, scanned(1), twice))

    assert [v.verdict for v in rehearsal.verdicts] == ["duplicate", "stored", "duplicate"]
    assert rehearsal.verdicts[0].event_id == known.event.event_id
    assert (rehearsal.event_count, rehearsal.scan_count, rehearsal.duplicate_count) == (1, 1, 2)
    assert len(log.stored) == 1
    assert not log.keys


class TestVoids:
    """Who may take an event out, and how an event id becomes a digest."""

    @pytest.fixture
    def target(self) -> TraceEvent:
        """An event of A towards B, already in the log."""
        return scanned(0, capture_id=OLD_CAPTURE, to_party="B").event

    @pytest.fixture
    def log(self, target: TraceEvent) -> DictLog:
        return DictLog({target.event_id: target})

    @staticmethod
    def void(**head: object) -> ScannedEvent:
        return replace(scanned(0, kind=Kind.VOID, **head), codes=())

    async def test_an_event_id_is_resolved_to_the_digest(self, log, target):
        """The stored void names the digest, as if the uploader had."""
        await intake(log).capture(request(self.void(), named_voids={0: target.event_id}))

        assert log.stored[event_id_of(CAPTURE, 0)].voids == target.digest

    async def test_an_unknown_event_id_is_rejected(self, log):
        """A void of nothing that exists is explained to the uploader."""
        receipt = await intake(log).capture(
            request(self.void(), named_voids={0: event_id_of(CAPTURE, 77)})
        )

        assert [r.error_code for r in receipt.rejections] == ["unknown_event"]

    async def test_an_event_the_caller_may_not_see_counts_as_unknown(self, log, target):
        """A stranger does not learn that the event exists."""
        receipt = await intake(log).capture(
            request(
                self.void(actor="C"),
                caller=caller("C"),
                party_id="C",
                named_voids={0: target.event_id},
            )
        )

        assert [r.error_code for r in receipt.rejections] == ["unknown_event"]

    @pytest.mark.parametrize("by_digest", [False, True])
    async def test_a_counterparty_may_not_void(self, log, target, by_digest):
        """B sees A's shipment to B and still cannot take it out."""
        void = self.void(actor="B", voids=target.digest if by_digest else None)
        receipt = await intake(log).capture(
            request(
                void,
                caller=caller("B"),
                party_id="B",
                named_voids={} if by_digest else {0: target.event_id},
            )
        )

        assert [r.error_code for r in receipt.rejections] == ["foreign_void"]

    async def test_a_regulator_may_void_anything(self, log, target):
        """The regulator's void of A's event is stored."""
        receipt = await intake(log).capture(
            request(
                self.void(actor="R"),
                caller=caller("R", AccessRole.REGULATOR),
                party_id="R",
                named_voids={0: target.event_id},
            )
        )

        assert receipt.outcome == "accepted"

    async def test_a_digest_that_has_not_arrived_yet_is_accepted(self, log):
        """Files arrive in any order: a void may come before what it names."""
        receipt = await intake(log).capture(request(self.void(voids=b"\x01" * 32)))

        assert receipt.outcome == "accepted"
