"""U05: goods were shipped or used after their expiry date.

An expiry printed as a month means its last day. Returns, recalls and rework may move expired goods.
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.rules.calendar import local_day
from tracesvc.domain.vocabulary import USES, Kind

_WAYS_BACK = frozenset({"return", "direct_return", "recall", "rework"})


def expired(step: Step) -> Evidence | None:
    event = step.event
    expiry = step.before.identity.expiry or event.expiry
    if expiry is None or local_day(event) <= expiry:
        return None
    if event.kind is Kind.SHIP and event.reason in _WAYS_BACK:
        return None
    activated = step.before.identity.activated_by
    return Evidence(() if activated is None else (activated,), {"expiry": expiry.isoformat()})


RULE = Rule(
    rule_id="U05",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="过期后销售、使用或出库",
    title_en="shipped or used after expiry",
    ground="药品管理法第九十八条（超过有效期的药品为劣药）；疫苗管理法第四十五条",
    kinds=USES | {Kind.SHIP},
    check=expired,
)
