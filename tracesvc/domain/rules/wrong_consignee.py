"""F05: goods shipped to one party were received by another (串货, 走票).

The destination of a direct delivery (直调), its owner, and whoever receives for the consignee as
owner are right. A sender who takes back undelivered goods is no wrong consignee.
"""

from tracesvc.domain.custody import Step, receiver_of
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind, Status


def wrong_consignee(step: Step) -> Evidence | None:
    before, event = step.before.possession, step.event
    if before.status is not Status.IN_TRANSIT or before.sent_to is None:
        return None
    rightful = {before.sent_to, before.sent_owner, before.sent_from}
    if {receiver_of(event), event.owner} & (rightful - {None}):
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"shipped_to": before.sent_to, "received_by": receiver_of(event)},
    )


RULE = Rule(
    rule_id="F05",
    version=1,
    severity=Severity.HIGH,
    title_zh="非指定收货方入库",
    title_en="received by a party the goods were not shipped to",
    ground="药品管理法第五十五条；串货、走票",
    kinds=frozenset({Kind.RECEIVE}),
    check=wrong_consignee,
)
