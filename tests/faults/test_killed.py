"""Processes die in the middle of uploads; what was acknowledged is there once, and nothing twice."""

import asyncio
import os
import signal

from tests.faults.evidence import assert_once_each, assert_projected_as_rebuilt
from tests.faults.swarm import Swarm
from tracesvc.bootstrap import office

UPLOADS = 90
CLIENTS = 6
GIVE_UP_S = 45.0


async def swarm_on(premises) -> Swarm:
    key = await premises.uploader_key()
    return Swarm([premises.service.url], key, clients=CLIENTS, uploads=UPLOADS)


async def assert_intact(premises, swarm) -> None:
    assert swarm.unexpected == []
    async with office(premises.settings) as opened:
        await assert_once_each(opened.pool, swarm.uploads)
        await assert_projected_as_rebuilt(opened.pool, opened.dsn, UPLOADS)


async def test_a_killed_api_loses_nothing_and_doubles_nothing(premises):
    """Kill -9 of the API, twice, beside retrying clients: every acknowledged event is there once."""
    swarm = await swarm_on(premises)
    sending = asyncio.create_task(swarm.send_all(give_up_s=GIVE_UP_S))
    for share in (4, 2):
        await swarm.answered(UPLOADS // share)
        assert await premises.service.stop(signal.SIGKILL) == -signal.SIGKILL
        await premises.open()
    await sending

    assert max(upload.attempts for upload in swarm.uploads) > 2
    await assert_intact(premises, swarm)


async def test_a_killed_postgres_comes_back_and_has_lost_nothing(premises):
    """Kill -9 of the embedded postmaster: the service starts it again and clients go on."""
    swarm = await swarm_on(premises)
    sending = asyncio.create_task(swarm.send_all(give_up_s=GIVE_UP_S))
    await swarm.answered(UPLOADS // 3)
    killed = premises.postmaster()
    os.kill(killed, signal.SIGKILL)
    await sending

    assert premises.postmaster() != killed
    assert premises.service.process.returncode is None
    await assert_intact(premises, swarm)


async def test_a_stopped_service_finishes_what_it_acknowledged(premises):
    """SIGTERM in the middle of uploads: the process ends by itself with 0, and nothing is lost."""
    swarm = await swarm_on(premises)
    sending = asyncio.create_task(swarm.send_all(give_up_s=GIVE_UP_S))
    await swarm.answered(UPLOADS // 3)
    assert await premises.service.stop(signal.SIGTERM) == 0
    await premises.open()
    await sending

    await assert_intact(premises, swarm)
