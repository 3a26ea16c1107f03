"""Every round trip of append, sequencing and projection: its request lost, or its answer lost.

The connection is really cut, by a proxy before a real Postgres. What must hold is the same in every
row of the table: a step whose commit did not arrive has left nothing; one whose commit arrived has
left everything, though its caller was told otherwise; and doing it again makes it right either way.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

import pytest

from tests.builders import scanned
from tests.faults.evidence import assert_as_folded_anew
from tests.faults.proxy import Cut, CuttingProxy, cutting_proxy
from tracesvc.domain.captures import NewCapture
from tracesvc.domain.errors import StoreUnavailable
from tracesvc.domain.events import Rejection
from tracesvc.domain.ids import RANDOM_BYTES, new_capture_id
from tracesvc.domain.vocabulary import Kind
from tracesvc.project.projector import Projector, ProjectorLimits
from tracesvc.store.custody import CustodyTables
from tracesvc.store.event_log import EventLog
from tracesvc.store.leader import Leader
from tracesvc.store.log_tree import LogTree
from tracesvc.store.pool import Pool, PoolLimits, open_pool
from tracesvc.store.projection_log import ProjectionLog
from tracesvc.store.sequencer import Sequencer
from tracesvc.telemetry import SystemClock

COMMIT = "COMMIT;"
TAKE_OVER_S_MAX = 10.0
STEPS_MAX = 200
"""More round trips than this means that the table does not end."""


@pytest.fixture
async def proxy(dsn) -> AsyncIterator[CuttingProxy]:
    """A breakable way to the test's database."""
    async with cutting_proxy(dsn) as made:
        yield made


def cuts(proxy: CuttingProxy, lost: str):
    """Yield a cut for every round trip; ends after the first run that none was left to cut in."""
    for at in count(1):
        assert at < STEPS_MAX
        proxy.arm(None)
        yield Cut(at, lost)
        if not proxy.was_cut:
            return


@asynccontextmanager
async def own_pool(proxy: CuttingProxy) -> AsyncIterator[Pool]:
    """Open a pool through the proxy that has not prepared any statement yet."""
    pool = await open_pool(proxy.dsn, limits=PoolLimits(connections_max=2))
    try:
        yield pool
    finally:
        pool.terminate()


def upload(number: int, *, key: str | None):
    """Return what `append` takes: shipments and uses that raise findings, and one rejection."""
    now = datetime.now(UTC)
    capture = NewCapture(
        capture_id=new_capture_id(int(now.timestamp() * 1000), os.urandom(RANDOM_BYTES)),
        party_id="DEALER",
        idempotency_key=key,
        format="json",
        on_error="proceed",
        payload_sha256=bytes(32),
        request_sha256=sha256(str(number).encode()).digest(),
        record_time=now,
    )
    codes = [f"8{number:09d}{index:010d}" for index in range(4)]
    at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=number)
    events = [
        scanned(Kind.ACTIVATE, *codes, actor="MAKER", event_time=at, lot=f"L{number}"),
        scanned(
            Kind.SHIP, *codes, actor="DEALER", event_time=at + timedelta(hours=1), reason="sale",
            from_party="DEALER", to_party="PHARMACY", document_number=f"CK{number}",
        ),
        scanned(Kind.DISPENSE, codes[0], actor="HOSPITAL", event_time=at + timedelta(hours=2)),
        scanned(Kind.DISPENSE, codes[0], actor="PHARMACY", event_time=at + timedelta(hours=3)),
    ]  # fmt: skip
    refused = Rejection(
        ordinal=0, event_ordinal=None, pointer="/events/9", line=None, raw="?",
        error_code="not_a_code", detail="",
    )  # fmt: skip
    return (
        capture,
        [replace(one, ordinal=ordinal) for ordinal, one in enumerate(events)],
        [refused],
    )


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_append(pool, proxy, lost, keyed):
    """An append whose answer was lost at COMMIT is there once, any other is not; a retry mends both."""
    log = EventLog(pool)
    for number, cut in enumerate(cuts(proxy, lost)):
        key = f"key-{number}" if keyed else None
        first, again = upload(number, key=key), upload(number, key=key)
        async with own_pool(proxy) as broken:
            proxy.arm(cut)
            try:
                await EventLog(broken).append(*first)
            except StoreUnavailable:
                assert proxy.was_cut
            else:
                assert not proxy.was_cut
        stored = await log.receipt(first[0].capture_id)
        is_persisted = not proxy.was_cut or (proxy.broken_step == COMMIT and lost == "answer")
        assert (stored is not None) == is_persisted, proxy.broken_step
        retried = await log.append(*again)

        if keyed:
            assert retried.replayed == is_persisted
            owner = first if is_persisted else again
            assert retried.capture_id == owner[0].capture_id
        else:
            assert retried.duplicate_count == (len(first[1]) if is_persisted else 0)
        digests = [one.event.digest for one in first[1]]
        held = await pool.fetchval(
            "SELECT count(*) FROM trace_event WHERE digest = ANY($1)", digests
        )
        assert held == len(digests)
    assert COMMIT in proxy.steps
    assert len(proxy.steps) > 6


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_sequencing(pool, proxy, lost):
    """A cut sequencer has given places and tree nodes or neither; the next turn goes on densely."""
    log, tree = EventLog(pool), LogTree(pool)
    standby = Sequencer(proxy.target)
    for number, cut in enumerate(cuts(proxy, lost)):
        await log.append(*upload(number, key=None))
        sequencer = Sequencer(proxy.dsn)
        proxy.arm(cut)
        try:
            await sequencer.run_once()
        except StoreUnavailable:
            assert proxy.was_cut
        is_persisted = not proxy.was_cut or (proxy.broken_step == COMMIT and lost == "answer")
        assert await tree.size() == number + is_persisted, proxy.broken_step
        await sequencer.close()
        async with asyncio.timeout(TAKE_OVER_S_MAX):
            # The server frees the lock when it notices that the connection is gone.
            while await tree.size() <= number:
                await standby.run_once()
        await standby.close()

        places = [capture.log_index for capture in await log.captures_after(-1, STEPS_MAX)]
        assert places == [*range(number + 1)]
        assert await tree.size() == number + 1
    assert (await tree.check()).faults == ()
    assert COMMIT in proxy.steps


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_projection(pool, proxy, lost):
    """A cut turn is there as a whole or not at all; the next one ends where an uncut one would."""
    log, sequencer, view = EventLog(pool), Sequencer(proxy.target), CustodyTables(pool)
    for number, cut in enumerate(cuts(proxy, lost)):
        await log.append(*upload(number, key=None))
        await sequencer.run_once()
        before = await view.digest()
        async with own_pool(proxy) as broken:
            leader = Leader(proxy.dsn, "projector")
            projector = _projector(broken, CustodyTables(broken, leader=leader))
            proxy.arm(cut)
            try:
                await projector.run_once()
            except StoreUnavailable:
                assert proxy.was_cut
            is_persisted = not proxy.was_cut or (proxy.broken_step == COMMIT and lost == "answer")
            assert await view.checkpoint() == number - (not is_persisted), proxy.broken_step
            assert (await view.digest() != before) == is_persisted
            proxy.disarm()
            await projector.run_once()
            await leader.close()
        await _projector(pool, view).run_once()
        assert await view.checkpoint() == number
    assert COMMIT in proxy.steps
    await sequencer.close()
    await assert_as_folded_anew(proxy.target, number + 1)


def _projector(pool: Pool, view: CustodyTables) -> Projector:
    return Projector(ProjectionLog(pool), view, clock=SystemClock(), limits=ProjectorLimits())
