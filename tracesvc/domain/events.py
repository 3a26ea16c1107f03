"""One reported fact: what, when, where, who and why; and the parts of a capture that carries facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar, dataclass_transform
from uuid import UUID

from tracesvc.domain.vocabulary import KIND_RANK, Kind, Role

FactT = TypeVar("FactT")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(cls: type[FactT]) -> type[FactT]:
    """Make a dataclass that type checkers hold to be frozen and that costs nothing to make.

    A frozen dataclass of these many fields takes four times as long to make, a quarter of decoding
    an upload of single dispensings. Nobody assigns to a fact: mypy sees to it.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)


class OrderKey(NamedTuple):
    """Where an event stands in the history of a code: event time, kind rank, digest; never arrival."""

    event_time: datetime
    rank: int
    digest: bytes


@fact
class TraceEvent:
    """The head of one event, as the fold and the rules see it: everything but its list of codes.

    Times are aware UTC; `event_offset_min` is the reporter's offset from UTC in minutes, so that
    the calendar day of the event can be told. `digest` is the SHA-256 of the canonical body and is
    the event's identity; `event_id` is the server's UUID v7 for the first copy that arrived.
    Party fields hold party ids; `to_party` of a shipment is where the goods go physically, and
    `owner` who owns them afterwards (direct delivery 直调 and agents make these differ).
    `portion` is the share of one pack that a partial dispensing took, as (numerator, denominator).
    `voids` is the digest of the event that a void or correct names.
    """

    event_id: UUID
    digest: bytes
    kind: Kind
    reason: str | None
    bill_type: int | None
    event_time: datetime
    event_offset_min: int
    record_time: datetime
    actor: str
    from_party: str | None = None
    to_party: str | None = None
    owner: str | None = None
    carrier: str | None = None
    location: str | None = None
    document_number: str | None = None
    document_part: str | None = None
    product: str | None = None
    lot: str | None = None
    made_on: date | None = None
    expiry: date | None = None
    parent: str | None = None
    declared_count: int | None = None
    scan_count: int = 0
    portion: tuple[int, int] | None = None
    voids: bytes | None = None

    @property
    def key(self) -> OrderKey:
        return OrderKey(self.event_time, KIND_RANK[self.kind], self.digest)


@fact
class ScannedEvent:
    """An event with the codes it scanned, each once, in canonical form and in the order scanned.

    `codes` are objects, or children where the kind is pack or unpack; `replacements` are the new
    codes of a relabel, position by position. `repeated` lists codes that the scanner sent more than
    once. `body` is the canonical JSON whose SHA-256 is the digest. `ordinal` is the event's place in
    its capture, from 0, counting rejected ones.
    """

    event: TraceEvent
    ordinal: int
    codes: tuple[str, ...]
    replacements: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    attributes: Mapping[str, Any] | None = None
    body: bytes = b""

    @property
    def code_role(self) -> Role:
        return Role.CHILD if self.event.kind in _PACKING else Role.OBJECT

    def parts(self) -> list[tuple[Role, Sequence[str]]]:
        """Return the codes by role, each code in one role only: these are the rows of the log.

        A code that a report names both as container and as content, or as old and as new label, is
        in the first role of the order parent, object or child, replacement. The body keeps what
        was reported, and the rules judge it.
        """
        parent, codes, replacements = self.event.parent, self.codes, self.replacements
        if parent is None and codes and not replacements:
            return [(self.code_role, codes)]
        parts: list[tuple[Role, Sequence[str]]] = []
        if parent is not None:
            parts.append((Role.PARENT, (parent,)))
            if parent in codes:
                codes = tuple(code for code in codes if code != parent)
        if codes:
            parts.append((self.code_role, codes))
        if replacements:
            taken = {parent, *codes}
            fresh = tuple(code for code in replacements if code not in taken)
            parts.append((Role.REPLACEMENT, fresh))
        return parts

    @property
    def scan_count(self) -> int:
        return sum(len(codes) for _, codes in self.parts())


_PACKING = frozenset({Kind.PACK, Kind.UNPACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One record that could not be understood: kept and explained, never lost, never raised.

    `pointer` is a JSON Pointer into the upload (for XML and text, into the equivalent list of
    records; `line` is then the line of the file, from 1). `ordinal` numbers the rejections of one
    capture from 0.
    `event_ordinal` is the event it belongs to, None where the whole file is meant.
    """

    ordinal: int
    event_ordinal: int | None
    pointer: str
    raw: str
    error_code: str
    detail: str = ""
    line: int | None = None
