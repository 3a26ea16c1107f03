"""Stopping in order: nobody new, everybody inside to the end."""

import asyncio
from uuid import UUID

from aiohttp import ClientConnectorError, ClientSession

from tests.acceptance.client import MAKER, Api, code, eventually, settings_for
from tracesvc.bootstrap import RunningService, service
from tracesvc.store.event_log import EventLog

EVENT = b'[{"kind":"activate","event_time":"2026-01-05T18:00:00+08:00","codes":["%s"]}]'


async def test_an_upload_under_way_is_finished_and_no_other_begun(dsn, pool):
    """What was admitted before the stop is stored and answered; who comes later finds no door."""
    body = EVENT % code(1).encode()
    go, stop = asyncio.Event(), asyncio.Event()

    async def slow_body():
        yield body[:10]
        await go.wait()
        yield body[10:]

    async def serve(ready: asyncio.Future[RunningService]) -> None:
        async with service(settings_for(dsn)) as running:
            ready.set_result(running)
            await stop.wait()

    ready = asyncio.get_running_loop().create_future()
    async with ClientSession() as session, asyncio.TaskGroup() as group:
        serving = group.create_task(serve(ready))
        running = await ready
        api = Api(running.url, session, pool)
        key = await api.key(MAKER)
        upload = group.create_task(api.call("POST", "/v1/captures", key=key, body=slow_body()))
        await eventually(lambda: _is_inside(running))
        stop.set()
        await eventually(lambda: _is_closed(api.url))
        assert not serving.done()
        go.set()
        answer = await upload

    receipt = await EventLog(pool).receipt(UUID(answer.json["capture_id"]))

    assert answer.status == 201
    assert receipt is not None


async def _is_inside(running: RunningService) -> bool:
    return running.admission.inside == 1


async def _is_closed(url: str) -> bool:
    try:
        async with ClientSession() as stranger, stranger.get(f"{url}/healthz"):
            return False
    except ClientConnectorError:
        return True
