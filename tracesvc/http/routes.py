"""Every call of the API, in one table: the server and its OpenAPI document are both built from it."""

from http import HTTPStatus
from typing import Final

from tracesvc.http import captures, codes, docs, findings, health, parties
from tracesvc.http.parties import NEW_PARTY
from tracesvc.http.route import ADMINS, READERS, SENDERS, Parameter, Route
from tracesvc.wire.context import PARAMS
from tracesvc.wire.decode import FORMATS
from tracesvc.wire.replies import (
    CapturePage,
    CaptureReply,
    CodeReply,
    ContentsReply,
    Finding,
    FindingChangePage,
    FindingPage,
    FindingSubjectPage,
    Health,
    PartyPage,
    PartyReply,
    PathReply,
    Readiness,
    Receipt,
    RejectionPage,
)

_JSON: Final = "application/json"
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_UUID: Final = {"type": "string", "format": "uuid"}
_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED
_BAD, _MISSING = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND

_CURSOR: Final = Parameter(
    name="cursor",
    schema=_TEXT,
    text="`next_cursor` of the page before; without it the first page.",
)
_LIMIT: Final = Parameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    text="Rows per page.",
)
_PAGED: Final = (_CURSOR, _LIMIT)
_CAPTURE_ID: Final = Parameter(
    name="capture_id",
    where="path",
    schema=_UUID,
    text="The capture's id, from its receipt.",
)
_FINDING_ID: Final = Parameter(
    name="finding_id",
    where="path",
    schema=_UUID,
    text="The finding's id.",
)
_CODE: Final = Parameter(
    name="code",
    where="path",
    schema=_TEXT,
    text="A trace code in any spelling that a scanner sends, URL-encoded: 20 digits, GS1 element "
    "string, EPC URN, or Digital Link.",
)
_FILE: Final = {"type": "string", "format": "binary"}

_CAPTURE_PARAMETERS: Final = (
    Parameter(
        name="Idempotency-Key",
        where="header",
        schema={"type": "string", "minLength": 1, "maxLength": 255},
        text="Makes a repetition safe: the same key and content give the same receipt. Without it "
        "the content itself is the key.",
    ),
    Parameter(
        name="format",
        schema={"type": "string", "enum": list(FORMATS)},
        text="Form of the body; guessed from the content where absent.",
    ),
    Parameter(
        name="on_error",
        schema={"type": "string", "enum": ["rollback", "proceed"], "default": "rollback"},
        text="What a record that cannot be understood means: nothing is stored, or the good is.",
    ),
    Parameter(
        name="wait",
        schema={"type": "string", "enum": ["projected"]},
        text="Answer after the projector has passed the capture (bounded), with its findings.",
    ),
    Parameter(
        name="dry_run",
        schema={"type": "string", "enum": ["0", "1"]},
        text="Say what would happen and store nothing.",
    ),
    Parameter(
        name="party", schema=_TEXT, text="Whose upload it is; needed for a key without a party."
    ),
    *(
        Parameter(name=name, schema=_TEXT, text=f"`{name}` of events whose file does not say it.")
        for name in sorted(PARAMS)
    ),
)

_CAPTURES: Final = (
    Route(
        method="POST",
        path="/v1/captures",
        handler=captures.post_capture,
        name="postCapture",
        summary="上传扫码数据 · Upload events",
        text="One upload is one transaction. The body may be gzip (Content-Encoding).",
        tag="captures",
        roles=SENDERS,
        parameters=_CAPTURE_PARAMETERS,
        sends={
            "application/json": {"type": "object"},
            "application/xml": _TEXT,
            "text/plain": _TEXT,
            "text/csv": _TEXT,
            "application/octet-stream": _FILE,
        },
        replies={
            _CREATED: (_JSON, Receipt),
            _OK: (_JSON, Receipt),
            HTTPStatus.UNPROCESSABLE_ENTITY: (_JSON, Receipt),
        },
        problems=(
            _BAD,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.TOO_MANY_REQUESTS,
        ),
    ),
    Route(
        method="GET",
        path="/v1/captures",
        handler=captures.get_captures,
        name="listCaptures",
        summary="上传列表 · List captures, newest first",
        tag="captures",
        roles=READERS,
        parameters=_PAGED,
        replies={_OK: (_JSON, CapturePage)},
        problems=(_BAD,),
    ),
    Route(
        method="GET",
        path="/v1/captures/{capture_id}",
        handler=captures.get_capture,
        name="getCapture",
        summary="上传状态 · State, counts and findings of a capture",
        tag="captures",
        roles=READERS,
        parameters=(_CAPTURE_ID,),
        replies={_OK: (_JSON, CaptureReply)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/captures/{capture_id}/receipt",
        handler=captures.get_receipt,
        name="getReceipt",
        summary="回执与存证 · The receipt, with proof of inclusion in the log",
        text="The proof is an RFC 6962 audit path; it is absent until the capture is sequenced.",
        tag="captures",
        roles=READERS,
        parameters=(_CAPTURE_ID,),
        replies={_OK: (_JSON, Receipt)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/captures/{capture_id}/rejections",
        handler=captures.get_rejections,
        name="listRejections",
        summary="被拒记录 · Records that could not be understood, with remedies",
        tag="captures",
        roles=READERS,
        parameters=(_CAPTURE_ID, *_PAGED),
        replies={_OK: (_JSON, RejectionPage)},
        problems=(_BAD, _MISSING),
    ),
)

_CODES: Final = (
    Route(
        method="GET",
        path="/v1/codes/{code}/path",
        pattern="/v1/codes/{code:.+}/path",
        handler=codes.get_path,
        name="getPath",
        summary="流向 · The chain of custody of one code",
        tag="codes",
        roles=READERS,
        parameters=(
            _CODE,
            Parameter(name="as_of", schema=_TIME, text="As it stood at this event time."),
            Parameter(name="known_at", schema=_TIME, text="As it was known at this record time."),
        ),
        replies={_OK: (_JSON, PathReply)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/codes/{code}/contents",
        pattern="/v1/codes/{code:.+}/contents",
        handler=codes.get_contents,
        name="getContents",
        summary="包装内容 · What is inside a container",
        tag="codes",
        roles=READERS,
        parameters=(
            _CODE,
            Parameter(name="at", schema=_TIME, text="At this event time; now where absent."),
            *_PAGED,
        ),
        replies={_OK: (_JSON, ContentsReply)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/codes/{code}",
        pattern="/v1/codes/{code:.+}",
        handler=codes.get_code,
        name="getCode",
        summary="状态与持有人 · Status and holder of one code, now",
        tag="codes",
        roles=READERS,
        parameters=(_CODE,),
        replies={_OK: (_JSON, CodeReply)},
        problems=(_BAD, _MISSING),
    ),
)

_FINDINGS: Final = (
    Route(
        method="GET",
        path="/v1/findings",
        handler=findings.get_findings,
        name="listFindings",
        summary="发现 · Anomalies and gaps, with evidence",
        tag="findings",
        roles=READERS,
        parameters=(
            Parameter(name="party", schema=_TEXT, text="A party on any side of the finding."),
            Parameter(name="region", schema=_TEXT, text="Beginning of the actor's region code."),
            Parameter(name="rule", schema=_TEXT, text="Id of the rule, as F01."),
            Parameter(
                name="state",
                schema={"type": "string", "enum": list(findings.STATES)},
                text="Without it all that are not withdrawn.",
            ),
            Parameter(
                name="severity",
                schema={"type": "string", "enum": list(findings.SEVERITIES)},
                text="Severity of the rule.",
            ),
            Parameter(name="product", schema=_TEXT, text="Product code."),
            Parameter(name="lot", schema=_TEXT, text="Production batch."),
            Parameter(name="document", schema=_TEXT, text="Number of a document."),
            Parameter(name="code", schema=_TEXT, text="A trace code it is about, any spelling."),
            Parameter(name="capture", schema=_UUID, text="The upload that raised or changed it."),
            Parameter(name="since", schema=_TIME, text="Event time, inclusive."),
            Parameter(name="until", schema=_TIME, text="Event time, exclusive."),
            *_PAGED,
        ),
        replies={_OK: (_JSON, FindingPage)},
        problems=(_BAD,),
    ),
    Route(
        method="GET",
        path="/v1/findings/{finding_id}",
        handler=findings.get_finding,
        name="getFinding",
        summary="一项发现 · One finding",
        tag="findings",
        roles=READERS,
        parameters=(_FINDING_ID,),
        replies={_OK: (_JSON, Finding)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/findings/{finding_id}/subjects",
        handler=findings.get_subjects,
        name="listFindingSubjects",
        summary="涉及的追溯码 · Codes or document lines it is about, with evidence",
        tag="findings",
        roles=READERS,
        parameters=(_FINDING_ID, *_PAGED),
        replies={_OK: (_JSON, FindingSubjectPage)},
        problems=(_BAD, _MISSING),
    ),
    Route(
        method="GET",
        path="/v1/findings/{finding_id}/changes",
        handler=findings.get_changes,
        name="listFindingChanges",
        summary="变更记录 · When it opened, changed or was withdrawn, and why",
        tag="findings",
        roles=READERS,
        parameters=(_FINDING_ID, *_PAGED),
        replies={_OK: (_JSON, FindingChangePage)},
        problems=(_BAD, _MISSING),
    ),
)

_PARTIES: Final = (
    Route(
        method="GET",
        path="/v1/parties",
        handler=parties.get_parties,
        name="listParties",
        summary="主体列表 · List parties",
        tag="parties",
        roles=READERS,
        parameters=_PAGED,
        replies={_OK: (_JSON, PartyPage)},
        problems=(_BAD,),
    ),
    Route(
        method="POST",
        path="/v1/parties",
        handler=parties.post_party,
        name="postParty",
        summary="登记主体 · Add a party",
        tag="parties",
        roles=ADMINS,
        sends={_JSON: NEW_PARTY},
        replies={_CREATED: (_JSON, PartyReply), _OK: (_JSON, PartyReply)},
        problems=(_BAD, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ),
    Route(
        method="GET",
        path="/v1/parties/{party_id}",
        handler=parties.get_party,
        name="getParty",
        summary="主体 · One party",
        tag="parties",
        roles=READERS,
        parameters=(
            Parameter(name="party_id", where="path", schema=_TEXT, text="Id of the party."),
        ),
        replies={_OK: (_JSON, PartyReply)},
        problems=(_MISSING,),
    ),
)

_HEALTH: Final = (
    Route(
        method="GET",
        path="/healthz",
        handler=health.get_healthz,
        name="getHealth",
        summary="Is the process alive",
        tag="service",
        roles=None,
        replies={_OK: (_JSON, Health)},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=health.get_readyz,
        name="getReadiness",
        summary="Would an upload sent now be stored",
        tag="service",
        roles=None,
        replies={_OK: (_JSON, Readiness), HTTPStatus.SERVICE_UNAVAILABLE: (_JSON, Readiness)},
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=health.get_metrics,
        name="getMetrics",
        summary="Metrics in the text format of Prometheus",
        tag="service",
        roles=None,
        replies={_OK: ("text/plain", "Metrics")},
    ),
)

_DOCS: Final = (
    Route(
        method="GET",
        path="/openapi.json",
        handler=docs.get_openapi,
        name="getOpenapi",
        summary="This document",
        tag="service",
        roles=None,
        replies={_OK: (_JSON, "OpenAPI 3.1 document")},
    ),
    Route(
        method="GET",
        path="/docs",
        handler=docs.get_docs,
        name="getDocs",
        summary="The API as a page to browse and try",
        tag="service",
        roles=None,
        replies={_OK: ("text/html", "Page")},
    ),
    Route(
        method="GET",
        path="/docs/{asset}",
        handler=docs.get_docs_asset,
        name="getDocsAsset",
        summary="Scripts and styles of the page",
        tag="service",
        roles=None,
        parameters=(
            Parameter(name="asset", where="path", schema=_TEXT, text="Name of the file."),
        ),
        replies={_OK: ("application/octet-stream", "File")},
        problems=(_MISSING,),
    ),
)

ROUTES: Final[tuple[Route, ...]] = (
    *_CAPTURES,
    *_CODES,
    *_FINDINGS,
    *_PARTIES,
    *_HEALTH,
    *_DOCS,
)
