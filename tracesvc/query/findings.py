"""Findings: which there are, what they are about, and how they came and went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from tracesvc.domain.errors import NotFound
from tracesvc.domain.lists import (
    FindingChange,
    FindingFilters,
    FindingPlace,
    FindingQuery,
    FindingState,
    StoredFinding,
    StoredSubject,
)
from tracesvc.domain.parties import Viewer
from tracesvc.domain.rules import RULE_BY_ID
from tracesvc.domain.visibility import shown_detail
from tracesvc.query.answers import FindingSummary, Page
from tracesvc.query.cursor import decode_cursor, encode_cursor, page_of
from tracesvc.query.ports import FindingReader

_FINDINGS, _SUBJECTS, _CHANGES = "findings", "subjects", "changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """An uploader sees the findings whose event it reported, sent or received."""

    reader: FindingReader

    async def findings(
        self,
        viewer: Viewer,
        filters: FindingFilters,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[FindingSummary]:
        """Return findings, those that opened last first. Raises BadParameter for a foreign cursor."""
        before = decode_cursor(cursor, _FINDINGS, _read_place)
        if not viewer.sees_all and viewer.party_id is None:
            return Page(items=(), next_cursor=None)
        party = None if viewer.sees_all else viewer.party_id
        query = FindingQuery(filters=filters, viewer_party=party, now=now)
        rows = await self.reader.findings(query, before, limit + 1)
        page = page_of(rows, limit, _place_text)
        return Page(
            items=tuple(_summary(row, viewer, now) for row in page.items),
            next_cursor=page.next_cursor,
        )

    async def finding(self, viewer: Viewer, finding_id: UUID, *, now: datetime) -> FindingSummary:
        """Return one finding; raises NotFound where there is none the viewer may see."""
        return _summary(await self._stored(viewer, finding_id), viewer, now)

    async def subjects(
        self, viewer: Viewer, finding_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[StoredSubject]:
        """Return a finding's subjects in order. Raises NotFound like `finding`, BadParameter."""
        name = f"{_SUBJECTS} {finding_id}"
        after = decode_cursor(cursor, name, _read_subject)
        head = await self._stored(viewer, finding_id)
        page = page_of(
            await self.reader.subjects(finding_id, after, limit + 1),
            limit,
            lambda row: encode_cursor(name, row.subject, row.event_digest.hex()),
        )
        return Page(
            items=tuple(
                replace(row, detail=_detail(row.detail, head, viewer)) for row in page.items
            ),
            next_cursor=page.next_cursor,
        )

    async def changes(
        self, viewer: Viewer, finding_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[FindingChange]:
        """Return a finding's journal in order. Raises NotFound like `finding`, BadParameter.

        Only who sees all learns which upload caused a change: it may be anybody's.
        """
        name = f"{_CHANGES} {finding_id}"
        after = decode_cursor(cursor, name, _read_change)
        await self._stored(viewer, finding_id)
        rows = await self.reader.changes(finding_id, after or 0, limit + 1)
        page = page_of(rows, limit, lambda row: encode_cursor(name, row.change_id))
        if viewer.sees_all:
            return page
        return Page(
            items=tuple(replace(row, event_id=None, capture_id=None) for row in page.items),
            next_cursor=page.next_cursor,
        )

    async def _stored(self, viewer: Viewer, finding_id: UUID) -> StoredFinding:
        found = await self.reader.finding(finding_id)
        if found is None or not _may_see(viewer, found):
            raise NotFound("there is no such finding", finding_id=str(finding_id))
        return found


def _may_see(viewer: Viewer, finding: StoredFinding) -> bool:
    return viewer.sees_all or (
        viewer.party_id is not None and viewer.party_id in _parties(finding)
    )


def _parties(finding: StoredFinding) -> frozenset[str]:
    named = (finding.actor, finding.from_party, finding.to_party)
    return frozenset(party for party in named if party is not None)


def _summary(finding: StoredFinding, viewer: Viewer, now: datetime) -> FindingSummary:
    # A rule that was retired after it found something has no words any more, only its id.
    rule = RULE_BY_ID.get(finding.rule_id)
    return FindingSummary(
        finding_id=finding.finding_id,
        rule_id=finding.rule_id,
        rule_version=finding.rule_version,
        severity=finding.severity,
        title_zh=finding.rule_id if rule is None else rule.title_zh,
        title_en=finding.rule_id if rule is None else rule.title_en,
        ground="" if rule is None else rule.ground,
        state=_state(finding, now),
        actor=finding.actor,
        from_party=finding.from_party,
        to_party=finding.to_party,
        document=finding.document,
        product=finding.product,
        lot=finding.lot,
        event_id=finding.event_id,
        event_time=finding.event_time,
        opens_time=finding.opens_time,
        subject_count=finding.subject_count,
        detail=_detail(finding.detail, finding, viewer),
    )


def _state(finding: StoredFinding, now: datetime) -> FindingState:
    if finding.subject_count == 0:
        return "withdrawn"
    return "waiting" if now < finding.opens_time else "open"


def _detail(detail: Mapping[str, str], head: StoredFinding, viewer: Viewer) -> Mapping[str, str]:
    return detail if viewer.sees_all else shown_detail(detail, known=_parties(head))


def _place_text(row: StoredFinding) -> str:
    return encode_cursor(_FINDINGS, row.opens_time.isoformat(), row.finding_id.hex)


def _read_place(parts: Sequence[str | int]) -> FindingPlace:
    opens_time, finding_id = parts
    moment = datetime.fromisoformat(str(opens_time))
    if moment.tzinfo is None:
        raise ValueError("a time without offset")
    return FindingPlace(moment.astimezone(UTC), UUID(str(finding_id)))


def _read_subject(parts: Sequence[str | int]) -> tuple[str, bytes]:
    subject, digest = parts
    return str(subject), bytes.fromhex(str(digest))


def _read_change(parts: Sequence[str | int]) -> int:
    (change_id,) = parts
    if not isinstance(change_id, int) or not 0 < change_id < 2**63:
        raise ValueError("not a change")
    return change_id
