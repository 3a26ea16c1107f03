"""Uploads: in, and what became of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, cast, get_args
from uuid import UUID

from aiohttp import web
from structlog import get_logger
from structlog.contextvars import bind_contextvars

from tracesvc.domain.captures import CaptureReceipt, OnError
from tracesvc.domain.errors import BadParameter, NotAllowed
from tracesvc.domain.lists import FindingFilters
from tracesvc.domain.parties import Caller, Viewer
from tracesvc.http import answers
from tracesvc.http.asking import check_known, flag, one, page_of, path_id, word
from tracesvc.http.body import read_body
from tracesvc.http.services import CALLER, SERVICES, Services
from tracesvc.http.upload import Upload
from tracesvc.ingest.admission import Place
from tracesvc.query.answers import CaptureSummary, FindingSummary
from tracesvc.wire.context import PARAMS
from tracesvc.wire.replies import CapturePage, RejectionPage

CONTROLS: Final = ("format", "on_error", "wait", "dry_run", "party")
_KEY_HEADER: Final = "Idempotency-Key"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One POST: the upload, and what kind of answer is asked for."""

    upload: Upload
    dry_run: bool
    wait: bool


async def post_capture(request: web.Request) -> web.Response:
    """Take one upload; answer when what the receipt says is true."""
    services = request.app[SERVICES]
    asked = _asked(request, services)
    async with services.admission.admit(asked.upload.party_id) as place:
        payload = await read_body(request, place=place, limits=services.body_limits)
        if asked.dry_run:
            return await _rehearse(asked.upload, payload, services=services, place=place)
        receipt = await _take(asked.upload, payload, services=services, place=place)
    status = HTTPStatus.OK if receipt.replayed else HTTPStatus.CREATED
    if receipt.outcome == "rolled_back":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    if not asked.wait:
        return answers.receipt(receipt, status=status)
    # The place is free again: waiting for the projector holds up nobody.
    viewer = request[CALLER].viewer
    capture = await _until_projected(services, viewer, receipt.capture_id)
    receipt = replace(receipt, log_index=capture.log_index)
    return answers.receipt(
        receipt,
        status=status,
        proof=await services.receipts.proof(receipt),
        capture=capture,
        raised=await _raised(services, viewer, receipt.capture_id),
    )


async def get_captures(request: web.Request) -> web.Response:
    """List the caller's own captures, newest first; a key that sees all lists everybody's."""
    services = request.app[SERVICES]
    page = page_of(request, services.limits)
    found = await services.queries.captures(
        request[CALLER].viewer, limit=page.rows, cursor=page.cursor
    )
    return answers.reply(CapturePage, found)


async def get_capture(request: web.Request) -> web.Response:
    """Tell how far a capture has got, and the findings it raised, the newest first, at most a page."""
    services, viewer = request.app[SERVICES], request[CALLER].viewer
    check_known(request, ())
    capture = await services.queries.capture(viewer, path_id(request, "capture_id"))
    raised = await _raised(services, viewer, capture.capture_id)
    return answers.capture(capture, raised)


async def get_receipt(request: web.Request) -> web.Response:
    """Give the receipt again, with the proof that the capture is in the log once it is sequenced."""
    services = request.app[SERVICES]
    check_known(request, ())
    receipt = await services.receipts.receipt(
        request[CALLER].viewer, path_id(request, "capture_id")
    )
    return answers.receipt(receipt, proof=await services.receipts.proof(receipt))


async def get_rejections(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    page = page_of(request, services.limits)
    found = await services.queries.rejections(
        request[CALLER].viewer,
        path_id(request, "capture_id"),
        limit=page.rows,
        cursor=page.cursor,
    )
    return answers.reply(RejectionPage, found)


async def _take(
    upload: Upload, payload: bytes, *, services: Services, place: Place
) -> CaptureReceipt:
    """Store the upload, or find the receipt of the same upload sent before."""
    request_sha256 = upload.request_sha256(payload)
    known = await services.intake.replay(
        upload.party_id,
        idempotency_key=upload.key(request_sha256),
        request_sha256=request_sha256,
    )
    if known is not None:
        return known
    async with place.turn():
        request = await services.preparation.request(
            upload, payload, request_sha256=request_sha256
        )
        bind_contextvars(capture_id=str(request.capture_id))
        receipt = await services.intake.capture(request)
    _log.info(
        "capture appended",
        outcome=receipt.outcome,
        events=receipt.event_count,
        scans=receipt.scan_count,
        duplicates=receipt.duplicate_count,
        rejections=receipt.rejection_count,
    )
    return receipt


async def _rehearse(
    upload: Upload, payload: bytes, *, services: Services, place: Place
) -> web.Response:
    async with place.turn():
        request = await services.preparation.request(upload, payload, request_sha256=b"")
        return answers.rehearsal(await services.intake.rehearse(request))


async def _until_projected(services: Services, viewer: Viewer, capture_id: UUID) -> CaptureSummary:
    """Wait, within the limit, until the projector has passed the capture; return it as it then is.

    A capture that is late is no failure: it is stored, and the answer says how far it has got.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + services.limits.projection_wait_s_max
    while True:
        heard = services.projected.rings
        capture = await services.queries.capture(viewer, capture_id)
        if capture.state == "projected" or loop.time() >= until_s:
            return capture
        await services.projected.heard(heard, services.limits.projection_poll_s)


async def _raised(
    services: Services, viewer: Viewer, capture_id: UUID
) -> Sequence[FindingSummary]:
    found = await services.queries.findings(
        viewer,
        FindingFilters(capture_id=capture_id),
        now=services.clock.now(),
        limit=services.limits.page_rows_max,
    )
    return found.items


def _asked(request: web.Request, services: Services) -> Asked:
    """Read what is asked for; raises BadParameter, or NotAllowed for a key that speaks for nobody."""
    check_known(request, (*CONTROLS, *PARAMS))
    caller = request[CALLER]
    on_error = word(request, "on_error", words=get_args(OnError)) or "rollback"
    wait = word(request, "wait", words=("projected",))
    upload = Upload(
        caller=caller,
        party_id=_party_of(request, caller),
        format=one(request, "format"),
        on_error=cast("OnError", on_error),
        params={n: v for n in sorted(PARAMS) if (v := one(request, n)) is not None},
        idempotency_key=_key_of(request, services.limits.idempotency_key_length_max),
    )
    return Asked(upload=upload, dry_run=flag(request, "dry_run"), wait=wait is not None)


def _party_of(request: web.Request, caller: Caller) -> str:
    """Return whose upload this is: the key's party, or for an admin the one the request names."""
    named = one(request, "party")
    if named is not None and not caller.speaks_for(named):
        raise NotAllowed("this key does not speak for that party", party=named)
    party_id = named or caller.party_id
    if party_id is None:
        raise BadParameter("this key has no party; name one with ?party=", parameter="party")
    return party_id


def _key_of(request: web.Request, length_max: int) -> str | None:
    key = request.headers.get(_KEY_HEADER)
    if key is None:
        return None
    if not (0 < len(key) <= length_max and key.isascii() and key.isprintable()):
        raise BadParameter(
            f"{_KEY_HEADER} is 1 to {length_max} printable ASCII characters", parameter=_KEY_HEADER
        )
    return key
