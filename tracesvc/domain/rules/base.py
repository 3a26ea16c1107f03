"""The frame of a rule: what it is called, what it rests on, and the one question it asks of a step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from tracesvc.domain.custody import Step
from tracesvc.domain.events import TraceEvent
from tracesvc.domain.vocabulary import Kind, Role


class Severity(StrEnum):
    INFO = "info"
    LOW = "low"
    MID = "mid"
    HIGH = "high"
    CRITICAL = "critical"


class Evidence(NamedTuple):
    """Why a rule fired: digests of the events that conflict, and the values that disagree."""

    events: tuple[bytes, ...] = ()
    detail: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One anomaly rule.

    `check` answers with evidence where the rule fires for a step, else None; it is pure, and asked
    only for steps whose kind and role are listed. `grace` is how long after record time a finding
    waits before it opens, because the missing upload may still be on its way.
    """

    rule_id: str
    version: int
    severity: Severity
    title_zh: str
    title_en: str
    ground: str
    kinds: frozenset[Kind]
    roles: frozenset[Role] = frozenset({Role.OBJECT})
    check: Callable[[Step], Evidence | None]
    grace: timedelta = timedelta(0)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A rule fired at an event. Which codes it concerns is said beside it."""

    rule_id: str
    event: TraceEvent
    evidence: Evidence


class Retraction(NamedTuple):
    """What a rule said of an earlier event no longer holds, because of a later-dated counterpart."""

    rule_ids: tuple[str, ...]
    raised_by: bytes


NEVER: Final = frozenset[Kind]()
