"""The projector on Postgres: equal to its arithmetic, to a rebuild, and exactly once."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.builders import pack, scanned, void
from tests.memory_view import FixedClock, MemoryTables, projected
from tracesvc.domain.captures import NewCapture
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.ids import new_capture_id
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import Kind, PartyType
from tracesvc.project.projector import Projector, ProjectorLimits
from tracesvc.project.rebuild import rebuild
from tracesvc.store.custody import CustodyTables
from tracesvc.store.event_log import EventLog
from tracesvc.store.leader import Leader
from tracesvc.store.parties import Parties
from tracesvc.store.projection_log import ProjectionLog
from tracesvc.store.rebuild import RebuildSite
from tracesvc.store.sequencer import Sequencer
from tracesvc.wire.states import decode_evidence, decode_state, encode_state

NOW = datetime.now(UTC)
UNITS, CONTAINERS = [f"u{n}" for n in range(8)], ["c1", "c2", "k1"]


def _some_world(chance: random.Random) -> list[ScannedEvent]:
    """Events on few codes by few parties, so that they contradict each other in every way."""
    events = []
    for number in range(chance.randint(5, 25)):
        codes = chance.sample([*UNITS, *CONTAINERS], chance.randint(1, 6))
        fields = {"actor": chance.choice("MDPR"), "hours": chance.randint(0, 48), "number": number}
        kind = chance.choice([*Kind])
        if kind in (Kind.VOID, Kind.CORRECT):
            if events:
                target = chance.choice(events)
                fields["actor"] = chance.choice([target.event.actor, "R", "D"])
                events.append(void(target, **fields))
            continue
        if kind in (Kind.PACK, Kind.UNPACK):
            parent = chance.choice(CONTAINERS)
            inside = [c for c in codes if c != parent] or [UNITS[0]]
            events.append(pack(parent, *inside, **fields))
            continue
        if kind is Kind.SHIP:
            fields |= {
                "reason": "sale",
                "from_party": fields["actor"],
                "to_party": chance.choice("MDP"),
            }
        if kind is Kind.RECEIVE:
            fields |= {
                "reason": "purchase",
                "to_party": fields["actor"],
                "from_party": chance.choice("MDP"),
            }
        if chance.random() < 0.3:
            fields["document_number"] = chance.choice(["B1", "B2"])
        events.append(scanned(kind, *codes, **fields))
    return events


def _captures(events: Sequence[ScannedEvent], chance: random.Random) -> list[list[ScannedEvent]]:
    order = [*events, *chance.sample(events, min(3, len(events)))]
    chance.shuffle(order)
    captures: list[list[ScannedEvent]] = [[]]
    for one in order:
        if captures[-1] and chance.random() < 0.4:
            captures.append([])
        captures[-1].append(one)
    return captures


async def _append(pool, captures: Sequence[Sequence[ScannedEvent]]) -> None:
    log = EventLog(pool)
    for number, events in enumerate(captures):
        capture = NewCapture(
            capture_id=new_capture_id(int(NOW.timestamp() * 1000) + number, random.randbytes(7)),
            party_id="M",
            idempotency_key=f"key-{number}",
            format="json",
            on_error="rollback",
            payload_sha256=bytes(32),
            request_sha256=bytes(32),
            record_time=NOW,
        )
        await log.append(capture, [_renumbered(e, n) for n, e in enumerate(events)], [])


def _renumbered(one: ScannedEvent, ordinal: int) -> ScannedEvent:
    return replace(one, ordinal=ordinal)


async def _sequence(dsn: str) -> None:
    sequencer = Sequencer(dsn)
    while await sequencer.run_once():
        pass
    await sequencer.close()


def _projector(pool, *, scans_max: int = 20_000) -> Projector:
    return Projector(
        ProjectionLog(pool),
        CustodyTables(pool),
        clock=FixedClock(),
        limits=ProjectorLimits(turn_scans_max=scans_max),
    )


async def _project(pool, *, scans_max: int = 20_000) -> None:
    projector = _projector(pool, scans_max=scans_max)
    while await projector.run_once():
        pass


async def _stored_states(owner) -> dict[str, str]:
    rows = await owner.fetch("SELECT trace_code, state FROM custody JOIN cohort USING (cohort_id)")
    return dict(rows)


async def _stored_subjects(owner) -> dict:
    rows = await owner.fetch(
        "SELECT subject, rule_id, event_digest, finding_id, evidence FROM finding_subject"
    )
    return {(r[0], r[1], r[2]): (r[3], decode_evidence(r[4])) for r in rows}


def _same(tables: MemoryTables) -> tuple[dict, dict]:
    states = {c: encode_state(s) for c, s in tables.states().items()}
    return states, {tuple(k): (s.finding_id, s.evidence) for k, s in tables.subjects.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_postgres_holds_what_the_arithmetic_says(seed, dsn, pool, owner) -> None:
    """Appended in any order, projected in small turns, the view equals the pure computation."""
    chance = random.Random(seed)
    await Parties(pool).add(
        Party(party_id="R", party_type=PartyType.REGULATOR, name="R", region="14"), now=NOW
    )
    events = _some_world(chance)
    await _append(pool, _captures(events, chance))
    await _sequence(dsn)
    await _project(pool, scans_max=chance.choice([1, 10, 1000]))

    states, subjects = _same(await projected([events], regulators=frozenset("R")))
    assert await _stored_states(owner) == states
    assert {k: v[1].detail for k, v in (await _stored_subjects(owner)).items()} == {
        k: dict(v[1].detail) for k, v in subjects.items()
    }
    assert all(encode_state(decode_state(text)) == text for text in states.values())


async def test_a_rebuild_gives_the_same_view_and_swaps_it_in(dsn, pool, owner) -> None:
    """Rebuilding folds the log again, finds the same digest, and the service reads on."""
    chance = random.Random(99)
    events = _some_world(chance)
    captures = _captures(events, chance)
    half = len(captures) // 2
    await _append(pool, captures[:half])
    await _sequence(dsn)
    await _project(pool)
    await _append(pool, captures[half:])
    await _sequence(dsn)
    await _project(pool, scans_max=3)
    before = await _stored_states(owner)

    seen = []
    result = await rebuild(
        RebuildSite(dsn, pool),
        ProjectionLog(pool),
        clock=FixedClock(),
        limits=ProjectorLimits(),
        check_only=False,
        on_progress=lambda reached, end: seen.append((reached, end)),
    )

    assert result.is_equal
    assert result.is_swapped
    assert seen[-1][0] == seen[-1][1] == result.log_index
    assert await _stored_states(owner) == before
    assert await CustodyTables(pool).checkpoint() == result.log_index
    schemas = await owner.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tracesvc%'")
    assert {row[0] for row in schemas} == {"tracesvc", "tracesvc_view"}


async def test_a_rebuild_notices_and_mends_a_view_that_lies(dsn, pool, owner) -> None:
    """A view changed behind the projector's back differs from the log; the swap puts it right."""
    await _append(pool, [[scanned("activate", "u1", "u2")]])
    await _sequence(dsn)
    await _project(pool)
    true_state = await _stored_states(owner)
    await owner.execute("UPDATE cohort SET state = replace(state, 'activated', 'dispensed')")

    async def run(*, check_only: bool):
        return await rebuild(
            RebuildSite(dsn, pool),
            ProjectionLog(pool),
            clock=FixedClock(),
            limits=ProjectorLimits(),
            check_only=check_only,
            on_progress=lambda *_: None,
        )

    checked = await run(check_only=True)
    assert not checked.is_equal
    assert await _stored_states(owner) != true_state
    assert not (await run(check_only=False)).is_equal
    assert await _stored_states(owner) == true_state
    assert (await run(check_only=True)).is_equal


async def test_a_projector_that_waits_through_a_swap_begins_again(dsn, pool, owner) -> None:
    """A turn never reads one view and writes another: it finds its checkpoint row gone."""
    await _append(pool, [[scanned("activate", "u1")]])
    await _sequence(dsn)
    site = RebuildSite(dsn, pool)
    async with site.next_view():
        async with site.held():
            waiting = asyncio.create_task(_projector(pool).run_once())
            while not await owner.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
            await site.swap()
        with pytest.raises(Exception, match="swapped"):
            await waiting
    assert await _projector(pool).run_once() == 1
    assert (await _stored_states(owner)).keys() == {"u1"}


async def test_only_one_projector_is_active_and_a_standby_takes_over(dsn, pool) -> None:
    """The advisory lock's holder works; when its connection is gone the next one may."""
    first, second = Leader(dsn, "projector"), Leader(dsn, "projector")
    async with CustodyTables(pool, leader=first).turn() as turn:
        assert turn is not None
    async with CustodyTables(pool, leader=second).turn() as turn:
        assert turn is None
    await first.close()
    async with CustodyTables(pool, leader=second).turn() as turn:
        assert turn is not None
    await second.close()


async def test_findings_are_journalled_with_their_causes(dsn, pool, owner) -> None:
    """A finding opens with one capture and is withdrawn by the late bill that explains it."""
    receipt = scanned(
        "receive", "u1", actor="D", reason="purchase", from_party="M", to_party="D", hours=30
    )
    late_bill = scanned(
        "ship", "u1", actor="M", reason="sale", from_party="M", to_party="D", hours=10
    )
    await _append(pool, [[scanned("activate", "u1", actor="M"), receipt]])
    await _sequence(dsn)
    await _project(pool)
    assert await owner.fetchval("SELECT count(*) FROM finding WHERE subject_count = 1") == 1

    log = EventLog(pool)
    capture = NewCapture(
        capture_id=new_capture_id(int(NOW.timestamp() * 1000) + 50, random.randbytes(7)),
        party_id="M",
        idempotency_key="late",
        format="json",
        on_error="rollback",
        payload_sha256=bytes(32),
        request_sha256=bytes(32),
        record_time=NOW,
    )
    await log.append(capture, [late_bill], [])
    await _sequence(dsn)
    await _project(pool)

    changes = await owner.fetch(
        "SELECT change, subject_count, capture_id FROM finding_change ORDER BY change_id"
    )
    assert [(row[0], row[1]) for row in changes] == [("opened", 1), ("withdrawn", 0)]
    assert changes[1][2] == capture.capture_id
    assert await owner.fetchval("SELECT count(*) FROM finding WHERE subject_count > 0") == 0
