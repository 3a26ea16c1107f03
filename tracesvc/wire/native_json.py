"""Native JSON: ``{"events": [...]}``, a bare list of events, or a single event.

A good upload is checked in one pass. Only where something is wrong is it read a second time, event
by event, so that the faults can be told apart from the rest.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.context import check_limit
from tracesvc.wire.native import CAPTURE, EVENTS, EventV1
from tracesvc.wire.reading import Draft, Reading, pointer_to
from tracesvc.wire.text import decode_text


def read_json(content: bytes, reading: Reading) -> Iterable[Draft]:
    """Yield the drafts of an upload. Raises Unreadable where it is not JSON of that shape."""
    try:
        if content.lstrip()[:1] == b"[":
            return _numbered(EVENTS.validate_json(content), "", reading)
        return _numbered(CAPTURE.validate_json(content)["events"], "/events", reading)
    except ValidationError:
        return _read_slowly(content, reading)


def _numbered(events: list[EventV1], base: str, reading: Reading) -> Iterator[Draft]:
    check_limit(reading.limits, "events_per_capture_max", len(events))
    for ordinal, facts in enumerate(events):
        yield Draft(ordinal, facts, base)


def _read_slowly(content: bytes, reading: Reading) -> Iterator[Draft]:
    try:
        # Unlike most readers this one keeps integers of any size: they are shown as they were sent.
        upload = from_json(decode_text(content))
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}", reason="json_broken") from error
    items, base = _items_of(upload, reading)
    for item in items:
        ordinal = reading.next_ordinal()
        draft = Draft(ordinal, item, base)
        if isinstance(item, dict) and isinstance(item.get("codes"), list):
            kept = _with_text_codes(draft, item["codes"], reading)
            if kept is None:
                continue
            draft = kept
        yield from reading.checked(draft)


def _items_of(upload: object, reading: Reading) -> tuple[list[Any], str | None]:
    """Return the events as sent and the pointer to their list; None for a single event."""
    if isinstance(upload, list):
        return upload, ""
    if not isinstance(upload, dict):
        raise Unreadable("a JSON object or list is expected", reason="json_shape")
    if "events" not in upload:
        return [upload], None
    if not isinstance(upload["events"], list):
        raise Unreadable("events is not a list", reason="json_shape")
    for name in sorted(upload.keys() - {"events"}):
        reading.reject("unknown_field", upload[name], ordinal=None, pointer=pointer_to("", name))
    return upload["events"], "/events"


def _with_text_codes(draft: Draft, codes: list[Any], reading: Reading) -> Draft | None:
    """Reject codes that were sent as numbers and keep the others; None where no code is left.

    A number has been through somebody's floating point, or will be: its digits cannot be trusted.
    """
    places = [index for index, item in enumerate(codes) if isinstance(item, str)]
    if len(places) == len(codes):
        return draft
    for index, item in enumerate(codes):
        if not isinstance(item, str):
            pointer = pointer_to(draft.pointer, "codes", index)
            reading.reject("code_not_text", item, ordinal=draft.ordinal, pointer=pointer)
    kept: EventV1 = {**draft.facts, "codes": [codes[index] for index in places]}
    return draft._replace(facts=kept, places=places) if places else None
