"""F01: goods were received from somebody who never reported shipping them (有入无出).

Mostly the shipper's upload is late, so the finding waits 48 hours before it opens, and a shipment
dated up to a day after the receipt still explains it.
"""

from datetime import timedelta

from tracesvc.domain.custody import Step, lacks_shipment, receiver_of, shipper_of
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind


def receipt_without_shipment(step: Step) -> Evidence | None:
    before = step.before.possession
    if not lacks_shipment(before, step.event):
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {
            "shipper": shipper_of(step.event),
            "receiver": receiver_of(step.event),
            "held_by": before.holder or "",
        },
    )


RULE = Rule(
    rule_id="F01",
    version=1,
    severity=Severity.MID,
    title_zh="有入无出",
    title_en="received without a reported shipment",
    ground="药品管理法第五十六、五十七条（购销记录真实完整）；票货不符",
    kinds=frozenset({Kind.RECEIVE}),
    check=receipt_without_shipment,
    grace=timedelta(hours=48),
    parameters={"shipment_dated_after_max": "1 d", "grace": "48 h"},
)
