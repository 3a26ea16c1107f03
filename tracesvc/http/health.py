"""Is the process alive, can it do its work, and how much has it done."""

import asyncio
from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tracesvc.http import answers
from tracesvc.http.services import SERVICES, Services
from tracesvc.ingest.condition import AWAY, Condition
from tracesvc.wire.replies import Health, Readiness


async def get_healthz(request: web.Request) -> web.Response:
    """Answer as long as the event loop turns; asks nothing of the database."""
    del request
    return answers.reply(Health, {"status": "ok"})


async def get_readyz(request: web.Request) -> web.Response:
    """Answer 200 where an upload sent now would be stored, 503 where it would not."""
    condition = await _condition(request.app[SERVICES])
    status = HTTPStatus.OK if condition.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return answers.reply(Readiness, condition, status=status)


async def get_metrics(request: web.Request) -> web.Response:
    # The lag is a gauge of the database's, not of this process': it is read when asked for.
    await _condition(request.app[SERVICES])
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _condition(services: Services) -> Condition:
    try:
        async with asyncio.timeout(services.limits.health_wait_s_max):
            return await services.vitals.condition()
    except TimeoutError:
        return replace(AWAY, detail="the database did not answer in time")
