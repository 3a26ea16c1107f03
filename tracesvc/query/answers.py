"""What questions are answered with, before it is given a form for the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

from tracesvc.domain.lists import CaptureSummary, FindingChange, FindingState, StoredSubject
from tracesvc.domain.path import PathLink
from tracesvc.domain.rules.base import Severity
from tracesvc.domain.vocabulary import Status

__all__ = [
    "CaptureSummary", "CodeStatus", "Contents", "ContentsItem", "FindingChange", "FindingState",
    "FindingSummary", "LevelCount", "Page", "StoredSubject", "Transit",
]  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Part of a list. `next_cursor` asks for what follows; None ends the list."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transit:
    """A shipment under way."""

    from_party: str | None
    to_party: str | None
    document: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStatus:
    """Where a code stands now, folded from the log: true for every upload that was answered.

    `containers` are around the code now, innermost first. `transit` is there while the status is
    in_transit. `last_event` is the newest link in force that the viewer may see. `gap_count` and
    `link_count` say how much there is to read in the path.
    """

    trace_code: str
    scheme: str
    product: str | None
    lot: str | None
    made_on: date | None
    expiry: date | None
    status: Status
    holder: str | None
    owner: str | None
    containers: tuple[str, ...]
    transit: Transit | None
    last_event: PathLink | None
    link_count: int
    gap_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentsItem:
    """One code inside a container: `parent` is directly around it, `depth` 1 directly inside."""

    trace_code: str
    parent: str
    depth: int
    product: str | None
    holds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCount:
    depth: int
    code_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is inside a container, level by level, counted over all pages.

    `at` is the event time it is true for, None for the present. `smallest_count` counts the codes
    that nothing was ever packed into: packs, where every level was reported.
    """

    trace_code: str
    at: datetime | None
    levels: tuple[LevelCount, ...]
    code_count: int
    smallest_count: int
    items: tuple[ContentsItem, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSummary:
    """A finding with the words and the ground of its rule, and what state it is in now."""

    finding_id: UUID
    rule_id: str
    rule_version: int
    severity: Severity
    title_zh: str
    title_en: str
    ground: str
    state: FindingState
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
