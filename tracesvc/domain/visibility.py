"""How much of a code's way a viewer may see: everything, or its own part and that of its counterparts.

A party sees an event in full if the event names it: as reporter, sender, receiver, owner or carrier.
So it sees what it reported, and what its direct counterparts reported of it. Every other link keeps
its place in the path and shows the day, and nothing more: up and down the chain a party may know
that goods moved, not between whom. A party that no event of a code names gets the same answer as
for a code nobody has ever reported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tracesvc.domain.gaps import Gap
from tracesvc.domain.parties import Viewer
from tracesvc.domain.path import HIDDEN, Path, PathFinding, PathLink

TELLS_NO_PARTY: Final = frozenset({
    "container", "container_lot", "cycle", "declared", "event_time", "expiry", "gap", "lot", "made_on",
    "other", "product", "reason", "repeated", "scanned", "status",
})  # fmt: skip
"""Details of evidence that every reader of a finding may see; any other may name a party."""

MASK: Final = "***"


def shown_to(viewer: Viewer, path: Path) -> Path | None:
    """Return what the viewer may see of a path, None where it may not know of it."""
    if viewer.sees_all:
        return path
    party = viewer.party_id
    if party is None:
        return None
    visible = _visible_events(path.links, party)
    if not visible:
        return None
    seen = [link for link in path.links if link.event_id in visible]
    named = named_in(seen)
    findings = tuple(
        shown_finding(finding, visible, known=named)
        for finding in path.findings
        if party in (finding.actor, finding.from_party, finding.to_party)
    )
    ids = {finding.finding_id for finding in findings}
    known = acquaintances(seen, party)
    return replace(
        path,
        holder=path.holder if path.holder in known else None,
        owner=path.owner if path.owner in known else None,
        links=tuple(
            _with_findings(link, ids) if link.event_id in visible else masked(link)
            for link in path.links
        ),
        gaps=tuple(
            _shown_gap(gap, visible, named=named)
            for gap in path.gaps
            if party in (gap.owed_by, gap.counterpart)
        ),
        findings=findings,
    )


def masked(link: PathLink) -> PathLink:
    """Return a link that says only that something was reported, on which day, and if it was voided."""
    return PathLink(
        kind=HIDDEN,
        reason=None,
        event_id=None,
        event_time=_day(link.event_time, link.event_offset_min),
        event_offset_min=link.event_offset_min,
        record_time=None,
        actor=None,
        from_party=None,
        to_party=None,
        owner=None,
        carrier=None,
        document=None,
        role=None,
        parent=None,
        via=(),
        voided=link.voided,
        voids=None,
        findings=(),
    )


def acquaintances(seen: Iterable[PathLink], party: str) -> frozenset[str]:
    """Return the party and those who themselves reported an event that names it.

    Who only was named by the party is not among them: otherwise anybody could learn where a code is
    by claiming to have shipped it to everybody.
    """
    return frozenset({party, *(link.actor for link in seen if link.actor is not None)})


def named_in(seen: Iterable[PathLink]) -> frozenset[str]:
    return frozenset(party for link in seen for party in link.parties)


def shown_detail(detail: Mapping[str, str], *, known: frozenset[str]) -> dict[str, str]:
    """Return details of evidence with every party masked that the viewer does not know of."""
    return {
        name: value if name in TELLS_NO_PARTY or value in known or not value else MASK
        for name, value in detail.items()
    }


def shown_finding(
    finding: PathFinding, visible: frozenset[UUID], *, known: frozenset[str]
) -> PathFinding:
    return replace(
        finding,
        events=tuple(event_id for event_id in finding.events if event_id in visible),
        detail=shown_detail(finding.detail, known=known),
    )


def _visible_events(links: Iterable[PathLink], party: str) -> frozenset[UUID]:
    """Return the events that name the party, and the voids of those: one may know what became of it."""
    visible: set[UUID | None] = {link.event_id for link in links if party in link.parties}
    # Voids follow what they name, but a void of a void may come before it in event time.
    while True:
        more = {
            link.event_id
            for link in links
            if link.voids in visible and link.voids is not None and link.event_id not in visible
        }
        if not more:
            return frozenset(event_id for event_id in visible if event_id is not None)
        visible |= more


def _with_findings(link: PathLink, ids: set[UUID]) -> PathLink:
    return replace(link, findings=tuple(one for one in link.findings if one in ids))


def _shown_gap(gap: Gap, visible: frozenset[UUID], *, named: frozenset[str]) -> Gap:
    sees_after, sees_before = gap.after_event_id in visible, gap.before_event_id in visible
    return replace(
        gap,
        owed_by=gap.owed_by if gap.owed_by in named else None,
        counterpart=gap.counterpart if gap.counterpart in named else None,
        document=gap.document if sees_after or sees_before else None,
        after_event_id=gap.after_event_id if sees_after else None,
        after_time=gap.after_time if sees_after else None,
        before_event_id=gap.before_event_id if sees_before else None,
        before_time=gap.before_time if sees_before else None,
    )


def _day(moment: datetime, offset_min: int) -> datetime:
    """Return the start of the calendar day at the place of the event, as an instant in UTC."""
    offset = timedelta(minutes=offset_min)
    local = moment + offset
    return local.replace(hour=0, minute=0, second=0, microsecond=0) - offset
