"""The log: captures go in whole, once, and come out as they went in."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tracesvc.domain.errors import KeyReused
from tracesvc.domain.events import Rejection
from tracesvc.domain.ids import event_id_of
from tracesvc.domain.merkle import root
from tracesvc.domain.vocabulary import Kind, Role
from tracesvc.store.event_log import EventLog

REJECTED = Rejection(
    ordinal=0,
    event_ordinal=1,
    pointer="/events/1/codes/0",
    raw="x\x00\ud800",
    error_code="bad",
    line=3,
)


@pytest.fixture
def log(pool):
    return EventLog(pool)


async def counts(owner):
    """Rows per table of the log."""
    tables = ("capture", "capture_key", "trace_event", "scan", "event_digest", "rejection")
    return {table: await owner.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_a_capture_is_stored_whole(log, owner, make_upload):
    """Events, scans, digests and the receipt agree with what was sent."""
    up = make_upload({"codes": ["a", "b"]}, {"codes": ["c"], "parent": "case", "kind": Kind.PACK})
    receipt = await log.append(*up)

    digests = [scanned.event.digest for scanned in up.events]
    assert receipt.root_hash == root(digests)
    assert (receipt.event_count, receipt.scan_count, receipt.duplicate_count) == (2, 4, 0)
    assert [(v.ordinal, v.verdict, v.digest) for v in receipt.verdicts] == [
        (0, "stored", digests[0]),
        (1, "stored", digests[1]),
    ]
    assert await counts(owner) == {
        "capture": 1,
        "capture_key": 0,
        "trace_event": 2,
        "scan": 4,
        "event_digest": 2,
        "rejection": 0,
    }
    rows = await owner.fetch("SELECT trace_code, event_id, role FROM scan ORDER BY trace_code")
    first, second = (event_id_of(up.capture.capture_id, ordinal) for ordinal in (0, 1))
    assert [tuple(row) for row in rows] == [
        ("a", first, Role.OBJECT),
        ("b", first, Role.OBJECT),
        ("c", second, Role.CHILD),
        ("case", second, Role.PARENT),
    ]


async def test_every_field_comes_back(log, make_upload):
    """An event read from the log equals the event that was appended."""
    up = make_upload(
        {
            "codes": ["a"],
            "replacements": ["b"],
            "kind": Kind.RELABEL,
            "reason": "rework",
            "bill_type": 201,
            "event_time": datetime(2025, 6, 1, 4, 30, 0, 123456, tzinfo=UTC),
            "event_offset_min": -210,
            "from_party": "f",
            "to_party": "t",
            "owner": "o",
            "carrier": "c",
            "location": "dock\t\\N 3号",
            "document_number": "D-1",
            "document_part": "2",
            "product": "0690",
            "lot": "L1",
            "made_on": date(2025, 1, 2),
            "expiry": date(2027, 1, 1),
            "parent": "case",
            "declared_count": 7,
            "scan_count": 3,
            "portion": (1, 4),
            "voids": b"v" * 32,
        }
    )
    await log.append(*up)
    sent = up.events[0]

    (stored,) = await log.events_of([up.capture.capture_id])
    assert stored.event == sent.event
    assert (stored.ordinal, stored.capture_id) == (0, up.capture.capture_id)
    assert stored.body == sent.body.decode()
    assert await log.heads([sent.event.event_id, UUID(int=5)]) == [sent.event]


async def test_a_code_named_in_two_roles_has_one_scan(log, owner, make_upload):
    """A case that lists itself among its contents is stored, once, as the container."""
    up = make_upload({"codes": ["case", "u1"], "parent": "case", "kind": Kind.PACK})
    receipt = await log.append(*up)

    assert receipt.scan_count == 2
    rows = await owner.fetch("SELECT trace_code, role FROM scan ORDER BY trace_code")
    assert [tuple(row) for row in rows] == [("case", Role.PARENT), ("u1", Role.CHILD)]


async def test_an_event_counts_once(log, owner, make_upload):
    """The same content again, in one capture or another, is a duplicate of the first copy."""
    first = make_upload({"codes": ["a"]})
    await log.append(*first)
    again = make_upload({"codes": ["b"]}, {"codes": ["a"]}, {"codes": ["b"]})
    receipt = await log.append(*again)

    first_id = event_id_of(first.capture.capture_id, 0)
    own_id = event_id_of(again.capture.capture_id, 0)
    assert [(v.verdict, v.event_id) for v in receipt.verdicts] == [
        ("stored", own_id),
        ("duplicate", first_id),
        ("duplicate", own_id),
    ]
    assert (receipt.event_count, receipt.scan_count, receipt.duplicate_count) == (1, 1, 2)
    assert receipt.root_hash == root([scanned.event.digest for scanned in again.events])
    assert (await counts(owner))["trace_event"] == 2
    assert await log.owners_of([first.events[0].event.digest, b"?"]) == {
        first.events[0].event.digest: first_id
    }


async def test_a_receipt_is_the_same_when_read_again(log, make_upload):
    """What the log says later equals what the answer said, with rejections and duplicates."""
    await log.append(*make_upload({"codes": ["a"]}))
    up = make_upload(
        {"codes": ["b"]},
        {"codes": ["a"]},
        {"codes": ["b"]},
        on_error="proceed",
        rejections=[REJECTED],
    )
    receipt = await log.append(*up)

    kept = replace(REJECTED, raw="x\\x00\\ud800")
    assert await log.receipt(up.capture.capture_id) == replace(receipt, rejections=(kept,))
    assert await log.receipt(UUID(int=7)) is None


async def test_a_capture_rolls_back_to_its_rejections(log, owner, make_upload):
    """With rollback one bad record keeps every event out, and the key stays free for the mended file."""
    up = make_upload({"codes": ["a"]}, key="k", rejections=[REJECTED])
    receipt = await log.append(*up)

    assert (receipt.outcome, receipt.event_count, receipt.rejection_count) == ("rolled_back", 0, 1)
    assert receipt.verdicts == ()
    assert receipt.root_hash == root([])
    assert await counts(owner) == {
        "capture": 1,
        "capture_key": 0,
        "trace_event": 0,
        "scan": 0,
        "event_digest": 0,
        "rejection": 1,
    }
    mended = await log.append(*make_upload({"codes": ["a"]}, key="k"))
    assert (mended.outcome, mended.replayed) == ("accepted", False)


async def test_the_same_request_again_gives_the_same_receipt(log, make_upload):
    """A repeated key finds the first capture and stores nothing."""
    first = await log.append(*make_upload({"codes": ["a"]}, key="k"))
    again = await log.append(*make_upload({"codes": ["a"]}, key="k"))

    assert again == replace(first, replayed=True)
    known = await log.replay_of("p1", "k")
    assert known is not None
    assert known.capture_id == first.capture_id
    assert await log.replay_of("p2", "k") is None


async def test_a_key_used_for_other_content_is_refused(log, owner, make_upload):
    """The same key with another request raises and leaves no trace."""
    await log.append(*make_upload({"codes": ["a"]}, key="k"))

    with pytest.raises(KeyReused):
        await log.append(*make_upload({"codes": ["b"]}, key="k", request=b"s" * 32))
    assert (await counts(owner))["capture"] == 1
    other_party = await log.append(*make_upload({"codes": ["b"]}, key="k", party="p2"))
    assert not other_party.replayed


async def test_one_of_many_concurrent_requests_with_a_key_stores(log, owner, make_upload):
    """Concurrent repetitions wait for the first and then answer with its receipt."""
    receipts = await asyncio.gather(
        *(log.append(*make_upload({"codes": ["a"]}, key="k")) for _ in range(12))
    )

    assert len({receipt.capture_id for receipt in receipts}) == 1
    assert sorted(receipt.replayed for receipt in receipts) == [False] + [True] * 11
    assert (await counts(owner))["capture"] == 1


async def test_concurrent_captures_with_common_events_neither_deadlock_nor_double(
    log, owner, make_upload
):
    """Whatever order the events come in, each is stored once and every capture is answered."""
    events = [{"codes": [f"code-{number}"]} for number in range(60)]

    async def send(shift):
        turned = events[shift:] + events[:shift]
        return await log.append(*make_upload(*(turned if shift % 2 else reversed(turned))))

    receipts = await asyncio.gather(*(send(shift * 4) for shift in range(12)))

    assert sum(receipt.event_count for receipt in receipts) == 60
    assert sum(receipt.duplicate_count for receipt in receipts) == 11 * 60
    found = await counts(owner)
    assert (found["trace_event"], found["scan"], found["event_digest"]) == (60, 60, 60)


async def test_a_large_bill_goes_in_at_once(log, owner, make_upload):
    """3,500 codes of mixed length are one event and as many scans."""
    codes = [f"{number:020d}" if number % 3 else f"(00){number:018d}" for number in range(3500)]
    receipt = await log.append(*make_upload({"codes": codes}))

    assert receipt.scan_count == 3500
    assert {row[0] for row in await owner.fetch("SELECT trace_code FROM scan")} == set(codes)


async def test_an_append_that_is_cancelled_while_it_waits_leaves_nothing(log, owner, make_upload):
    """A sender that hangs up while another capture holds its event stores nothing and blocks nobody."""
    up = make_upload({"codes": ["a"]}, key="k")
    async with owner.transaction():
        await owner.execute(
            "INSERT INTO event_digest VALUES ($1, $2)", up.events[0].event.digest, UUID(int=9)
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await log.append(*up)
    assert (await counts(owner))["capture_key"] == 0
    assert len(asyncio.all_tasks()) == 1

    receipt = await log.append(*up)
    assert [(v.verdict, v.event_id) for v in receipt.verdicts] == [("duplicate", UUID(int=9))]
