"""U04: an institution used a pack that it never reported receiving.

The receipt may be on its way: the finding waits 48 hours before it opens, and a receipt dated up to
a day after the use still explains it.
"""

from datetime import timedelta

from tracesvc.domain.custody import Step, lacks_receipt
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import USES


def use_without_receipt(step: Step) -> Evidence | None:
    before = step.before.possession
    if not lacks_receipt(before, step.event):
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"used_at": step.event.actor, "held_by": before.holder or ""},
    )


RULE = Rule(
    rule_id="U04",
    version=1,
    severity=Severity.HIGH,
    title_zh="未入库即销售或使用",
    title_en="used without a reported receipt",
    ground="药品管理法第五十五条（非法购进）；医保飞行检查：无随货同行单、无发票",
    kinds=USES,
    check=use_without_receipt,
    grace=timedelta(hours=48),
    parameters={"receipt_dated_after_max": "1 d", "grace": "48 h"},
)
