"""From a well-formed draft to an event of the log: meaning, defaults, codes, body and digest.

This is the hot path of every upload. Events that cannot be understood become rejections; nothing
is refused for being illegal, since illegal flow is exactly what must be on record.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ids import event_id_of
from tracesvc.domain.vocabulary import VOIDING
from tracesvc.wire.instant import CHINA_OFFSET_MIN, format_instant, parse_instant
from tracesvc.wire.reading import Draft, Reading, pointer_to
from tracesvc.wire.scan_list import ScanList, read_parent, read_scans
from tracesvc.wire.settle import PACKING, SPECIAL, Refused, Settled, settle, understand
from tracesvc.wire.stored import canonical_body, digest_of


class Assembler:
    """Makes events of the drafts of one upload, and rejections in its `reading`.

    Most events say what the one before said, but for their time, codes and document. The rest is
    then not settled again, which takes an eighth of the time off 1,000 single sales.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._last: tuple[dict[str, Any], Settled] | None = None

    def event(self, draft: Draft) -> ScannedEvent | None:
        """Make an event of a draft; None, and rejections, where that is impossible.

        Bad codes are rejected one by one and the event stands on the others; if none is left, or a
        pack has lost its parent, there is no event. Raises TooLarge beyond the limits.
        """
        try:
            return self._assembled(draft)
        except Refused as refused:
            self._reading.reject(
                refused.error_code,
                refused.raw,
                ordinal=draft.ordinal,
                pointer=pointer_to(draft.pointer, refused.field),
                line=draft.line,
            )
            return None

    def _assembled(self, draft: Draft) -> ScannedEvent | None:
        reading = self._reading
        said = _present(draft)
        time, codes = said.pop("event_time", ""), said.pop("codes", ())
        document = _document(said.pop("document", None))
        settled, (instant, offset_min) = self._settled(said, codes=codes, time=time)
        scans = read_scans(draft, reading)
        parent = read_parent(draft, reading) if "parent" in said else None
        if not scans.codes and settled.kind not in VOIDING:
            return None
        if parent is None and settled.kind in PACKING:
            return None
        facts = {**settled.facts, "event_time": format_instant(instant)}
        if offset_min != CHINA_OFFSET_MIN:
            facts["event_offset_min"] = offset_min
        if document:
            facts["document"] = document
        _put_codes(facts, scans, parent)
        body = _sealed(facts)
        event = TraceEvent(
            event_id=event_id_of(reading.context.capture_id, draft.ordinal),
            digest=digest_of(body),
            event_time=instant,
            event_offset_min=offset_min,
            document_number=document.get("number"),
            document_part=document.get("part"),
            parent=parent,
            scan_count=len(scans.codes) + len(scans.replacements) + (parent is not None),
            **settled.head,
        )
        return ScannedEvent(
            event=event,
            ordinal=draft.ordinal,
            codes=scans.codes,
            replacements=scans.replacements,
            repeated=scans.repeated,
            attributes=facts.get("attributes"),
            body=body,
        )

    def _settled(
        self, said: dict[str, Any], *, codes: Sequence[str], time: str
    ) -> tuple[Settled, tuple[datetime, int]]:
        """Settle what an event says; raises Refused, of several faults always with the same."""
        moment = parse_instant(time)
        if self._last and self._last[0] == said and codes and moment:
            return self._last[1], moment
        facts = said.copy()
        kind, bill = understand(facts, codes=codes)
        if moment is None:
            raise Refused("bad_time" if time else "no_event_time", "event_time", time)
        settled = settle(facts, kind, bill, reading=self._reading)
        if _NEVER_ALIKE.isdisjoint(said):
            self._last = said, settled
        return settled, moment


# In attributes 1 equals true and 1.0, but not in the body.
_NEVER_ALIKE: Final = SPECIAL | {"attributes"}


def _present(draft: Draft) -> dict[str, Any]:
    """Return the facts that are there. Null and empty ones are not; a count of zero is."""
    facts: Mapping[str, Any] = draft.facts
    if all(facts.values()):
        return dict(facts)
    return {name: value for name, value in facts.items() if value or value == 0}


_NO_DOCUMENT: Final[dict[str, str]] = {}


def _document(said: dict[str, str] | None) -> dict[str, str]:
    """Return the document without what is empty; nothing where it has no number."""
    if not said or not said.get("number"):
        return _NO_DOCUMENT
    return {name: text for name, text in said.items() if text}


def _put_codes(facts: dict[str, Any], scans: ScanList, parent: str | None) -> None:
    """Put the canonical codes in place of the raw ones, sorted: scan order is no part of the fact."""
    codes = scans.codes
    if parent is not None:
        if parent in codes:
            raise Refused("parent_in_codes", "parent", parent)
        facts["parent"] = parent
    if scans.replacements:
        pairs = sorted(zip(codes, scans.replacements, strict=True))
        facts["codes"], facts["replacements"] = zip(*pairs, strict=True)
    elif codes:
        facts["codes"] = sorted(codes) if len(codes) > 1 else codes
    if scans.repeated:
        facts["repeated"] = scans.repeated
    if scans.inferred:
        facts["inferred"] = scans.inferred
    if scans.raw:
        facts["raw"] = scans.raw


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def _sealed(facts: dict[str, Any]) -> bytes:
    """Write the canonical body. Refuse control characters in what becomes columns of the log."""
    try:
        body = canonical_body(facts)
    except TypeError as error:
        raise Refused("bad_text", "", str(error)) from None
    # JSON escapes control characters, quotes and backslashes only: rarely is there one to look for.
    if b"\\" in body or b"\x7f" in body:
        texts = {**facts, **facts.get("document", {})}
        for field, value in texts.items():
            if isinstance(value, str) and _CONTROL.search(value):
                raise Refused("bad_text", "document" if field in _IN_DOCUMENT else field, value)
    return body


_IN_DOCUMENT: Final = frozenset({"number", "part"})
