"""Rule F20 in the projection: which document numbers were used again for other content."""

from collections import defaultdict
from collections.abc import Iterable

from tracesvc.domain.custody import UNSEEN
from tracesvc.domain.events import TraceEvent
from tracesvc.domain.findings import line_subject
from tracesvc.domain.ledger import in_force
from tracesvc.domain.projection import Cause
from tracesvc.domain.rules.bill_reuse import RULE, DocumentLine, bill_reuse, document_line
from tracesvc.project.book import FindingBook
from tracesvc.project.ports import LogReader, Turn
from tracesvc.project.refold import all_voids


async def judge_documents(
    touched: Iterable[tuple[TraceEvent, Cause]],
    new_lines: list[tuple[DocumentLine, bytes]],
    book: FindingBook,
    *,
    turn: Turn,
    log: LogReader,
    upto: int,
    regulators: frozenset[str],
) -> None:
    """Judge every document line that new events or voids touch, and note what changed.

    `new_lines` are the lines this turn adds; the tables do not hold them yet.
    """
    cause_of = {
        line: cause for event, cause in touched if (line := document_line(event)) is not None
    }
    if not cause_of:
        return
    reported: defaultdict[DocumentLine, set[bytes]] = defaultdict(set)
    known = await turn.document_events({(line.actor, line.number) for line in cause_of})
    for line, digest in (*known, *new_lines):
        if line in cause_of:
            reported[line].add(digest)
    contested = {line: digests for line, digests in reported.items() if len(digests) > 1}
    if not contested:
        return
    digests = set().union(*contested.values())
    events = {one.event.digest: one for one in await log.events_by_digest(digests, upto)}
    heads = {digest: one.event for digest, one in events.items()}
    counting = in_force(heads, await all_voids(log, digests, upto), regulators=regulators)
    held = await turn.subjects_of({line_subject(line) for line in contested})
    for subject in held:
        line_key = subject.key
        book.remove(
            (line_key.subject,),
            RULE.rule_id,
            line_key.event_digest,
            cause=_cause_by_subject(cause_of, line_key.subject),
        )
    for line, reports in contested.items():
        observation = bill_reuse(events[d] for d in reports if d in counting)
        if observation is not None:
            book.add((line_subject(line),), observation, UNSEEN.identity, cause=cause_of[line])


def _cause_by_subject(cause_of: dict[DocumentLine, Cause], subject: str) -> Cause:
    return next(cause for line, cause in cause_of.items() if line_subject(line) == subject)
