"""The projector: reads captures in log order and keeps custody and findings true to them.

One turn is one transaction: it locks the checkpoint, computes what some captures change, and saves
the changes together with the new checkpoint. A crash at any point leaves either the whole turn or
nothing of it, so events take effect exactly once without any further bookkeeping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ledger import in_force
from tracesvc.domain.projection import Cause, Changes, LoggedCapture
from tracesvc.domain.rules.bill_reuse import DocumentLine, document_line
from tracesvc.domain.vocabulary import VOIDING
from tracesvc.project.book import FindingBook
from tracesvc.project.documents import judge_documents
from tracesvc.project.ports import CustodyView, LogReader, Turn
from tracesvc.project.refold import all_voids, refold
from tracesvc.project.turning import Late, apply_events, judge_event, scanned_codes
from tracesvc.project.world import World
from tracesvc.telemetry import (
    FINDINGS_OPENED,
    FINDINGS_WITHDRAWN,
    PROJECTED_CAPTURES,
    PROJECTED_SCANS,
    REFOLDED_CODES,
    Clock,
)

_log = structlog.get_logger(__name__)

Caused = tuple[ScannedEvent, Cause]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorLimits:
    """About how many scans one turn takes: more are quicker, fewer are sooner visible."""

    turn_scans_max: int = 20_000


class Projector:
    """Brings the custody view up to the sequenced end of the log, turn by turn."""

    def __init__(
        self, log: LogReader, view: CustodyView, *, clock: Clock, limits: ProjectorLimits
    ) -> None:
        self._log = log
        self._view = view
        self._clock = clock
        self._limits = limits

    async def run_once(self) -> int:
        """Project the next captures; return how many there were, 0 when there is nothing to do."""
        async with self._view.turn() as turn:
            if turn is None:
                return 0
            page = await self._log.page_after(turn.log_index, self._limits.turn_scans_max)
            if page:
                await self._take(page, turn)
            return len(page)

    async def _take(self, page: Sequence[LoggedCapture], turn: Turn) -> None:
        upto = page[-1].log_index
        events: list[Caused] = [
            (scanned, Cause(scanned.event.event_id, capture.capture_id, capture.log_index))
            for capture in page
            for scanned in capture.events
        ]
        changes, late = await self._compute(events, turn, upto)
        counts = await turn.save(changes)
        PROJECTED_CAPTURES.inc(len(page))
        PROJECTED_SCANS.inc(sum(scanned.scan_count for scanned, _ in events))
        REFOLDED_CODES.inc(len(late))
        for rule_id, count in counts.opened.items():
            FINDINGS_OPENED.labels(rule_id).inc(count)
        for rule_id, count in counts.withdrawn.items():
            FINDINGS_WITHDRAWN.labels(rule_id).inc(count)
        _log.debug("captures projected", captures=len(page), upto=upto, refolded=len(late))

    async def _compute(self, events: list[Caused], turn: Turn, upto: int) -> tuple[Changes, Late]:
        regulators = await self._view.regulators()
        world, book = World(turn.next_cohort_id), FindingBook()
        await world.load(turn, {c for scanned, _ in events for c in scanned_codes(scanned)})
        heads = {scanned.event.digest: scanned.event for scanned, _ in events}
        voids = await all_voids(self._log, set(heads), upto)
        counting = in_force(heads, voids, regulators=regulators)
        late = apply_events(events, world, book, counting=counting)
        voided = await self._turned(events, world, late, turn=turn, upto=upto)
        if late:
            await refold(
                late, world, book, turn=turn, log=self._log, upto=upto, regulators=regulators
            )
        for scanned, cause in events:
            judge_event(scanned, book, counts=scanned.event.digest in counting, cause=cause)
        await self._rejudge(voided, book, upto, regulators=regulators)
        lines = [
            (line, scanned.event.digest)
            for scanned, _ in events
            if (line := document_line(scanned.event)) is not None
        ]
        await judge_documents(
            [(scanned.event, cause) for scanned, cause in (*voided, *events)],
            lines,
            book,
            turn=turn,
            log=self._log,
            upto=upto,
            regulators=regulators,
        )
        return self._changes(world, book, lines, upto), late

    async def _turned(
        self, events: list[Caused], world: World, late: Late, *, turn: Turn, upto: int
    ) -> list[Caused]:
        """Return the older events whose standing the new voids change, and mark their codes late.

        A void may name a void; then the event behind that comes back into force, and so on down.
        """
        named = {s.event.voids: c for s, c in events if s.event.kind in VOIDING and s.event.voids}
        turned: list[Caused] = []
        new = {scanned.event.digest for scanned, _ in events}
        while named:
            targets = await self._log.events_by_digest(set(named), upto)
            causes, named = named, {}
            for target in targets:
                cause = causes[target.event.digest]
                if target.event.kind in VOIDING and target.event.voids is not None:
                    named[target.event.voids] = cause
                elif target.event.digest not in new:
                    turned.append((target, cause))
        await world.load(turn, {c for target, _ in turned for c in scanned_codes(target)})
        for target, cause in turned:
            late.note(scanned_codes(target), target.event.key, cause)
        return turned

    async def _rejudge(
        self, voided: list[Caused], book: FindingBook, upto: int, *, regulators: frozenset[str]
    ) -> None:
        heads: dict[bytes, TraceEvent] = {s.event.digest: s.event for s, _ in voided}
        voids = await all_voids(self._log, set(heads), upto)
        counting = in_force(heads, voids, regulators=regulators)
        for target, cause in voided:
            judge_event(target, book, counts=target.event.digest in counting, cause=cause)

    def _changes(
        self, world: World, book: FindingBook, lines: list[tuple[DocumentLine, bytes]], upto: int
    ) -> Changes:
        changed = [cohort for cohort in world.cohorts.values() if cohort.is_changed]
        return Changes(
            log_index=upto,
            next_cohort_id=world.next_cohort_id,
            record_time=self._clock.now(),
            created=world.created(),
            moved=world.moved(),
            inside_seen={c: world.inside_seen[c] for c in world.inside_seen_changed},
            cohorts=[cohort for cohort in changed if cohort.code_count > 0],
            emptied_cohorts=[
                cohort.cohort_id
                for cohort in changed
                if cohort.code_count == 0 and cohort.is_stored
            ],
            removed=book.removed,
            added=book.added,
            groups=book.groups,
            documents=lines,
        )
