"""What lists of uploads and findings are made of, and what can be asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from tracesvc.domain.captures import Outcome
from tracesvc.domain.rules.base import Severity

CaptureState = Literal["stored", "sequenced", "projected"]
FindingState = Literal["open", "waiting", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSummary:
    """One upload and how far it has got: stored, then sequenced, then projected."""

    capture_id: UUID
    party_id: str
    record_time: datetime
    format: str
    on_error: str
    outcome: Outcome
    state: CaptureState
    log_index: int | None
    event_count: int
    scan_count: int
    duplicate_count: int
    rejection_count: int
    root_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """The head of a finding as the projection keeps it; `detail` is that of its first subject.

    A finding without subjects is withdrawn; one with subjects waits until `opens_time`.
    """

    finding_id: UUID
    rule_id: str
    rule_version: int
    severity: Severity
    actor: str
    from_party: str | None
    to_party: str | None
    document: str | None
    product: str | None
    lot: str | None
    event_id: UUID
    event_time: datetime
    opens_time: datetime
    subject_count: int
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubject:
    """One subject of a finding: a trace code or the text of a document line, at one event.

    `events` are the ids of the events that prove it.
    """

    subject: str
    event_digest: bytes
    event_id: UUID | None
    events: tuple[UUID, ...]
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """One entry of a finding's journal; `event_id` arrived with `capture_id` and caused it."""

    change_id: int
    change: Literal["opened", "changed", "withdrawn"]
    subject_count: int
    event_id: UUID | None
    capture_id: UUID | None
    log_index: int
    record_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilters:
    """All that are given must hold; without `state`, all that are not withdrawn.

    `party_id` is actor, sender or receiver; `region` the beginning of the actor's region code;
    `trace_code` a subject; `capture_id` the upload that raised or changed the finding. Event times
    are from `event_from` (inclusive) to `event_until` (exclusive).
    """

    rule_id: str | None = None
    severity: Severity | None = None
    state: FindingState | None = None
    party_id: str | None = None
    region: str | None = None
    product: str | None = None
    lot: str | None = None
    document: str | None = None
    trace_code: str | None = None
    capture_id: UUID | None = None
    event_from: datetime | None = None
    event_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingQuery:
    """Filters, the party that looks (None: one who sees all), and the time at which it looks."""

    filters: FindingFilters
    viewer_party: str | None
    now: datetime


class FindingPlace(NamedTuple):
    """A place in the list of findings, newest first."""

    opens_time: datetime
    finding_id: UUID
