"""Lists of captures, rejections and findings: pages, states and who sees what."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tests.builders import DEALER, MAKER, PHARMACY, RECORDED
from tracesvc.domain.errors import BadParameter, NotFound
from tracesvc.domain.events import Rejection
from tracesvc.domain.lists import (
    CaptureSummary,
    FindingChange,
    FindingFilters,
    StoredFinding,
    StoredSubject,
)
from tracesvc.domain.parties import Viewer
from tracesvc.domain.rules.base import Severity
from tracesvc.domain.visibility import MASK
from tracesvc.query.captures import Captures
from tracesvc.query.findings import Findings
from tracesvc.query.limits import QueryLimits
from tracesvc.query.queries import Queries

ALL, OWN = Viewer(party_id=None, sees_all=True), Viewer(party_id=MAKER, sees_all=False)
NOBODY = Viewer(party_id=None, sees_all=False)


def capture(number: int, party: str = MAKER) -> CaptureSummary:
    return CaptureSummary(
        capture_id=UUID(int=number << 20),
        party_id=party,
        record_time=RECORDED,
        format="json",
        on_error="rollback",
        outcome="accepted",
        state="stored",
        log_index=None,
        event_count=1,
        scan_count=1,
        duplicate_count=0,
        rejection_count=0,
        root_hash=bytes(32),
    )


def finding(number: int, **fields) -> StoredFinding:
    facts = {
        "finding_id": UUID(int=number),
        "rule_id": "F01",
        "rule_version": 1,
        "severity": Severity.MID,
        "actor": DEALER,
        "from_party": MAKER,
        "to_party": DEALER,
        "document": "CK1",
        "product": None,
        "lot": None,
        "event_id": UUID(int=1),
        "event_time": RECORDED,
        "opens_time": RECORDED + timedelta(hours=number),
        "subject_count": 1,
        "detail": {"held_by": PHARMACY, "shipper": MAKER},
    }
    return StoredFinding(**facts | fields)


class Reader:
    """Rows in memory, as the store would return them."""

    def __init__(self, *rows) -> None:
        self.rows = list(rows)
        self.asked = []

    async def capture(self, capture_id):
        return next((row for row in self.rows if row.capture_id == capture_id), None)

    async def captures(self, party_id, before, limit):
        rows = [
            row
            for row in sorted(self.rows, key=lambda row: row.capture_id, reverse=True)
            if party_id in (None, row.party_id) and (before is None or row.capture_id < before)
        ]
        return rows[:limit]

    async def rejections(self, _capture_id, after, limit):
        rows = [
            Rejection(ordinal=n, event_ordinal=n, pointer="", raw="", error_code="x")
            for n in range(5)
        ]
        return [row for row in rows if row.ordinal > after][:limit]

    async def findings(self, query, before, limit):
        self.asked.append(query)
        rows = sorted(self.rows, key=lambda r: (r.opens_time, r.finding_id), reverse=True)
        return [r for r in rows if before is None or (r.opens_time, r.finding_id) < before][:limit]

    async def finding(self, finding_id):
        return next((row for row in self.rows if row.finding_id == finding_id), None)

    async def subjects(self, _finding_id, after, limit):
        rows = [
            StoredSubject(
                subject=f"u{n}",
                event_digest=bytes([n]),
                event_id=None,
                events=(),
                detail={"held_by": PHARMACY},
            )
            for n in range(3)
        ]
        return [r for r in rows if after is None or (r.subject, r.event_digest) > after][:limit]

    async def changes(self, _finding_id, after, limit):
        row = FindingChange(
            change_id=1, change="opened", subject_count=1, event_id=UUID(int=1),
            capture_id=UUID(int=2), log_index=0, record_time=RECORDED,
        )  # fmt: skip
        return [replace(row, change_id=n) for n in (1, 2, 3) if n > after][:limit]


async def every(ask):
    """Return the items of all pages."""
    items, cursor = [], None
    while True:
        page = await ask(cursor)
        items += page.items
        if (cursor := page.next_cursor) is None:
            return items


async def test_captures_come_newest_first_and_only_ones_own():
    """An uploader's list holds its own uploads, each on one page."""
    asked = Captures(reader=Reader(*(capture(n, "MD"[n % 2] * 1) for n in range(1, 6))))
    mine = Viewer(party_id="D", sees_all=False)

    everything = await every(lambda c: asked.captures(ALL, limit=2, cursor=c))
    own = await every(lambda c: asked.captures(mine, limit=1, cursor=c))

    assert [one.capture_id.int >> 20 for one in everything] == [5, 4, 3, 2, 1]
    assert [one.capture_id.int >> 20 for one in own] == [5, 3, 1]
    assert (await asked.captures(NOBODY, limit=5)).items == ()


async def test_a_capture_of_another_is_not_found():
    """Captures and their rejections are for their uploader and for those who see all."""
    asked = Captures(reader=Reader(capture(1, DEALER)))
    for viewer in (OWN, NOBODY):
        with pytest.raises(NotFound):
            await asked.capture(viewer, UUID(int=1 << 20))
        with pytest.raises(NotFound):
            await asked.rejections(viewer, UUID(int=1 << 20), limit=1)

    assert (await asked.capture(ALL, UUID(int=1 << 20))).party_id == DEALER


async def test_rejections_come_in_order():
    """Pages of rejections follow one another and belong to their capture."""
    asked = Captures(reader=Reader(capture(1), capture(2)))
    first, second = UUID(int=1 << 20), UUID(int=2 << 20)

    found = await every(lambda c: asked.rejections(OWN, first, limit=2, cursor=c))
    cursor = (await asked.rejections(OWN, first, limit=2)).next_cursor

    assert [one.ordinal for one in found] == [0, 1, 2, 3, 4]
    with pytest.raises(BadParameter):
        await asked.rejections(OWN, second, limit=2, cursor=cursor)


async def test_findings_carry_the_words_of_their_rule_and_their_state():
    """Open, waiting or withdrawn is a matter of the time asked at."""
    asked = Findings(reader=Reader(finding(1), finding(3), finding(2, subject_count=0)))
    now = RECORDED + timedelta(hours=2)
    found = await every(
        lambda c: asked.findings(ALL, FindingFilters(), now=now, limit=1, cursor=c)
    )

    assert [one.state for one in found] == ["waiting", "withdrawn", "open"]
    assert found[0].title_zh == "有入无出"
    assert found[0].title_en == "received without a reported shipment"
    assert found[0].ground


async def test_a_retired_rule_keeps_its_id():
    """A finding of a rule this release does not know is still shown."""
    asked = Findings(reader=Reader(finding(1, rule_id="X99")))
    found = await asked.finding(ALL, UUID(int=1), now=RECORDED)

    assert (found.title_zh, found.title_en, found.ground) == ("X99", "X99", "")


async def test_an_uploader_sees_findings_of_its_events_without_other_parties():
    """The reader is told who looks, and evidence about strangers is masked."""
    reader = Reader(finding(1))
    asked = Findings(reader=reader)
    (found,) = (await asked.findings(OWN, FindingFilters(), now=RECORDED, limit=5)).items

    assert reader.asked[0].viewer_party == MAKER
    assert found.detail == {"held_by": MASK, "shipper": MAKER}
    assert (await asked.findings(NOBODY, FindingFilters(), now=RECORDED, limit=5)).items == ()
    await asked.findings(ALL, FindingFilters(), now=RECORDED, limit=5)
    assert reader.asked[1].viewer_party is None


async def test_a_finding_of_others_is_not_found():
    """Neither it nor its subjects nor its journal."""
    asked = Findings(reader=Reader(finding(1)))
    other = Viewer(party_id=PHARMACY, sees_all=False)
    for ask in (
        asked.finding(other, UUID(int=1), now=RECORDED),
        asked.subjects(other, UUID(int=1), limit=1),
        asked.changes(NOBODY, UUID(int=1), limit=1),
    ):
        with pytest.raises(NotFound):
            await ask


async def test_subjects_and_journal_come_in_pages():
    """What a finding is about and how it came; which upload did it, only for who sees all."""
    asked = Findings(reader=Reader(finding(1)))
    subjects = await every(lambda c: asked.subjects(OWN, UUID(int=1), limit=2, cursor=c))
    journal = await every(lambda c: asked.changes(ALL, UUID(int=1), limit=1, cursor=c))
    masked = await every(lambda c: asked.changes(OWN, UUID(int=1), limit=2, cursor=c))

    assert [one.subject for one in subjects] == ["u0", "u1", "u2"]
    assert subjects[0].detail == {"held_by": MASK}
    assert [one.change_id for one in journal] == [1, 2, 3]
    assert journal[0].capture_id == UUID(int=2)
    assert masked[0].capture_id is None
    assert masked[0].event_id is None


async def test_foreign_cursors_are_refused():
    """A cursor of one list says nothing in another, and noise nothing in any."""
    reader = Reader(finding(1), finding(2))
    asked = Findings(reader=reader)
    page = await asked.findings(ALL, FindingFilters(), now=RECORDED, limit=1)
    for ask in (
        asked.subjects(ALL, UUID(int=1), limit=1, cursor=page.next_cursor),
        asked.changes(ALL, UUID(int=1), limit=1, cursor=page.next_cursor),
        asked.findings(ALL, FindingFilters(), now=RECORDED, limit=1, cursor="WyJmaW5kaW5ncyJd"),
        asked.findings(
            ALL, FindingFilters(), now=RECORDED, limit=1,
            cursor="WyJmaW5kaW5ncyIsIjIwMjYtMDEtMDEiLCIwIl0",
        ),
    ):  # fmt: skip
        with pytest.raises(BadParameter):
            await ask


@pytest.mark.parametrize("limit", [0, -1, 11])
async def test_a_page_has_a_largest_size(limit):
    """The bound of the settings holds whoever asks."""
    queries = Queries(
        log=None, captures=Reader(), findings=Reader(), limits=QueryLimits(page_rows_max=10)
    )

    with pytest.raises(BadParameter):
        await queries.captures(ALL, limit=limit)
    assert (await queries.captures(ALL, limit=10)).items == ()
