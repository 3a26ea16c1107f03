"""C06: a code was scanned more than once in one document.

Handhelds beep twice. The code counts once; the repetition is told, since a count of scans then
differs from the count of packs.
"""

from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.rules.base import NEVER, Rule, Severity


def repeated_scans(scanned: ScannedEvent) -> tuple[str, ...]:
    """Return the codes that the event lists more than once."""
    return scanned.repeated


RULE = Rule(
    rule_id="C06",
    version=1,
    severity=Severity.INFO,
    title_zh="同一单据内重复扫码",
    title_en="code scanned more than once in one document",
    ground="平台逐码异常标志 3（重复的码）",
    kinds=NEVER,
    check=lambda _: None,
)
