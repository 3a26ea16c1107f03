"""What the projector reads and writes: codes in cohorts, and everything one turn changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tracesvc.domain.custody import CustodyState
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.findings import FindingGroup, FindingSubject, SubjectKey
from tracesvc.domain.rules.bill_reuse import DocumentLine


@dataclass(frozen=True, slots=True)
class LoggedCapture:
    """One capture in log order, with the events it stored; duplicates are not among them."""

    capture_id: UUID
    log_index: int
    events: Sequence[ScannedEvent]


class Membership(NamedTuple):
    """Some codes of one cohort, and when things inside some of them were last scanned on their own.

    `seen_codes` and `seen_times` stand pairwise; most codes never held anything that left.
    """

    cohort_id: int
    trace_codes: Sequence[str]
    seen_codes: Sequence[str] = ()
    seen_times: Sequence[datetime] = ()


@dataclass(slots=True)
class Cohort:
    """Codes that share one state. Mutable within one turn of the projector.

    The event ids bound the ids of all events that name any of the codes: reads of the log may prune
    by them.
    """

    cohort_id: int
    state: CustodyState
    code_count: int
    first_event_id: UUID
    last_event_id: UUID
    is_stored: bool = False
    is_changed: bool = False

    def widen(self, first_event_id: UUID, last_event_id: UUID) -> None:
        """Note that events between these ids name some of the codes."""
        self.first_event_id = min(self.first_event_id, first_event_id)
        self.last_event_id = max(self.last_event_id, last_event_id)
        self.is_changed = True


class Cause(NamedTuple):
    """The event whose arrival changed something, and the capture that brought it."""

    event_id: UUID
    capture_id: UUID
    log_index: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything one turn of the projector writes, in one transaction with its checkpoint."""

    log_index: int
    next_cohort_id: int
    record_time: datetime
    created: Mapping[str, int] = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    inside_seen: Mapping[str, datetime] = field(default_factory=dict)
    cohorts: Sequence[Cohort] = ()
    emptied_cohorts: Sequence[int] = ()
    removed: Mapping[SubjectKey, Cause] = field(default_factory=dict)
    added: Mapping[SubjectKey, tuple[FindingSubject, Cause]] = field(default_factory=dict)
    groups: Mapping[UUID, FindingGroup] = field(default_factory=dict)
    documents: Sequence[tuple[DocumentLine, bytes]] = ()


class FindingCounts(NamedTuple):
    """How many findings a turn opened and withdrew, by rule id."""

    opened: Mapping[str, int]
    withdrawn: Mapping[str, int]
