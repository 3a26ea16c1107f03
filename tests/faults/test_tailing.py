"""A reader that follows the log beside writers in several processes."""

import asyncio
import signal

import pytest

from loadtests.service import start
from tests.faults.evidence import assert_once_each, assert_projected_as_rebuilt
from tests.faults.swarm import PARTY, Swarm
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType
from tracesvc.store.event_log import EventLog
from tracesvc.store.keys import Keys
from tracesvc.store.parties import Parties
from tracesvc.telemetry import SystemClock

PROCESSES = 3
UPLOADS = 120
CLIENTS = 9
GIVE_UP_S = 45.0
PAGE = 7


@pytest.fixture
async def services(dsn, tmp_path):
    """Services in processes of their own over one database, each with loops that could lead."""
    settings = {"DSN": dsn, "ADMISSION__WORKING_MAX": "3", "POOL__CONNECTIONS_MAX": "4"}
    started = await asyncio.gather(
        *(start(tmp_path / str(number), settings=settings) for number in range(PROCESSES))
    )
    yield started
    for service in started:
        if service.process.returncode is None:
            await service.stop()


@pytest.fixture
async def key(pool):
    """The key of a party that uploads."""
    now = SystemClock().now()
    party = Party(party_id=PARTY, party_type=PartyType.WHOLESALER, name=PARTY)
    await Parties(pool).add(party, now=now)
    _, plain = await Keys(pool).create(PARTY, [AccessRole.UPLOADER], now=now)
    return plain


async def test_a_tailing_reader_misses_nothing(services, key, pool, dsn):
    """Writers in three processes, one of them killed: the reader sees 0, 1, 2 and each capture once."""
    swarm = Swarm([s.url for s in services], key, clients=CLIENTS, uploads=UPLOADS)
    log = EventLog(pool)
    seen = []

    async def tail() -> None:
        while len(seen) < UPLOADS:
            page = await log.captures_after(len(seen) - 1, PAGE)
            assert [c.log_index for c in page] == [*range(len(seen), len(seen) + len(page))]
            seen.extend(page)
            if not page:
                await asyncio.sleep(0.01)

    async with asyncio.timeout(GIVE_UP_S), asyncio.TaskGroup() as group:
        group.create_task(swarm.send_all(give_up_s=GIVE_UP_S))
        group.create_task(tail())
        await swarm.answered(UPLOADS // 2)
        # Whichever process numbers the log, a third of the time it is this one.
        await services[0].stop(signal.SIGKILL)

    acknowledged = {receipt["capture_id"] for u in swarm.uploads for receipt in u.receipts}
    assert {str(capture.capture_id) for capture in seen} == acknowledged
    assert len(acknowledged) == UPLOADS
    assert swarm.unexpected == []
    await assert_once_each(pool, swarm.uploads)
    await assert_projected_as_rebuilt(pool, dsn, UPLOADS)
