"""F08: goods moved in the chain after they had been used or cancelled (回流药).

A consumer's return (116) is the lawful way back. Undoing a dispensing by mistake is a void, and a
voided event is not in the fold at all. Sampling and destruction of used packs are lawful.
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import USED, Kind, Role, Status

_MOVES = frozenset(
    {
        Kind.SHIP,
        Kind.RECEIVE,
        Kind.REFUSE,
        Kind.PACK,
        Kind.ADJUST,
        Kind.QUARANTINE,
        Kind.RELEASE,
    }
)


def moved_after_end(step: Step) -> Evidence | None:
    before, event = step.before.possession, step.event
    if before.status not in USED | {Status.CANCELLED} or step.met is not None:
        return None
    if event.reason == "consumer_return" and before.status in USED:
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {"status": before.status.value, "at": before.holder or ""},
    )


RULE = Rule(
    rule_id="F08",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="终态后再次流通",
    title_en="moved after it had been used or cancelled",
    ground="回流药：药品管理法第五十五条；欧盟 EMVS A7/A24",
    kinds=_MOVES,
    roles=frozenset({Role.OBJECT, Role.CHILD}),
    check=moved_after_end,
)
