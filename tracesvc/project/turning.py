"""One turn of the projection as a computation: events of some captures against the custody view.

Fast path: an event later than everything known of a code and its containers steps the code's
cohort forward. Otherwise the code is late: it is folded again from the log, together with whatever
was inside it and had events of its own after that time. Both ways end in the same state, since a
state is a function of the set of events; the property tests hold us to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain as chained

from tracesvc.domain.custody import CustodyState, Step, containers, effective, step
from tracesvc.domain.events import OrderKey, ScannedEvent, TraceEvent
from tracesvc.domain.projection import Cause, Cohort
from tracesvc.domain.rules import observe, retract
from tracesvc.domain.rules.base import Evidence, Observation
from tracesvc.domain.rules.repeated_scan import RULE as REPEATED_SCAN
from tracesvc.domain.rules.repeated_scan import repeated_scans
from tracesvc.domain.vocabulary import VOIDING, Kind, Role
from tracesvc.project.book import FindingBook
from tracesvc.project.world import World


class Late(dict[str, tuple[OrderKey, Cause]]):
    """Codes to be folded again: from which point of the order on, and because of which event."""

    def note(self, trace_codes: Iterable[str], key: OrderKey, cause: Cause) -> None:
        for trace_code in trace_codes:
            known = self.get(trace_code)
            if known is None or key < known[0]:
                self[trace_code] = (key, cause)


def scanned_codes(scanned: ScannedEvent) -> Iterable[str]:
    """Yield every code the event names, in whatever role."""
    return chained.from_iterable(codes for _, codes in scanned.parts())


def apply_events(
    events: Sequence[tuple[ScannedEvent, Cause]],
    world: World,
    book: FindingBook,
    *,
    counting: frozenset[bytes] | set[bytes],
) -> Late:
    """Step the world over new events in their order; return the codes that must be re-folded.

    `counting` are the digests of the events that no void takes out; the others leave every state
    as it is.
    """
    late = Late()
    for scanned, cause in sorted(events, key=lambda pair: pair[0].event.key):
        if scanned.event.kind in VOIDING:
            continue
        if scanned.event.digest in counting:
            _apply(scanned, cause, world, book, late)
        else:
            _pass_by(scanned, world)
    return late


def judge_event(scanned: ScannedEvent, book: FindingBook, *, counts: bool, cause: Cause) -> None:
    """Say or take back what the rules of single events say of one event."""
    repeated = repeated_scans(scanned)
    if not repeated:
        return
    if not counts:
        book.remove(repeated, REPEATED_SCAN.rule_id, scanned.event.digest, cause=cause)
        return
    observation = Observation(
        rule_id=REPEATED_SCAN.rule_id,
        event=scanned.event,
        evidence=Evidence(detail={"repeated": str(len(repeated))}),
    )
    book.add(repeated, observation, _NO_IDENTITY, cause=cause)


def _apply(
    scanned: ScannedEvent, cause: Cause, world: World, book: FindingBook, late: Late
) -> None:
    """Step all codes of one event. Every step sees the world before the event, then all move."""
    event = scanned.event
    planned: list[tuple[Cohort | None, list[str], Step, tuple[str, ...]]] = []
    for role, codes in scanned.parts():
        for cohort, group in _groups(world, codes, event, role):
            chain = _chain(world, cohort, group[0])
            on_time = _on_time(world, cohort, group, event=event, chain=chain, late=late)
            if len(on_time) < len(group):
                here = set(on_time)
                late.note((c for c in group if c not in here), event.key, cause)
            if on_time:
                one = _step(world, cohort, on_time[0], scanned, role=role, chain=chain)
                planned.append((cohort, on_time, one, chain))
    outcomes: defaultdict[CustodyState, list[tuple[Cohort | None, list[str]]]] = defaultdict(list)
    for cohort, group, one, chain in planned:
        outcomes[one.after].append((cohort, group))
        world.saw_inside(concerned_containers(one, chain), event.event_time)
        record_step(one, group, book, cause)
    for state, groups in outcomes.items():
        world.settle(groups, state, event.event_id, event.event_id)


def concerned_containers(one: Step, chain: tuple[str, ...]) -> tuple[str, ...]:
    """Return the containers whose earlier history this step depends on.

    Those the code was in, whose possession it had; and the one it is packed into or taken out of,
    which the same event may place, and whose own packing C08 looks at.
    """
    if one.role is Role.CHILD and one.event.parent is not None:
        return (*chain, one.event.parent)
    return chain


def _pass_by(scanned: ScannedEvent, world: World) -> None:
    event_id = scanned.event.event_id
    for cohort, group in world.grouped(scanned_codes(scanned)):
        world.settle([(cohort, group)], world.own_state(cohort), event_id, event_id)


def record_step(one: Step, group: Iterable[str], book: FindingBook, cause: Cause) -> None:
    """Put what the rules say of a step into the book, for every code that took it."""
    for observation in observe(one):
        book.add(group, observation, one.after.identity, cause=cause)
    taken_back = retract(one)
    if taken_back is not None:
        for rule_id in taken_back.rule_ids:
            book.remove(group, rule_id, taken_back.raised_by, cause=cause)


def _groups(
    world: World, codes: Sequence[str], event: TraceEvent, role: Role
) -> list[tuple[Cohort | None, list[str]]]:
    """Group codes by cohort; a code that stands above others of its cohort goes alone.

    Codes of a cohort share a state, so one answer serves them all, except where the question leads
    through one of them: where packing goes in circles (C08), a code is its own container's content.
    """
    parted = []
    for cohort, group in world.grouped(codes):
        above = _above(world, cohort, event, role)
        alone = above.intersection(group) if above else above
        if not alone or len(group) == 1:
            parted.append((cohort, group))
            continue
        parted.extend((cohort, [trace_code]) for trace_code in sorted(alone))
        rest = [trace_code for trace_code in group if trace_code not in alone]
        if rest:
            parted.append((cohort, rest))
    return parted


def _above(world: World, cohort: Cohort | None, event: TraceEvent, role: Role) -> set[str]:
    """Return what stands above a cohort's codes, or above the container they are packed into."""
    above: set[str] = set()
    if cohort is not None and cohort.state.parent is not None:
        above.update(containers("", cohort.state, world.state_of))
    if event.kind is Kind.PACK and role is Role.CHILD and event.parent is not None:
        container = world.state_of(event.parent)
        if container is not None and container.parent is not None:
            above.add(container.parent)
    return above


def _chain(world: World, cohort: Cohort | None, trace_code: str) -> tuple[str, ...]:
    if cohort is None or cohort.state.parent is None:
        return ()
    return containers(trace_code, cohort.state, world.state_of)


def _on_time(
    world: World,
    cohort: Cohort | None,
    group: list[str],
    *,
    event: TraceEvent,
    chain: tuple[str, ...],
    late: Late,
) -> list[str]:
    """Return the codes of a group for which nothing later than this event has been folded yet."""
    key = event.key
    states: list[CustodyState | None] = [None if cohort is None else cohort.state]
    states.extend(world.state_of(container) for container in chain)
    if any(s is not None and s.last_key is not None and s.last_key >= key for s in states):
        return []
    if late and any(container in late for container in chain):
        return []
    seen = world.inside_seen
    if not late and not seen:
        return group
    return [c for c in group if c not in late and not (c in seen and seen[c] >= event.event_time)]


def _step(
    world: World,
    cohort: Cohort | None,
    trace_code: str,
    scanned: ScannedEvent,
    *,
    role: Role,
    chain: tuple[str, ...],
) -> Step:
    event = scanned.event
    container = None
    if role is Role.CHILD and event.parent is not None:
        container = world.state_of(event.parent)
    return step(
        trace_code,
        effective(trace_code, world.own_state(cohort), world.state_of),
        event,
        role,
        container=container,
        carried=bool(chain) and role is Role.OBJECT and not set(chain).isdisjoint(scanned.codes),
    )


_NO_IDENTITY = CustodyState().identity
