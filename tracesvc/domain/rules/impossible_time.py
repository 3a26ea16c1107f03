"""C11: an event is dated where it cannot be: in the future, before production, before activation.

Handhelds lose their clock. The event is kept and ordered by the time it claims.
"""

from datetime import timedelta
from typing import Final

from tracesvc.domain.custody import Step
from tracesvc.domain.events import TraceEvent
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.rules.calendar import local_day
from tracesvc.domain.vocabulary import Kind, Role

CLOCK_SKEW_MAX: Final = timedelta(minutes=10)
FIRST_YEAR: Final = 2015


def impossible_time(step: Step) -> Evidence | None:
    event = step.event
    if event.event_time > event.record_time + CLOCK_SKEW_MAX:
        return _impossible(event, reason="future")
    if event.event_time.year < FIRST_YEAR:
        return _impossible(event, reason="before_traceability")
    made_on = event.made_on or step.before.identity.made_on
    if made_on is not None and local_day(event) < made_on:
        return _impossible(event, reason="before_production", made_on=made_on.isoformat())
    return _before_activation(step)


def _impossible(event: TraceEvent, **detail: str) -> Evidence:
    return Evidence(detail={"event_time": event.event_time.isoformat(), **detail})


def _before_activation(step: Step) -> Evidence | None:
    if step.event.kind is not Kind.ACTIVATE or step.before.identity.activated_by is not None:
        return None
    if step.before.last_key is None:
        return None
    return Evidence((step.before.last_key.digest,), {"reason": "before_activation"})


RULE = Rule(
    rule_id="C11",
    version=1,
    severity=Severity.LOW,
    title_zh="时间异常",
    title_en="impossible event time",
    ground="追溯数据应当真实、准确（疫苗管理法第十条；药品管理法第五十七条）",
    kinds=frozenset(Kind),
    roles=frozenset({Role.OBJECT, Role.CHILD, Role.REPLACEMENT}),
    check=impossible_time,
    parameters={"clock_skew_max": "10 min", "first_year": str(FIRST_YEAR)},
)
