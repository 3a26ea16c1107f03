"""C07: a container and something inside it stand in the same document.

The container's scan already speaks for its content, so the inner scan changes nothing.
"""

from tracesvc.domain.custody import Step
from tracesvc.domain.rules.base import Evidence, Rule, Severity
from tracesvc.domain.vocabulary import Kind


def carried_code(step: Step) -> Evidence | None:
    if not step.carried:
        return None
    return Evidence(detail={"container": step.before.parent or ""})


RULE = Rule(
    rule_id="C07",
    version=1,
    severity=Severity.LOW,
    title_zh="同一单据内同时扫描了上下级包装码",
    title_en="a container and its content in one document",
    ground="平台逐码异常标志 6（同单存在上下级关联的码）",
    kinds=frozenset(Kind),
    check=carried_code,
)
