"""F04: the same party shipped the same goods again, with no receipt, return or void between (重复出库)."""

from tracesvc.domain.custody import Step, shipper_of
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind, Status


def shipped_twice(step: Step) -> Evidence | None:
    before, event = step.before.possession, step.event
    if before.status is not Status.IN_TRANSIT or before.sent_from != shipper_of(event):
        return None
    same_bill = event.document_number is not None and (
        (event.document_number, event.to_party) == (before.sent_document, before.sent_to)
    )
    if same_bill:
        # The bill came again with other content: that is F20's matter, told once for the bill.
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"first_to": before.sent_to or "", "then_to": event.to_party or ""},
    )


RULE = Rule(
    rule_id="F04",
    version=1,
    severity=Severity.HIGH,
    title_zh="重复出库",
    title_en="shipped twice by the same party",
    ground="平台单据校验（重复出库）",
    kinds=frozenset({Kind.SHIP}),
    check=shipped_twice,
)
