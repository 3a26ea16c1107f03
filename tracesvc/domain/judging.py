"""What the rules say of the events of a ledger, asked again and not looked up.

The projection holds the same findings for the present; this is for every other point of time, and
for the moment between an upload and its projection. Ids are those of the projection.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tracesvc.domain.custody import ANONYMOUS
from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.findings import FindingGroup, FindingSubject, group_of, line_subject
from tracesvc.domain.ledger import Ledger
from tracesvc.domain.rules import observe, retract
from tracesvc.domain.rules.base import Evidence, Observation
from tracesvc.domain.rules.bill_reuse import DocumentLine, bill_reuse, document_line


class Judged(NamedTuple):
    """One rule's word on one subject at one event.

    `subject` is a trace code, or the text of a document line where `is_of_document`.
    """

    subject: str
    digest: bytes
    group: FindingGroup
    evidence: Evidence
    is_of_document: bool = False


def judge_steps(ledger: Ledger, trace_codes: Iterable[str]) -> list[Judged]:
    """Return what the step rules hold against codes after all their steps.

    What a counterpart dated later explains is not among it.
    """
    return [found for trace_code in trace_codes for found in _judge_code(ledger, trace_code)]


def judge_documents(
    reports: Iterable[ScannedEvent], concerned: Iterable[TraceEvent]
) -> list[Judged]:
    """Return what is held against the document lines of the concerned events.

    `reports` are all events in force of those lines that more than one event reports.
    """
    lines: dict[DocumentLine, list[ScannedEvent]] = {
        line: [] for event in concerned if (line := document_line(event)) is not None
    }
    for one in reports:
        line = document_line(one.event)
        if line in lines:
            lines[line].append(one)
    return [
        Judged(
            line_subject(line),
            observation.event.digest,
            group_of(observation, ANONYMOUS),
            observation.evidence,
            is_of_document=True,
        )
        for line, ones in lines.items()
        if (observation := bill_reuse(ones)) is not None
    ]


def judge_held(held: Iterable[FindingSubject], events: Mapping[bytes, TraceEvent]) -> list[Judged]:
    """Return what a view holds against codes at some events; other events are left out.

    For rules of single events, whose answer no other event can change.
    """
    return [
        Judged(
            one.key.subject,
            one.key.event_digest,
            group_of(
                Observation(rule_id=one.key.rule_id, event=event, evidence=one.evidence), ANONYMOUS
            ),
            one.evidence,
        )
        for one in held
        if (event := events.get(one.key.event_digest)) is not None
    ]


def _judge_code(ledger: Ledger, trace_code: str) -> Sequence[Judged]:
    holds: dict[tuple[str, bytes], Judged] = {}
    for one in ledger.steps(trace_code):
        for observation in observe(one):
            holds[observation.rule_id, observation.event.digest] = Judged(
                trace_code,
                observation.event.digest,
                group_of(observation, one.after.identity),
                observation.evidence,
            )
        explained = retract(one)
        if explained is not None:
            for rule_id in explained.rule_ids:
                holds.pop((rule_id, explained.raised_by), None)
    return list(holds.values())
