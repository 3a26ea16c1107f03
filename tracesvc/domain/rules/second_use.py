"""U01, U02, U03: one pack was dispensed or vaccinated more than once.

The insurance regulator's own split: again at the same institution is a suspected swap (串换), at
another one after a long time suspected recycling (回流, 盗刷), at another one within a short time a
suspected counterfeit (假药). Split dispensing (拆零) is lawful until its portions exceed the pack,
and a consumer's return between two uses clears the first.
"""

from datetime import timedelta
from typing import Final

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import USES, Kind, Status

LONG_GAP: Final = timedelta(days=30)


def _used_before(step: Step) -> Evidence | None:
    before = step.before.possession
    if before.used_by is None or before.used_time is None:
        return None
    if _is_lawful_portion(step):
        return None
    return Evidence(
        () if before.moved_by is None else (before.moved_by,),
        {
            "first_at": before.used_by,
            "then_at": step.event.actor,
            "gap": str(step.event.event_time - before.used_time),
        },
    )


def _is_lawful_portion(step: Step) -> bool:
    if step.before.possession.status is not Status.PARTIALLY_DISPENSED:
        return False
    total = step.after.possession.portion
    return step.event.kind is not Kind.DISPENSE_PARTIAL or total is None or total <= 1


def same_site(step: Step) -> Evidence | None:
    found = _used_before(step)
    return found if step.before.possession.used_by == step.event.actor else None


def other_site_late(step: Step) -> Evidence | None:
    return _other_site(step, late=True)


def other_site_soon(step: Step) -> Evidence | None:
    return _other_site(step, late=False)


def _other_site(step: Step, *, late: bool) -> Evidence | None:
    found, before = _used_before(step), step.before.possession
    if found is None or before.used_time is None or before.used_by == step.event.actor:
        return None
    is_late = step.event.event_time - before.used_time >= LONG_GAP
    return found if is_late == late else None


SAME_SITE = Rule(
    rule_id="U01",
    version=1,
    severity=Severity.HIGH,
    title_zh="同一机构重复销售（疑似串换）",
    title_en="used twice at the same institution",
    ground="医保部门追溯码重复类型：同一机构重复为疑似串换",
    kinds=USES,
    check=same_site,
)
OTHER_SITE_LATE = Rule(
    rule_id="U02",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="不同机构长间隔重复销售（疑似回流、盗刷）",
    title_en="used at different institutions, long gap",
    ground="医保部门追溯码重复类型：不同机构、间隔较长为疑似回流",
    kinds=USES,
    check=other_site_late,
    parameters={"long_gap": "30 d"},
)
OTHER_SITE_SOON = Rule(
    rule_id="U03",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="不同机构短间隔重复销售（疑似假药）",
    title_en="used at different institutions, short gap",
    ground="医保部门追溯码重复类型：不同机构、间隔较短为疑似假药",
    kinds=USES,
    check=other_site_soon,
    parameters={"long_gap": "30 d"},
)
