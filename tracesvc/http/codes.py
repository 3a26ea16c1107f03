"""One trace code: what it is now, the way it came, and what is inside."""

from aiohttp import web

from tracesvc.http import answers
from tracesvc.http.asking import check_known, instant, page_of, trace_code
from tracesvc.http.services import CALLER, SERVICES
from tracesvc.wire.replies import CodeReply, ContentsReply, PathReply


async def get_code(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    check_known(request, ())
    found = await services.queries.status(
        request[CALLER].viewer, trace_code(request), now=services.clock.now()
    )
    return answers.reply(CodeReply, found)


async def get_path(request: web.Request) -> web.Response:
    """Answer with the chain of custody, as of an event time and as known at a record time."""
    services = request.app[SERVICES]
    check_known(request, ("as_of", "known_at"))
    found = await services.queries.path(
        request[CALLER].viewer,
        trace_code(request),
        now=services.clock.now(),
        as_of=instant(request, "as_of"),
        known_at=instant(request, "known_at"),
    )
    return answers.reply(PathReply, found)


async def get_contents(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    page = page_of(request, services.limits, filters=("at",))
    found = await services.queries.contents(
        request[CALLER].viewer,
        trace_code(request),
        now=services.clock.now(),
        limit=page.rows,
        at=instant(request, "at"),
        cursor=page.cursor,
    )
    return answers.reply(ContentsReply, found)
