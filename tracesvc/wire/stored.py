"""The canonical body of an event: the bytes its identity is taken over, and the way back.

A body is JSON with sorted keys and without absent fields. Times are UTC to the microsecond, dates
ISO, codes canonical and sorted, so that the same fact has the same digest whatever the order of the
scans and whoever relays it. What is derived (bill type, ids, record time) is not in it. The reported
offset is there only where it is not that of Chinese time. Beside the facts it keeps what the
scanner really sent: ``raw`` (canonical code to raw text, where they differ), ``repeated`` and
``inferred`` (read from a GS1 text that had lost its separators).
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from tracesvc.domain.events import ScannedEvent

VOIDS_EVENT_ID: Final = "voids_event_id"
"""Attribute that holds the event id a void names, until ingest has found that event's digest."""


def canonical_body(facts: dict[str, Any]) -> bytes:
    """Return the canonical JSON of an event's settled facts; absent ones must not be among them.

    Raises TypeError (orjson's) where a value has no JSON form of its own.
    """
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


def digest_of(body: bytes) -> bytes:
    """Return the identity of an event: SHA-256 of its canonical body."""
    return sha256(body).digest()


class StoredBody(NamedTuple):
    """What only the body knows about an event; its head is in the columns of the log."""

    codes: tuple[str, ...]
    replacements: tuple[str, ...]
    repeated: tuple[str, ...]
    inferred: tuple[str, ...]
    raw: Mapping[str, str]
    attributes: Mapping[str, Any]


def decode_body(body: bytes | str) -> StoredBody:
    """Take a canonical body apart. `replacements` stand position by position beside `codes`."""
    facts = orjson.loads(body)
    return StoredBody(
        codes=tuple(facts.get("codes", ())),
        replacements=tuple(facts.get("replacements", ())),
        repeated=tuple(facts.get("repeated", ())),
        inferred=tuple(facts.get("inferred", ())),
        raw=facts.get("raw", {}),
        attributes=facts.get("attributes", {}),
    )


def voided_event_id(scanned: ScannedEvent) -> str | None:
    """Return the event id that a void or correct names and that has still to be resolved."""
    found = (scanned.attributes or {}).get(VOIDS_EVENT_ID)
    return found if isinstance(found, str) else None


def with_voids(scanned: ScannedEvent, voids: bytes) -> ScannedEvent:
    """Rebuild a void or correct after its event id was resolved to that event's digest.

    The result equals what the uploader would have got by naming the digest: same body, same digest.
    """
    facts = orjson.loads(scanned.body)
    attributes = facts.pop("attributes", {})
    attributes.pop(VOIDS_EVENT_ID, None)
    if attributes:
        facts["attributes"] = attributes
    body = canonical_body({**facts, "voids": voids.hex()})
    return replace(
        scanned,
        event=replace(scanned.event, voids=voids, digest=digest_of(body)),
        attributes=attributes or None,
        body=body,
    )
