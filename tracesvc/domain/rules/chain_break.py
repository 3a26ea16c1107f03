"""F03: somebody shipped goods that stood with somebody else (断链).

A shipment under way to the shipper is a missing receipt, not a break. Logistics companies ship for
the owner: then `from` or `owner` names the holder and the chain holds.
"""

from tracesvc.domain.custody import Step, shipper_of
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import GONE, USED, Kind, Status


def chain_break(step: Step) -> Evidence | None:
    before, event = step.before.possession, step.event
    if before.holder is None or before.status in USED | GONE:
        return None
    speaks_for = {event.actor, shipper_of(event), event.owner}
    if before.holder in speaks_for:
        return None
    if before.status is Status.IN_TRANSIT and {before.sent_to, before.sent_owner} & speaks_for:
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"shipper": shipper_of(event), "holder": before.holder},
    )


RULE = Rule(
    rule_id="F03",
    version=1,
    severity=Severity.HIGH,
    title_zh="断链",
    title_en="shipped by a party that did not hold the goods",
    ground="药品管理法第五十五条（从合法渠道购进）",
    kinds=frozenset({Kind.SHIP}),
    check=chain_break,
)
