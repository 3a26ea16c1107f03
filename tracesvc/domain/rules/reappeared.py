"""F16: goods re-appear after they were destroyed, lost or taken as samples.

Lost goods that a stock-take finds again (盘盈) and samples that are destroyed are lawful.
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import GONE, Kind, Role, Status


def reappeared(step: Step) -> Evidence | None:
    before, event = step.before.possession, step.event
    if before.status not in GONE or event.kind is Kind.ACTIVATE:
        return None
    found_again = before.status is Status.LOST and event.kind is Kind.ADJUST
    sample_ends = before.status is Status.SAMPLED and event.kind is Kind.DESTROY
    if found_again or sample_ends:
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"status": before.status.value, "at": before.holder or ""},
    )


RULE = Rule(
    rule_id="F16",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="销毁、丢失或抽检后再次出现",
    title_en="re-appeared after destruction, loss or sampling",
    ground="疫苗管理法第四十条；包装材料、标签集中销毁要求",
    kinds=frozenset(Kind),
    roles=frozenset({Role.OBJECT, Role.CHILD}),
    check=reappeared,
)
