"""Findings: what a rule said of which codes, grouped by the one cause behind them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from tracesvc.domain.custody import Identity
from tracesvc.domain.rules import RULE_BY_ID
from tracesvc.domain.rules.base import Evidence, Observation, Rule
from tracesvc.domain.rules.bill_reuse import RULE as BILL_REUSE
from tracesvc.domain.rules.bill_reuse import DocumentLine
from tracesvc.domain.rules.repeated_scan import RULE as REPEATED_SCAN

_NAMESPACE: Final = UUID("6f1d6f0c-6b0e-5f0e-9a53-0d0f6c1f5a7e")

EVENT_RULES: Final = frozenset({REPEATED_SCAN.rule_id, BILL_REUSE.rule_id})
"""Rules that judge events or documents; all others judge steps and are re-asked when a code is re-folded."""


class SubjectKey(NamedTuple):
    """What makes one rule's word on one subject unique: a trace code or document line, and an event."""

    subject: str
    rule_id: str
    event_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """The head of a finding: one rule, one document or event, one product and lot."""

    finding_id: UUID
    rule: Rule
    actor: str
    from_party: str | None
    to_party: str | None
    document_number: str | None
    product: str | None
    lot: str | None
    event_id: UUID
    event_time: datetime
    opens_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSubject:
    """One subject of a finding, with the evidence that concerns it."""

    key: SubjectKey
    finding_id: UUID
    evidence: Evidence


def group_of(observation: Observation, identity: Identity) -> FindingGroup:
    """Return the finding an observation belongs to: one late bill is one finding, not thousands."""
    event, rule = observation.event, RULE_BY_ID[observation.rule_id]
    product = identity.product or event.product
    lot = identity.lot or event.lot
    cause = event.document_number or event.digest.hex()
    name = "\x1f".join((rule.rule_id, event.actor, cause, product or "", lot or ""))
    return FindingGroup(
        finding_id=uuid5(_NAMESPACE, name),
        rule=rule,
        actor=event.actor,
        from_party=event.from_party,
        to_party=event.to_party,
        document_number=event.document_number,
        product=product,
        lot=lot,
        event_id=event.event_id,
        event_time=event.event_time,
        opens_time=event.record_time + rule.grace,
    )


def line_subject(line: DocumentLine) -> str:
    """Return the subject text of a document line; never equal to a trace code, since codes hold no '|'."""
    return "|".join(("document", *line))
