"""F20: a document number was used again for other content.

A party may use a bill number once per kind of bill. One bill may well come as several events: parts
of a bill that was too long for one file, and lines for several products or lots. They are the same
bill if they agree in instant and parties and share no code. Another instant, another counterparty
or the same code again is another content under the same number. A correction that voids the first
event leaves one event and therefore no finding.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.rules.base import NEVER, Evidence, Observation, Rule, Severity


class DocumentLine(NamedTuple):
    """What may occur once: one party's document of one kind, its part, and one product and lot."""

    actor: str
    kind: str
    reason: str
    number: str
    part: str
    product: str
    lot: str


def document_line(event: TraceEvent) -> DocumentLine | None:
    """Return the line an event reports, None where it names no document."""
    if event.document_number is None:
        return None
    return DocumentLine(
        event.actor,
        event.kind.value,
        event.reason or "",
        event.document_number,
        event.document_part or "",
        event.product or "",
        event.lot or "",
    )


def bill_reuse(reports: Iterable[ScannedEvent]) -> Observation | None:
    """Judge the events in force of one document line; the first in order carries the finding."""
    ordered = sorted(reports, key=lambda one: one.event.key)
    others: list[bytes] = []
    for number, one in enumerate(ordered):
        if any(not _same_bill(one, earlier) for earlier in ordered[:number]):
            others.append(one.event.digest)
    if not others:
        return None
    return Observation(
        rule_id=RULE.rule_id, event=ordered[0].event, evidence=Evidence(tuple(others))
    )


def _same_bill(one: ScannedEvent, other: ScannedEvent) -> bool:
    a, b = one.event, other.event
    return (a.event_time, a.from_party, a.to_party) == (
        b.event_time,
        b.from_party,
        b.to_party,
    ) and set(one.codes).isdisjoint(other.codes)


RULE = Rule(
    rule_id="F20",
    version=1,
    severity=Severity.MID,
    title_zh="单据号重复使用且内容不同",
    title_en="document number used again for other content",
    ground="平台规则：同一企业单据号不得重复使用",
    kinds=NEVER,
    check=lambda _: None,
)
