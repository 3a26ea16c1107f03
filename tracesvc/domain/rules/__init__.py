"""Every anomaly rule, in the order of the catalogue, and how a step is put to them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from tracesvc.domain.custody import Step
from tracesvc.domain.rules import (
    bill_reuse,
    carried_code,
    chain_break,
    double_activation,
    expired,
    impossible_time,
    moved_after_end,
    packing_conflict,
    reappeared,
    receipt_without_shipment,
    repeated_scan,
    second_use,
    shipped_twice,
    use_without_receipt,
    wrong_consignee,
)
from tracesvc.domain.rules.base import Observation, Retraction, Rule
from tracesvc.domain.vocabulary import Kind, Role

RULES: Final[tuple[Rule, ...]] = (
    repeated_scan.RULE,
    carried_code.RULE,
    packing_conflict.RULE,
    double_activation.RULE,
    impossible_time.RULE,
    receipt_without_shipment.RULE,
    chain_break.RULE,
    shipped_twice.RULE,
    wrong_consignee.RULE,
    moved_after_end.RULE,
    reappeared.RULE,
    bill_reuse.RULE,
    second_use.SAME_SITE,
    second_use.OTHER_SITE_LATE,
    second_use.OTHER_SITE_SOON,
    use_without_receipt.RULE,
    expired.RULE,
)
RULE_BY_ID: Final[Mapping[str, Rule]] = {rule.rule_id: rule for rule in RULES}

EXPLAINED_LATER: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.SHIP: (receipt_without_shipment.RULE.rule_id,),
    Kind.RECEIVE: (use_without_receipt.RULE.rule_id,),
}
"""Rules whose finding goes away when the awaited counterpart of this kind turns up."""


def _by_kind_and_role() -> Mapping[tuple[Kind, Role], tuple[Rule, ...]]:
    table: dict[tuple[Kind, Role], list[Rule]] = defaultdict(list)
    for rule in RULES:
        for kind in rule.kinds:
            for role in rule.roles:
                table[kind, role].append(rule)
    return {asked: tuple(rules) for asked, rules in table.items()}


_ASKED: Final = _by_kind_and_role()


def observe(step: Step) -> list[Observation]:
    """Return what the rules say of one step.

    A scan that its container speaks for is only C07's matter, and a counterpart that was awaited is
    nobody's: it is late-dated evidence for something already folded.
    """
    if step.met is not None:
        return []
    found = []
    for rule in _ASKED.get((step.event.kind, step.role), ()):
        if step.carried and rule is not carried_code.RULE:
            continue
        evidence = rule.check(step)
        if evidence is not None:
            found.append(Observation(rule_id=rule.rule_id, event=step.event, evidence=evidence))
    return found


def retract(step: Step) -> Retraction | None:
    """Return what an earlier step said and this one explains, if it is such a counterpart."""
    if step.met is None:
        return None
    return Retraction(EXPLAINED_LATER.get(step.met.kind, ()), step.met.raised_by)
