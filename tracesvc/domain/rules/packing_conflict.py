"""C08: the packing hierarchy contradicts itself.

A pack stands in two containers at once, in a container that is inside it, with goods of another
lot although the container is not declared mixed (拼箱), or in a container whose declared content
count differs from the scans although it is not declared partly filled (零箱).
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind, Role

MIXED = frozenset({"mixed", "mixed_partial"})
PARTIAL = frozenset({"partial", "mixed_partial"})


def packing_conflict(step: Step) -> Evidence | None:
    if step.role is Role.PARENT:
        return _count_differs(step)
    return _two_parents(step) or _cycle(step) or _other_lot(step)


def _count_differs(step: Step) -> Evidence | None:
    event = step.event
    packed = event.scan_count - 1
    if event.declared_count in (None, packed) or event.reason in PARTIAL:
        return None
    return Evidence(detail={"declared": str(event.declared_count), "scanned": str(packed)})


def _two_parents(step: Step) -> Evidence | None:
    before = step.before
    if before.parent is None or before.parent == step.event.parent:
        return None
    events = () if before.packed_by is None else (before.packed_by,)
    return Evidence(events, {"container": step.event.parent or "", "other": before.parent})


def _cycle(step: Step) -> Evidence | None:
    if step.container is None or step.container.parent != step.trace_code:
        return None
    events = () if step.container.packed_by is None else (step.container.packed_by,)
    return Evidence(events, {"container": step.event.parent or "", "cycle": step.trace_code})


def _other_lot(step: Step) -> Evidence | None:
    known, claimed = step.before.identity.lot, step.event.lot
    if known is None or claimed in (None, known) or step.event.reason in MIXED:
        return None
    activated = step.before.identity.activated_by
    return Evidence(
        () if activated is None else (activated,), {"lot": known, "container_lot": claimed or ""}
    )


RULE = Rule(
    rule_id="C08",
    version=1,
    severity=Severity.MID,
    title_zh="包装层级关系冲突",
    title_en="packing hierarchy conflict",
    ground="药品追溯码编码要求（各级包装赋码并建立关联）；箱状态：拼箱、零箱",
    kinds=frozenset({Kind.PACK}),
    roles=frozenset({Role.CHILD, Role.PARENT}),
    check=packing_conflict,
)
