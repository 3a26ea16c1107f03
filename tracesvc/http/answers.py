"""Making JSON answers: values of the stages through the models of the wire."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from tracesvc.domain.captures import CaptureReceipt, EventVerdict, InclusionProof
from tracesvc.ingest.capture import Rehearsal
from tracesvc.query.answers import CaptureSummary, FindingSummary
from tracesvc.wire import replies
from tracesvc.wire.replies import CaptureReply, Finding, Reply, receipt_reply

_JSON: Final = "application/json"


def reply(
    model: type[Reply], value: object, *, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """Answer with a value in the form of the model."""
    return _response(model.model_validate(value), status)


def receipt(
    value: CaptureReceipt,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    proof: InclusionProof | None = None,
    capture: CaptureSummary | None = None,
    raised: Sequence[FindingSummary] | None = None,
) -> web.Response:
    """Answer with a receipt; `capture` and `raised` are there where the projector was waited for."""
    head = receipt_reply(
        # Verdicts, one per event, are the only part that grows with the upload. Written past the
        # model a thousand of them cost 0.7 ms instead of 9; a test holds the two forms equal.
        replace(value, verdicts=()),
        state=capture.state if capture else None,
        proof=proof,
        findings=None if raised is None else _findings(raised),
    ).model_dump(mode="json")
    body = orjson.dumps({**head, "verdicts": [_verdict(verdict) for verdict in value.verdicts]})
    return web.Response(
        body=body,
        status=status,
        content_type=_JSON,
        headers={"Location": f"/v1/captures/{value.capture_id}"},
    )


def _verdict(verdict: EventVerdict) -> dict[str, object]:
    return {
        "ordinal": verdict.ordinal,
        "event_id": str(verdict.event_id),
        "verdict": verdict.verdict,
        "digest": verdict.digest.hex(),
    }


def rehearsal(value: Rehearsal) -> web.Response:
    """Answer a dry run: 200 where the upload would be accepted, 422 where it would be rolled back."""
    rolled_back = value.outcome == "rolled_back"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if rolled_back else HTTPStatus.OK
    return _response(replies.Rehearsal.model_validate(value), status)


def capture(value: CaptureSummary, raised: Sequence[FindingSummary]) -> web.Response:
    """Answer with a capture and the findings it raised."""
    answer = CaptureReply.model_validate(value)
    return _response(answer.model_copy(update={"findings": _findings(raised)}), HTTPStatus.OK)


def _findings(raised: Sequence[FindingSummary]) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(finding) for finding in raised)


def _response(answer: Reply, status: HTTPStatus) -> web.Response:
    return web.Response(body=answer.model_dump_json().encode(), status=status, content_type=_JSON)
