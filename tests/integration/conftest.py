"""Captures to append."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tracesvc.domain.captures import NewCapture
from tracesvc.domain.events import Rejection, ScannedEvent, TraceEvent
from tracesvc.domain.ids import event_id_of, new_capture_id
from tracesvc.domain.vocabulary import Kind
from tracesvc.wire.stored import canonical_body, digest_of


class Upload(NamedTuple):
    """What `EventLog.append` takes."""

    capture: NewCapture
    events: list[ScannedEvent]
    rejections: list[Rejection]


def upload(*events, key=None, party="p1", on_error="rollback", request=b"r" * 32, rejections=()):
    """Return an upload; each event is a dict of `codes` and fields of TraceEvent."""
    now = datetime.now(UTC)
    capture_id = new_capture_id(int(now.timestamp() * 1000), os.urandom(7))
    capture = NewCapture(
        capture_id=capture_id,
        party_id=party,
        idempotency_key=key,
        format="json",
        on_error=on_error,
        payload_sha256=b"p" * 32,
        request_sha256=request,
        record_time=now,
    )
    scanned = [scan(capture_id, now, ordinal, event) for ordinal, event in enumerate(events)]
    return Upload(capture, scanned, list(rejections))


def scan(capture_id, now, ordinal, fields):
    fields = {"kind": Kind.SHIP, "actor": "p1", **fields}
    codes, replacements = tuple(fields.pop("codes", ())), tuple(fields.pop("replacements", ()))
    facts = {name: str(value) for name, value in fields.items()} | {"codes": sorted(codes)}
    if replacements:
        facts["replacements"] = sorted(replacements)
    body = canonical_body(facts)
    event = TraceEvent(
        event_id=event_id_of(capture_id, ordinal),
        digest=digest_of(body),
        **{
            "reason": None,
            "bill_type": None,
            "event_time": datetime(2025, 6, 1, 4, 30, tzinfo=UTC),
            "event_offset_min": 480,
            "record_time": now,
            **fields,
        },
    )
    return ScannedEvent(
        event=event, ordinal=ordinal, codes=codes, replacements=replacements, body=body
    )


@pytest.fixture
def make_upload() -> Callable[..., Upload]:
    """Build uploads from short descriptions of their events."""
    return upload
