"""Questions asked of a real log: right after the upload, after projection, and of random worlds."""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    activate,
    at,
    dispense,
    pack,
    receive,
    ship,
    void,
)
from tests.integration.test_projection import _captures as captures_of
from tests.integration.test_projection import _some_world as some_world
from tests.memory_view import FixedClock
from tracesvc.domain.captures import NewCapture
from tracesvc.domain.custody import effective
from tracesvc.domain.errors import NotFound, TooLarge
from tracesvc.domain.events import Rejection
from tracesvc.domain.ids import new_capture_id
from tracesvc.domain.lists import FindingFilters
from tracesvc.domain.parties import Party, Viewer
from tracesvc.domain.rules.base import Severity
from tracesvc.domain.vocabulary import PartyType, Status
from tracesvc.project.projector import Projector, ProjectorLimits
from tracesvc.query.limits import QueryLimits
from tracesvc.query.queries import Queries
from tracesvc.store.capture_lists import CaptureLists
from tracesvc.store.custody import CustodyTables
from tracesvc.store.event_log import EventLog
from tracesvc.store.finding_lists import FindingLists
from tracesvc.store.history import History
from tracesvc.store.parties import Parties
from tracesvc.store.projection_log import ProjectionLog
from tracesvc.store.sequencer import Sequencer
from tracesvc.wire.states import decode_state

ALL, NOW = Viewer(party_id=None, sees_all=True), datetime.now(UTC)
UNIT, CARTON, CASE = "81234560000000000001", "81234570000000000001", "81234580000000000001"


def queries(pool, **limits) -> Queries:
    return Queries(
        log=History(pool),
        captures=CaptureLists(pool),
        findings=FindingLists(pool),
        limits=QueryLimits(**limits),
    )


def viewer(party: str) -> Viewer:
    return Viewer(party_id=party, sees_all=False)


async def append(pool, captures) -> None:
    """Append captures, one transaction each."""
    for events in captures:
        capture = NewCapture(
            capture_id=new_capture_id(int(NOW.timestamp() * 1000), os.urandom(7)),
            party_id=MAKER,
            idempotency_key=None,
            format="json",
            on_error="rollback",
            payload_sha256=bytes(32),
            request_sha256=bytes(32),
            record_time=NOW,
        )
        numbered = [replace(one, ordinal=n) for n, one in enumerate(events)]
        await EventLog(pool).append(capture, numbered, [])


async def sequence(dsn: str) -> None:
    sequencer = Sequencer(dsn)
    while await sequencer.run_once():
        pass
    await sequencer.close()


async def project(pool) -> None:
    projector = Projector(
        ProjectionLog(pool), CustodyTables(pool), clock=FixedClock(), limits=ProjectorLimits()
    )
    while await projector.run_once():
        pass


def story(units: Sequence[str] = (UNIT,)) -> list:
    return [
        activate(*units, CARTON, CASE, hours=0),
        pack(CARTON, *units, hours=1),
        pack(CASE, CARTON, hours=2),
        ship(CASE, hours=3, document_number="CK1"),
        receive(CASE, hours=30, document_number="RK1"),
        ship(CARTON, actor=DEALER, to=PHARMACY, hours=40, document_number="CK2"),
        receive(CARTON, actor=PHARMACY, sender=DEALER, hours=50),
        dispense(UNIT, hours=60),
    ]


async def test_a_path_is_there_right_after_the_upload(pool):
    """Neither sequencer nor projector has run, and the unit's way is complete."""
    asked = queries(pool)
    await append(pool, [[one] for one in story()])

    found = await asked.path(ALL, UNIT, now=NOW)
    status = await asked.status(ALL, UNIT, now=NOW)

    assert [(x.kind, x.from_party or x.actor, x.to_party, x.via) for x in found.links] == [
        ("activate", MAKER, None, ()),
        ("pack", MAKER, None, ()),
        ("ship", MAKER, DEALER, (CARTON, CASE)),
        ("receive", MAKER, DEALER, (CARTON, CASE)),
        ("ship", DEALER, PHARMACY, (CARTON,)),
        ("receive", DEALER, PHARMACY, (CARTON,)),
        ("dispense", PHARMACY, None, ()),
    ]
    assert (found.status, found.holder, found.gaps, found.findings) == (
        Status.DISPENSED, PHARMACY, (), (),
    )  # fmt: skip
    assert (status.status, status.holder) == (found.status, found.holder)
    with pytest.raises(NotFound):
        await asked.path(viewer("NOBODY"), UNIT, now=NOW)


async def test_voids_and_reused_bills_are_read_from_the_log(pool):
    """A void of a void counts, and a bill number used twice is told, until one use is voided."""
    asked = queries(pool)
    first = ship(UNIT, hours=1, document_number="CK1")
    other = ship(CARTON, to=PHARMACY, hours=2, document_number="CK1")
    undone = void(other)
    await append(pool, [[activate(UNIT), first, other]])
    assert [f.rule_id for f in (await asked.path(ALL, UNIT, now=NOW)).findings] == ["F20"]

    await append(pool, [[undone]])
    assert (await asked.path(ALL, UNIT, now=NOW)).findings == ()

    await append(pool, [[void(undone, hours=200)]])
    assert [f.rule_id for f in (await asked.path(ALL, UNIT, now=NOW)).findings] == ["F20"]
    shown = (await asked.path(ALL, CARTON, now=NOW)).links
    assert [(link.kind, link.voided) for link in shown] == [
        ("ship", False), ("void", True), ("void", False),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
async def test_paths_say_what_the_projection_says(seed, dsn, pool, owner):
    """In contradictory worlds, status, holder and findings are those of the projection."""
    chance = random.Random(seed)
    await Parties(pool).add(
        Party(party_id="R", party_type=PartyType.REGULATOR, name="R", region="14"), now=NOW
    )
    await append(pool, captures_of(some_world(chance), chance))
    await sequence(dsn)
    await project(pool)
    rows = await owner.fetch("SELECT trace_code, state FROM custody JOIN cohort USING (cohort_id)")
    states = {row[0]: decode_state(row[1]) for row in rows}
    held = await owner.fetch("SELECT subject, finding_id FROM finding_subject")
    asked = queries(pool)

    for trace_code, state in states.items():
        found = await asked.path(ALL, trace_code, now=NOW)
        where = effective(trace_code, state, states.get).possession
        assert (found.status, found.holder, found.owner) == (
            where.status, where.holder, where.owner,
        )  # fmt: skip
        shown = {f.finding_id for f in found.findings}
        assert shown >= {row[1] for row in held if row[0] == trace_code}
        assert shown <= {row[1] for row in held}


async def test_contents_of_a_full_case(pool):
    """Three hundred units are read in bulk; what was sold is not inside any more."""
    units = [f"8123456{n:013}" for n in range(1, 301)]
    await append(pool, [story(units)[:5], [dispense(units[7], actor=DEALER, hours=35)]])
    asked = queries(pool)

    found = await asked.contents(ALL, CASE, now=NOW, limit=500)
    page = await asked.contents(ALL, CASE, now=NOW, limit=200)
    rest = await asked.contents(ALL, CASE, now=NOW, limit=200, cursor=page.next_cursor)

    assert [(x.depth, x.code_count) for x in found.levels] == [(1, 1), (2, 299)]
    assert units[7] not in {item.trace_code for item in found.items}
    assert page.items + rest.items == found.items
    assert rest.next_cursor is None
    with pytest.raises(TooLarge):
        await queries(pool, scans_max=100).contents(ALL, CASE, now=NOW, limit=10)


async def test_captures_tell_how_far_they_have_got(dsn, pool, make_upload):
    """Stored, sequenced, projected; rejections are paged, and nobody sees those of another."""
    log, asked = EventLog(pool), queries(pool)
    refused = [
        Rejection(ordinal=n, event_ordinal=n, pointer=f"/{n}", raw="x", error_code="empty", line=n)
        for n in range(3)
    ]
    up = make_upload({"codes": (UNIT,)}, party=MAKER, rejections=refused, on_error="proceed")
    await log.append(*up)
    await log.append(*make_upload({"codes": (CASE,)}, party=DEALER))
    capture_id = up.capture.capture_id

    async def state():
        return (await asked.capture(viewer(MAKER), capture_id)).state

    assert await state() == "stored"
    await sequence(dsn)
    assert await state() == "sequenced"
    await project(pool)
    assert await state() == "projected"
    mine = await asked.captures(viewer(MAKER), limit=5)
    assert [one.capture_id for one in mine.items] == [capture_id]
    first = await asked.captures(ALL, limit=1)
    second = await asked.captures(ALL, limit=1, cursor=first.next_cursor)
    assert {one.party_id for one in (*first.items, *second.items)} == {MAKER, DEALER}
    page = await asked.rejections(viewer(MAKER), capture_id, limit=2)
    rest = await asked.rejections(viewer(MAKER), capture_id, limit=2, cursor=page.next_cursor)
    assert [*page.items, *rest.items] == refused
    with pytest.raises(NotFound):
        await asked.rejections(viewer(DEALER), capture_id, limit=2)


@pytest.fixture
async def troubled(dsn, pool) -> Queries:
    """A projected log with a receipt without shipment, and a pack sold twice without receipt."""
    await Parties(pool).add(
        Party(party_id=DEALER, party_type=PartyType.WHOLESALER, name="D", region="140105"), now=NOW
    )
    made = activate(UNIT, CARTON)
    received = receive(UNIT, hours=9, document_number="RK1", lot="L1")
    await append(
        pool, [[made, received], [dispense(CARTON, hours=20), dispense(CARTON, hours=21)]]
    )
    await sequence(dsn)
    await project(pool)
    return queries(pool)


@pytest.mark.parametrize(
    ("who", "days", "filters", "rules"),
    [
        (ALL, 0, {}, ["F01", "U01", "U04"]),
        (ALL, 0, {"state": "waiting"}, ["F01", "U04"]),
        (ALL, 0, {"state": "open"}, ["U01"]),
        (ALL, 9, {"state": "open"}, ["F01", "U01", "U04"]),
        (ALL, 0, {"state": "withdrawn"}, []),
        (ALL, 0, {"rule_id": "U01"}, ["U01"]),
        (ALL, 0, {"severity": Severity.MID}, ["F01"]),
        (ALL, 0, {"party_id": MAKER}, ["F01"]),
        (ALL, 0, {"region": "1401"}, ["F01"]),
        (ALL, 0, {"product": "8123456", "lot": "L1"}, ["F01", "U01", "U04"]),
        (ALL, 0, {"document": "RK1"}, ["F01"]),
        (ALL, 0, {"trace_code": CARTON}, ["U01", "U04"]),
        (ALL, 0, {"event_from": at(12)}, ["U01", "U04"]),
        (ALL, 0, {"event_until": at(12)}, ["F01"]),
        (ALL, 0, {"capture_id": UUID(int=0)}, []),
        (viewer(MAKER), 0, {}, ["F01"]),
        (viewer(PHARMACY), 0, {}, ["U01", "U04"]),
        (viewer(HOSPITAL), 0, {}, []),
    ],
)
async def test_findings_are_filtered(troubled, who, days, filters, rules):
    """Every filter narrows the list, and an uploader's list holds what concerns it."""
    now = NOW + timedelta(days=days)
    found = await troubled.findings(who, FindingFilters(**filters), now=now, limit=100)

    assert sorted(one.rule_id for one in found.items) == rules


async def test_findings_are_paged_and_belong_to_captures(troubled):
    """Pages of one hold what a page of many holds; each upload has the findings it raised."""
    seen, cursor = [], None
    while True:
        page = await troubled.findings(ALL, FindingFilters(), now=NOW, limit=1, cursor=cursor)
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break
    whole = await troubled.findings(ALL, FindingFilters(), now=NOW, limit=9)
    raised = [
        await troubled.findings(ALL, FindingFilters(capture_id=one.capture_id), now=NOW, limit=9)
        for one in (await troubled.captures(ALL, limit=9)).items
    ]

    assert tuple(seen) == whole.items
    assert [one.opens_time for one in seen] == sorted((x.opens_time for x in seen), reverse=True)
    assert sorted(sorted(one.rule_id for one in page.items) for page in raised) == [
        ["F01"],
        ["U01", "U04"],
    ]


async def test_a_finding_tells_its_subjects_and_its_history(troubled, dsn, pool):
    """A late shipment withdraws the finding; the journal says that it was there."""
    (f01,) = (await troubled.findings(ALL, FindingFilters(rule_id="F01"), now=NOW, limit=1)).items
    (subject,) = (await troubled.finding_subjects(ALL, f01.finding_id, limit=5)).items
    assert (subject.subject, subject.detail["shipper"]) == (UNIT, MAKER)
    assert subject.event_id == f01.event_id

    await append(pool, [[ship(UNIT, hours=1, lot="L1")]])
    await sequence(dsn)
    await project(pool)

    assert (await troubled.finding(ALL, f01.finding_id, now=NOW)).state == "withdrawn"
    journal = (await troubled.finding_changes(ALL, f01.finding_id, limit=5)).items
    assert [one.change for one in journal] == ["opened", "withdrawn"]


async def test_a_path_reads_one_moment_of_the_log(pool):
    """A bill committed in the middle of the reads is in all of them or in none."""
    await append(pool, [story()[:3]])
    both = ship(CASE, UNIT, hours=3)
    log = History(pool)

    async with log.snapshot() as snapshot:
        before = await snapshot.histories([UNIT], 100)
        await append(pool, [[both]])
        after = await snapshot.histories([CASE], 100)

    assert len(before[UNIT]) == 2
    assert both.event.digest not in {scan.event.digest for scan in after[CASE]}


async def test_many_paths_at_once_share_the_pool(pool):
    """Readers wait for a connection and are all answered."""
    await append(pool, [[one] for one in story()])
    asked = queries(pool)

    found = await asyncio.gather(*(asked.path(ALL, UNIT, now=NOW) for _ in range(20)))

    assert {len(one.links) for one in found} == {7}
