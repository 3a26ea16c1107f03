"""Everything that can be asked, in one place for whoever delivers the answers."""

from datetime import datetime
from uuid import UUID

from tracesvc.domain.errors import BadParameter
from tracesvc.domain.events import Rejection
from tracesvc.domain.lists import CaptureSummary, FindingChange, FindingFilters, StoredSubject
from tracesvc.domain.parties import Viewer
from tracesvc.domain.path import Path
from tracesvc.query.answers import CodeStatus, Contents, FindingSummary, Page
from tracesvc.query.captures import Captures
from tracesvc.query.contents import ContentsOf
from tracesvc.query.findings import Findings
from tracesvc.query.limits import QueryLimits
from tracesvc.query.path import Paths
from tracesvc.query.ports import CaptureReader, FindingReader, Log
from tracesvc.query.record import Moment


class Queries:
    """Answers questions for a viewer, who gets what it may see and NotFound for the rest.

    Trace codes come in canonical form. `limit` is the page size, from 1 to the limit of the
    settings; cursors are those of the page before, and BadParameter is raised for any other.
    """

    def __init__(
        self,
        *,
        log: Log,
        captures: CaptureReader,
        findings: FindingReader,
        limits: QueryLimits | None = None,
    ) -> None:
        self._limits = limits or QueryLimits()
        self._paths = Paths(log=log, findings=findings, limits=self._limits)
        self._contents = ContentsOf(log=log, paths=self._paths, limits=self._limits)
        self._captures = Captures(reader=captures)
        self._findings = Findings(reader=findings)

    async def path(
        self,
        viewer: Viewer,
        trace_code: str,
        *,
        now: datetime,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Path:
        """Return the chain of custody as of an event time, as known at a record time."""
        return await self._paths.path(viewer, trace_code, now=now, moment=Moment(as_of, known_at))

    async def status(self, viewer: Viewer, trace_code: str, *, now: datetime) -> CodeStatus:
        """Return where a code stands now."""
        return await self._paths.status(viewer, trace_code, now=now)

    async def contents(
        self,
        viewer: Viewer,
        trace_code: str,
        *,
        now: datetime,
        limit: int,
        at: datetime | None = None,
        cursor: str | None = None,
    ) -> Contents:
        """Return what is inside a container at an event time."""
        return await self._contents.contents(
            viewer, trace_code, now=now, limit=self._rows(limit), at=at, cursor=cursor
        )

    async def capture(self, viewer: Viewer, capture_id: UUID) -> CaptureSummary:
        """Return one upload and how far it has got."""
        return await self._captures.capture(viewer, capture_id)

    async def captures(
        self, viewer: Viewer, *, limit: int, cursor: str | None = None
    ) -> Page[CaptureSummary]:
        """Return uploads, newest first."""
        return await self._captures.captures(viewer, limit=self._rows(limit), cursor=cursor)

    async def rejections(
        self, viewer: Viewer, capture_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[Rejection]:
        """Return what could not be understood in an upload."""
        return await self._captures.rejections(
            viewer, capture_id, limit=self._rows(limit), cursor=cursor
        )

    async def findings(
        self,
        viewer: Viewer,
        filters: FindingFilters,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[FindingSummary]:
        """Return findings, newest first."""
        return await self._findings.findings(
            viewer, filters, now=now, limit=self._rows(limit), cursor=cursor
        )

    async def finding(self, viewer: Viewer, finding_id: UUID, *, now: datetime) -> FindingSummary:
        """Return one finding."""
        return await self._findings.finding(viewer, finding_id, now=now)

    async def finding_subjects(
        self, viewer: Viewer, finding_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[StoredSubject]:
        """Return what a finding is about."""
        return await self._findings.subjects(
            viewer, finding_id, limit=self._rows(limit), cursor=cursor
        )

    async def finding_changes(
        self, viewer: Viewer, finding_id: UUID, *, limit: int, cursor: str | None = None
    ) -> Page[FindingChange]:
        """Return how a finding came and went."""
        return await self._findings.changes(
            viewer, finding_id, limit=self._rows(limit), cursor=cursor
        )

    def _rows(self, limit: int) -> int:
        most = self._limits.page_rows_max
        if not 1 <= limit <= most:
            raise BadParameter(f"limit is a number from 1 to {most}", parameter="limit")
        return limit
