"""C09: one code was activated twice for different goods (厂家重复赋码).

The same activation repeated is no conflict: product, lot and dates must differ.
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind, Role


def double_activation(step: Step) -> Evidence | None:
    known, event = step.before.identity, step.event
    if known.activated_by is None:
        return None
    differing = {
        name: f"{first} ≠ {second}"
        for name, first, second in (
            ("product", known.product, event.product),
            ("lot", known.lot, event.lot),
            ("made_on", known.made_on, event.made_on),
            ("expiry", known.expiry, event.expiry),
        )
        if second is not None and first != second
    }
    return Evidence((known.activated_by,), differing) if differing else None


RULE = Rule(
    rule_id="C09",
    version=1,
    severity=Severity.CRITICAL,
    title_zh="重复赋码",
    title_en="one code activated for different goods",
    ground="药品追溯码编码要求（追溯码唯一且不得重复使用）；医保部门“厂家重复赋码”",
    kinds=frozenset({Kind.ACTIVATE, Kind.RELABEL}),
    roles=frozenset({Role.OBJECT, Role.REPLACEMENT}),
    check=lambda step: (
        None
        if step.event.kind is Kind.RELABEL and step.role is Role.OBJECT
        else double_activation(step)
    ),
)
