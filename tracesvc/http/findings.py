"""What the rules have found, as far as the caller may see it."""

from typing import Final, cast, get_args

from aiohttp import web

from tracesvc.domain.lists import FindingFilters, FindingState
from tracesvc.domain.rules.base import Severity
from tracesvc.http import answers
from tracesvc.http.asking import (
    check_known,
    code_filter,
    id_filter,
    instant,
    one,
    page_of,
    path_id,
    word,
)
from tracesvc.http.services import CALLER, SERVICES
from tracesvc.wire.replies import Finding, FindingChangePage, FindingPage, FindingSubjectPage

TEXTS: Final = {
    "party": "party_id",
    "region": "region",
    "product": "product",
    "lot": "lot",
    "document": "document",
    "rule": "rule_id",
}
"""Query parameters that are passed on as they are, with the filters they set."""

STATES: Final = get_args(FindingState)
SEVERITIES: Final = tuple(severity.value for severity in Severity)
OTHERS: Final = ("state", "severity", "code", "capture", "since", "until")


async def get_findings(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    page = page_of(request, services.limits, filters=(*TEXTS, *OTHERS))
    severity = word(request, "severity", words=SEVERITIES)
    filters = FindingFilters(
        **{field: one(request, name) for name, field in TEXTS.items()},
        severity=Severity(severity) if severity else None,
        state=cast("FindingState | None", word(request, "state", words=STATES)),
        trace_code=code_filter(request, "code"),
        capture_id=id_filter(request, "capture"),
        event_from=instant(request, "since"),
        event_until=instant(request, "until"),
    )
    found = await services.queries.findings(
        request[CALLER].viewer,
        filters,
        now=services.clock.now(),
        limit=page.rows,
        cursor=page.cursor,
    )
    return answers.reply(FindingPage, found)


async def get_finding(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    check_known(request, ())
    found = await services.queries.finding(
        request[CALLER].viewer, path_id(request, "finding_id"), now=services.clock.now()
    )
    return answers.reply(Finding, found)


async def get_subjects(request: web.Request) -> web.Response:
    """List the codes or document lines that a finding is about, with the evidence for each."""
    services = request.app[SERVICES]
    page = page_of(request, services.limits)
    found = await services.queries.finding_subjects(
        request[CALLER].viewer,
        path_id(request, "finding_id"),
        limit=page.rows,
        cursor=page.cursor,
    )
    return answers.reply(FindingSubjectPage, found)


async def get_changes(request: web.Request) -> web.Response:
    """List when the finding opened, grew, shrank or was withdrawn, and which event explains it."""
    services = request.app[SERVICES]
    page = page_of(request, services.limits)
    found = await services.queries.finding_changes(
        request[CALLER].viewer,
        path_id(request, "finding_id"),
        limit=page.rows,
        cursor=page.cursor,
    )
    return answers.reply(FindingChangePage, found)
