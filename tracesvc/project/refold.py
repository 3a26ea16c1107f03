"""Folding codes again from the log, when an event arrived that is older than what was folded."""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from tracesvc.domain.custody import LEVELS_MAX, CustodyState
from tracesvc.domain.events import OrderKey, TraceEvent
from tracesvc.domain.findings import (
    EVENT_RULES,
    FindingGroup,
    FindingSubject,
    SubjectKey,
)
from tracesvc.domain.judging import judge_steps
from tracesvc.domain.ledger import Ledger, Scan, in_force
from tracesvc.domain.vocabulary import Kind, Role
from tracesvc.project.book import FindingBook
from tracesvc.project.ports import LogReader, Turn
from tracesvc.project.turning import Late, concerned_containers
from tracesvc.project.world import World

Signature = tuple[tuple[UUID, Role], ...]


async def refold(
    late: Late,
    world: World,
    book: FindingBook,
    *,
    turn: Turn,
    log: LogReader,
    upto: int,
    regulators: frozenset[str],
) -> None:
    """Give every late code, and what it drags along, the state and findings of its whole history."""
    await _drag_along(late, world, turn=turn, log=log, upto=upto)
    histories = await with_containers(log, set(late), upto)
    ledger = await counting_ledger(log, histories, upto, regulators=regulators)
    cause_of = {trace_code: cause for trace_code, (_, cause) in late.items()}
    found: dict[SubjectKey, tuple[FindingSubject, FindingGroup]] = {}
    for signature, group in _alike(histories, late).items():
        world.settle(
            world.grouped(group), ledger.state(group[0]), signature[0][0], signature[-1][0]
        )
        for one in ledger.steps(group[0]):
            around = ledger.containers_before(group[0], one.event.key)
            world.saw_inside(concerned_containers(one, around), one.event.event_time)
        for judged in judge_steps(ledger, group[:1]):
            for trace_code in group:
                key = SubjectKey(trace_code, judged.group.rule.rule_id, judged.digest)
                subject = FindingSubject(
                    key=key, finding_id=judged.group.finding_id, evidence=judged.evidence
                )
                found[key] = (subject, judged.group)
    held = [s for s in await turn.subjects_of(set(late)) if s.key.rule_id not in EVENT_RULES]
    book.forget(set(late), EVENT_RULES)
    book.replace(held, found, cause_of=cause_of)


async def with_containers(
    log: LogReader, trace_codes: set[str], upto: int
) -> dict[str, list[Scan]]:
    """Return the histories of codes and of every container they were ever in, level by level."""
    histories: dict[str, list[Scan]] = {}
    wanted = trace_codes
    for _ in range(LEVELS_MAX + 1):
        if not wanted:
            break
        read = await log.histories(wanted, upto)
        histories.update({trace_code: read.get(trace_code, []) for trace_code in wanted})
        wanted = {
            scan.event.parent
            for scans in read.values()
            for scan in scans
            if scan.role is Role.CHILD
            and scan.event.kind is Kind.PACK
            and scan.event.parent is not None
        } - histories.keys()
    return histories


async def counting_ledger(
    log: LogReader,
    histories: Mapping[str, list[Scan]],
    upto: int,
    *,
    regulators: frozenset[str],
) -> Ledger:
    """Return the ledger of the events that no void takes out."""
    events = {scan.event.digest: scan.event for scans in histories.values() for scan in scans}
    voids = await all_voids(log, set(events), upto)
    counting = in_force(events, voids, regulators=regulators)
    return Ledger(
        {
            trace_code: [scan for scan in scans if scan.event.digest in counting]
            for trace_code, scans in histories.items()
        }
    )


async def all_voids(log: LogReader, digests: set[bytes], upto: int) -> list[TraceEvent]:
    """Return the voids of events, the voids of those voids, and so on."""
    found: list[TraceEvent] = []
    wanted = digests
    while wanted:
        voids = await log.voids_of(wanted, upto)
        found.extend(voids)
        wanted = {void.digest for void in voids}
    return found


async def _drag_along(late: Late, world: World, *, turn: Turn, log: LogReader, upto: int) -> None:
    """Add what was inside a late container and had events of its own after the late event.

    Such a code took the container's possession along when it left, and that may change now. The way
    down leads through containers that have no later event themselves.
    """
    above = Late(late)
    for _ in range(LEVELS_MAX):
        opened = {
            trace_code
            for trace_code, (key, _) in above.items()
            if (seen := world.inside_seen.get(trace_code)) is not None and seen >= key.event_time
        }
        if not opened:
            return
        contents = await log.packed_into(opened, upto)
        await world.load(turn, {code for codes in contents.values() for code in codes})
        below = Late()
        for container, codes in contents.items():
            key, cause = above[container]
            below.note(codes, key, cause)
            late.note((c for c in codes if _is_after(world.state_of(c), key)), key, cause)
        above = below


def _is_after(state: CustodyState | None, key: OrderKey) -> bool:
    return state is not None and state.last_key is not None and state.last_key >= key


def _alike(histories: Mapping[str, list[Scan]], late: Late) -> dict[Signature, list[str]]:
    """Group the late codes by their own history: equal histories fold to equal states."""
    groups: defaultdict[Signature, list[str]] = defaultdict(list)
    for trace_code in late:
        scans = histories[trace_code]
        groups[tuple(sorted((s.event.event_id, s.role) for s in scans))].append(trace_code)
    return groups
