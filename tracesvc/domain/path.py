"""The chain of custody of one code: its links, in force and voided, and what was found on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from tracesvc.domain.codes import product_code_of
from tracesvc.domain.events import OrderKey, TraceEvent
from tracesvc.domain.gaps import Gap, find_gaps
from tracesvc.domain.judging import Judged, judge_steps
from tracesvc.domain.ledger import Ledger, Link, Scan
from tracesvc.domain.rules.base import Severity
from tracesvc.domain.vocabulary import LEAVES_CONTAINER, Kind, Role, Status

HIDDEN: Final = "hidden"
"""The kind of a link that the viewer may know to exist, and nothing more."""

CARRIES_CONTENT: Final = LEAVES_CONTAINER - {Kind.UNPACK, Kind.RELABEL}
"""Kinds by which a container takes along what is inside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A business document as it was reported."""

    number: str
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathLink:
    """One event in the effective history of a code.

    `via` are the containers the code travelled in, innermost first; `role` is what the code, or
    the outermost of `via`, was in the event, and `parent` the container that a pack or unpack
    names. `voided` links count for nothing; the `void` or `correct` that says so is a link of its
    own, whose `voids` is the event it takes out. A masked link has kind `hidden`, the day instead
    of the time, and none of the fields that may be None.
    """

    kind: str
    reason: str | None
    event_id: UUID | None
    event_time: datetime
    event_offset_min: int
    record_time: datetime | None
    actor: str | None
    from_party: str | None
    to_party: str | None
    owner: str | None
    carrier: str | None
    document: Document | None
    role: str | None
    parent: str | None
    via: tuple[str, ...]
    voided: bool
    voids: UUID | None
    findings: tuple[UUID, ...]

    @property
    def parties(self) -> frozenset[str]:
        """Whoever the event names."""
        named = (self.actor, self.from_party, self.to_party, self.owner, self.carrier)
        return frozenset(party for party in named if party is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFinding:
    """A finding as far as it concerns a path.

    `subjects` are the codes of the path (or the document line) it is held against, `events` the
    events that prove it. `state` is open, or waiting
    until `opens_time`, since the missing upload may still be on its way.
    """

    finding_id: UUID
    rule_id: str
    rule_version: int
    severity: Severity
    title_zh: str
    title_en: str
    ground: str
    state: str
    actor: str
    from_party: str | None
    to_party: str | None
    document: str | None
    product: str | None
    lot: str | None
    event_id: UUID
    event_time: datetime
    opens_time: datetime
    subjects: tuple[str, ...]
    events: tuple[UUID, ...]
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Everything there is to say of the way of one code.

    `as_of` and `known_at` are as asked: None means without bound. `product` falls back to the
    product part of the code where nothing was reported. `holder` is with whom the code is, or from
    whom it was sent while it is in transit.
    """

    trace_code: str
    product: str | None
    lot: str | None
    expiry: date | None
    status: Status
    holder: str | None
    owner: str | None
    as_of: datetime | None
    known_at: datetime | None
    links: tuple[PathLink, ...]
    gaps: tuple[Gap, ...]
    findings: tuple[PathFinding, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of a code, and of every container it was ever in, at the time asked for.

    `voids` are the events that void one of these, or one another. `counting` are the digests of
    all events and voids that no void in force takes out. Voids are corrections of the record, not
    happenings: the time of the void itself never matters, only whether it was known.
    """

    trace_code: str
    scans: Mapping[str, Sequence[Scan]]
    voids: Sequence[TraceEvent]
    counting: frozenset[bytes]
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        ledger = Ledger(
            {
                trace_code: [scan for scan in scans if scan.event.digest in self.counting]
                for trace_code, scans in self.scans.items()
            }
        )
        object.__setattr__(self, "ledger", ledger)

    def events(self) -> dict[bytes, TraceEvent]:
        return {scan.event.digest: scan.event for scans in self.scans.values() for scan in scans}


@dataclass(frozen=True, slots=True)
class _Place:
    """An event's place in the path: what the code or its container was in it."""

    event: TraceEvent
    role: Role | None
    via: tuple[str, ...]


def build_path(
    record: Record,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    moment: datetime,
    judged: Iterable[Judged] = (),
    witnesses: Iterable[TraceEvent] = (),
) -> Path:
    """Return the path of a record. Pure: the same record gives the same path.

    Rules of steps are asked here; `judged` is what the rules of events and documents say besides,
    and `witnesses` are the events their evidence names beyond those of the record.
    `moment` is the time at which a finding counts as open or waiting.
    """
    trace_code, ledger = record.trace_code, record.ledger
    state = ledger.effective_now(trace_code)
    own_links = ledger.links(trace_code)
    places = _places(record, own_links)
    concerning = _by_place([*judged, *judge_steps(ledger, record.scans)])
    links, shown = _links(record, places, concerning)
    events = {event.digest: event for event in witnesses} | record.events()
    return Path(
        trace_code=trace_code,
        product=state.identity.product or product_code_of(trace_code),
        lot=state.identity.lot,
        expiry=state.identity.expiry,
        status=state.possession.status,
        holder=state.possession.holder,
        owner=state.possession.owner,
        as_of=as_of,
        known_at=known_at,
        links=links,
        gaps=tuple(find_gaps(trace_code, ledger, own_links)),
        findings=_findings(shown, events, moment),
    )


def _places(record: Record, own_links: Iterable[Link]) -> dict[bytes, _Place]:
    """Return the events of the path by digest: those that count, and those that would have."""
    places = {
        link.step.event.digest: _Place(link.step.event, link.step.role, link.via)
        for link in own_links
    }
    for trace_code, scans in record.scans.items():
        for scan in scans:
            if scan.event.digest in record.counting:
                continue
            via = _via_if_counted(record, trace_code, scan)
            known = places.get(scan.event.digest)
            if via is not None and (known is None or len(via) > len(known.via)):
                places[scan.event.digest] = _Place(scan.event, scan.role, via)
    _add_voids(places, record.voids)
    return places


def _via_if_counted(record: Record, trace_code: str, scan: Scan) -> tuple[str, ...] | None:
    """Return through which containers a voided event would have moved the code, None if not."""
    if trace_code == record.trace_code:
        return ()
    if scan.role is not Role.OBJECT or scan.event.kind not in CARRIES_CONTENT:
        return None
    around = record.ledger.containers_before(record.trace_code, scan.event.key)
    return around[: around.index(trace_code) + 1] if trace_code in around else None


def _add_voids(places: dict[bytes, _Place], voids: Sequence[TraceEvent]) -> None:
    """Put each void beside the event it names; a void may name a void, so until none is left."""
    waiting = [void for void in voids if void.digest not in places]
    while True:
        placed = [void for void in waiting if void.voids in places]
        if not placed:
            return
        for void in placed:
            if void.voids is not None:
                places[void.digest] = _Place(void, None, places[void.voids].via)
        waiting = [void for void in waiting if void.digest not in places]


_ByPlace = Mapping[tuple[str | None, bytes], Sequence[Judged]]


def _by_place(judged: Iterable[Judged]) -> _ByPlace:
    """Index findings by what they concern at which event; a document's concern all its events."""
    found: dict[tuple[str | None, bytes], list[Judged]] = {}
    for one in judged:
        subject = None if one.is_of_document else one.subject
        digests = (one.digest, *one.evidence.events) if one.is_of_document else (one.digest,)
        for digest in digests:
            found.setdefault((subject, digest), []).append(one)
    return found


def _links(
    record: Record, places: Mapping[bytes, _Place], concerning: _ByPlace
) -> tuple[tuple[PathLink, ...], list[Judged]]:
    """Return the links in the order of the fold, and what is held against anything in them.

    A link shows what is held against the code and against the containers it travelled in.
    """
    ordered: list[tuple[OrderKey, PathLink]] = []
    shown: list[Judged] = []
    for digest, place in places.items():
        subjects = (record.trace_code, *place.via, None)
        here = [one for s in subjects for one in concerning.get((s, digest), ())]
        shown += here
        voided = None if place.event.voids is None else places.get(place.event.voids)
        link = _link(
            place,
            is_voided=digest not in record.counting,
            voids=None if voided is None else voided.event.event_id,
            findings=tuple(sorted({one.group.finding_id for one in here})),
        )
        ordered.append((place.event.key, link))
    return tuple(link for _, link in sorted(ordered, key=lambda pair: pair[0])), shown


def _link(
    place: _Place, *, is_voided: bool, voids: UUID | None, findings: tuple[UUID, ...]
) -> PathLink:
    event = place.event
    document = None
    if event.document_number is not None:
        document = Document(number=event.document_number, part=event.document_part)
    return PathLink(
        kind=event.kind.value,
        reason=event.reason,
        event_id=event.event_id,
        event_time=event.event_time,
        event_offset_min=event.event_offset_min,
        record_time=event.record_time,
        actor=event.actor,
        from_party=event.from_party,
        to_party=event.to_party,
        owner=event.owner,
        carrier=event.carrier,
        document=document,
        role=None if place.role is None else place.role.name.lower(),
        parent=event.parent,
        via=place.via,
        voided=is_voided,
        voids=voids,
        findings=findings,
    )


def _findings(
    shown: Iterable[Judged], events: Mapping[bytes, TraceEvent], moment: datetime
) -> tuple[PathFinding, ...]:
    """Return the findings that links of the path name, by event time, each once."""
    grouped: dict[UUID, list[Judged]] = {}
    for one in shown:
        grouped.setdefault(one.group.finding_id, []).append(one)
    found = [_finding(ones, events, moment) for ones in grouped.values()]
    return tuple(sorted(found, key=lambda one: (one.event_time, one.rule_id, one.finding_id)))


def _finding(
    ones: Sequence[Judged], events: Mapping[bytes, TraceEvent], moment: datetime
) -> PathFinding:
    head = min(ones, key=lambda one: (one.group.event_time, one.digest, one.subject))
    group, rule = head.group, head.group.rule
    proof = {events[d].event_id for one in ones for d in one.evidence.events if d in events}
    return PathFinding(
        finding_id=group.finding_id,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        severity=rule.severity,
        title_zh=rule.title_zh,
        title_en=rule.title_en,
        ground=rule.ground,
        state="waiting" if moment < group.opens_time else "open",
        actor=group.actor,
        from_party=group.from_party,
        to_party=group.to_party,
        document=group.document_number,
        product=group.product,
        lot=group.lot,
        event_id=group.event_id,
        event_time=group.event_time,
        opens_time=group.opens_time,
        subjects=tuple(sorted({one.subject for one in ones})),
        events=tuple(sorted(proof)),
        detail=dict(head.evidence.detail),
    )
