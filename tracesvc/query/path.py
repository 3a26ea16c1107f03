"""The way of one code, and where it stands now. Both are folded from the log, never looked up.

So they hold for whatever was uploaded up to this moment, projected or not, and a status can never
disagree with the path behind it. The rules of steps are asked again over the folded steps, and F20
over the documents of the path. Only C06 is read from the projection, since what a handheld repeated
stands in the body of an event; it depends on that one event alone, and can be missing for the
moment until an upload is projected, and in the past for an event that was voided since.
"""

from dataclasses import dataclass
from datetime import datetime

from tracesvc.domain.codes import scheme_of
from tracesvc.domain.errors import NotFound
from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.judging import Judged, judge_documents, judge_held
from tracesvc.domain.parties import Viewer
from tracesvc.domain.path import HIDDEN, Path, Record, build_path
from tracesvc.domain.rules.repeated_scan import RULE as REPEATED_SCAN
from tracesvc.domain.visibility import shown_to
from tracesvc.domain.vocabulary import Status
from tracesvc.query.answers import CodeStatus, Transit
from tracesvc.query.limits import QueryLimits
from tracesvc.query.ports import FindingReader, Log, LogSnapshot
from tracesvc.query.record import (
    PRESENT,
    Histories,
    Moment,
    events_of,
    read_corrections,
    read_histories,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    log: Log
    findings: FindingReader
    limits: QueryLimits

    async def path(
        self, viewer: Viewer, trace_code: str, *, now: datetime, moment: Moment
    ) -> Path:
        """Return the path of a code as the viewer may see it.

        Raises NotFound where the log does not hold the code, or the viewer may not know it does.
        """
        async with self.log.snapshot() as log:
            histories = await self._histories(log, trace_code, moment)
            documents = await self._documents(log, histories, moment)
            record = await self._record(log, trace_code, histories, moment, documents=documents)
        held = await self.findings.held_against(histories.keys(), REPEATED_SCAN.rule_id)
        return seen_by(
            viewer,
            build_path(
                record,
                as_of=moment.as_of,
                known_at=moment.known_at,
                moment=now if moment.known_at is None else min(now, moment.known_at),
                judged=[*_judge(record, documents), *judge_held(held, _in_force(record))],
                witnesses=[one.event for one in documents],
            ),
        )

    async def status(self, viewer: Viewer, trace_code: str, *, now: datetime) -> CodeStatus:
        """Return where a code stands. Raises NotFound like `path`."""
        async with self.log.snapshot() as log:
            record = await self.record(log, trace_code, PRESENT)
        path = build_path(record, as_of=None, known_at=None, moment=now)
        return _status(seen_by(viewer, path), record, viewer)

    async def record(self, log: LogSnapshot, trace_code: str, moment: Moment) -> Record:
        """Return what is on record of a code; raises NotFound where nothing ever was."""
        histories = await self._histories(log, trace_code, moment)
        return await self._record(log, trace_code, histories, moment)

    async def _histories(self, log: LogSnapshot, trace_code: str, moment: Moment) -> Histories:
        histories = await read_histories(log, {trace_code}, moment=moment, limits=self.limits)
        if not histories[trace_code]:
            # A code that was unknown at the time asked for has an empty path, if it is known now.
            known = moment != PRESENT and await log.histories({trace_code}, self.limits.scans_max)
            if not known:
                raise unknown_code(trace_code)
        return histories

    async def _documents(
        self, log: LogSnapshot, histories: Histories, moment: Moment
    ) -> list[ScannedEvent]:
        """Return the events, in force or not, that report a line of a document of the path again."""
        documents = {
            (event.actor, event.document_number)
            for event in events_of(histories).values()
            if event.document_number is not None
        }
        if not documents:
            return []
        found = await log.contested(documents, self.limits.document_events_max)
        return [one for one in found if moment.covers(one.event)]

    async def _record(
        self,
        log: LogSnapshot,
        trace_code: str,
        histories: Histories,
        moment: Moment,
        *,
        documents: list[ScannedEvent] | None = None,
    ) -> Record:
        events = {one.event.digest: one.event for one in documents or ()} | events_of(histories)
        voids, counting = await read_corrections(log, events, moment=moment, limits=self.limits)
        return Record(trace_code, histories, voids, counting)


def unknown_code(trace_code: str) -> NotFound:
    return NotFound("nothing is on record of this code", trace_code=trace_code)


def seen_by(viewer: Viewer, path: Path) -> Path:
    """Return the path as the viewer may see it; raises NotFound where it may not know of it."""
    shown = shown_to(viewer, path)
    if shown is None:
        raise unknown_code(path.trace_code)
    return shown


def _in_force(record: Record) -> dict[bytes, TraceEvent]:
    return {d: event for d, event in record.events().items() if d in record.counting}


def _judge(record: Record, documents: list[ScannedEvent]) -> list[Judged]:
    counting = [one for one in documents if one.event.digest in record.counting]
    return judge_documents(counting, _in_force(record).values())


def _status(path: Path, record: Record, viewer: Viewer) -> CodeStatus:
    state = record.ledger.effective_now(path.trace_code)
    links = [link for link in path.links if link.kind != HIDDEN and not link.voided]
    return CodeStatus(
        trace_code=path.trace_code,
        scheme=scheme_of(path.trace_code).value,
        product=path.product,
        lot=path.lot,
        made_on=state.identity.made_on,
        expiry=path.expiry,
        status=path.status,
        holder=path.holder,
        owner=path.owner,
        containers=_containers(path, record, viewer),
        transit=_transit(record, viewer),
        last_event=links[-1] if links else None,
        link_count=len(path.links),
        gap_count=len(path.gaps),
    )


def _containers(path: Path, record: Record, viewer: Viewer) -> tuple[str, ...]:
    """Return the containers around a code now; who does not hold it learns only those of its events."""
    around = record.ledger.containers_now(path.trace_code)
    if viewer.sees_all or path.holder == viewer.party_id:
        return around
    known = {code for link in path.links for code in (*link.via, link.parent)}
    return tuple(container for container in around if container in known)


def _transit(record: Record, viewer: Viewer) -> Transit | None:
    where = record.ledger.effective_now(record.trace_code).possession
    if where.status is not Status.IN_TRANSIT:
        return None
    involved = {where.holder, where.sent_from, where.sent_to, where.sent_owner}
    if not viewer.sees_all and viewer.party_id not in involved:
        return None
    return Transit(
        from_party=where.sent_from,
        to_party=where.sent_to,
        document=where.sent_document,
        since=where.sent_time,
    )
