"""The fold of whole histories: codes and the containers they travelled in, each folded once.

A `Ledger` holds the own histories of some codes and of every container they were ever in. It folds
a code up to any point of time, asking its containers for their possession just before each event.
Those questions go strictly back in time, so they end even where packing goes in circles.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tracesvc.domain.custody import (
    LEVELS_MAX,
    UNSEEN,
    CustodyState,
    Step,
    containers,
    effective,
    step,
)
from tracesvc.domain.events import OrderKey, TraceEvent
from tracesvc.domain.vocabulary import LEAVES_CONTAINER, Kind, Role


class Scan(NamedTuple):
    """One event that names a code, and what the code was in it."""

    event: TraceEvent
    role: Role


@dataclass(frozen=True, slots=True)
class Link:
    """One event in the effective history of a code; `via` are the containers it travelled in."""

    step: Step
    via: tuple[str, ...]


class Ledger:
    """Folds of the given histories. Events that are voided must already be left out."""

    def __init__(self, histories: Mapping[str, Iterable[Scan]]) -> None:
        self._scans = {
            trace_code: sorted(scans, key=lambda scan: (scan.event.key, scan.role))
            for trace_code, scans in histories.items()
        }
        self._keys = {
            trace_code: [scan.event.key for scan in scans]
            for trace_code, scans in self._scans.items()
        }
        self._steps: dict[str, list[Step]] = {trace_code: [] for trace_code in self._scans}

    def steps(self, trace_code: str) -> list[Step]:
        """Return every own step of a code, in order; none for a code without history."""
        return self._folded(trace_code, len(self._scans.get(trace_code, ())))

    def state(self, trace_code: str) -> CustodyState:
        """Return the own state after every event; possession is the container's while packed."""
        steps = self.steps(trace_code)
        return steps[-1].after if steps else UNSEEN

    def state_before(self, trace_code: str, key: OrderKey) -> CustodyState | None:
        """Return the own state just before a point of the order; None if there is no history."""
        keys = self._keys.get(trace_code)
        if keys is None:
            return None
        steps = self._folded(trace_code, bisect_left(keys, key))
        return steps[-1].after if steps else UNSEEN

    def effective_before(self, trace_code: str, key: OrderKey) -> CustodyState:
        """Return the state just before a point of the order, with its effective possession."""
        state = self.state_before(trace_code, key) or UNSEEN
        return effective(trace_code, state, lambda parent: self.state_before(parent, key))

    def containers_before(self, trace_code: str, key: OrderKey) -> tuple[str, ...]:
        state = self.state_before(trace_code, key) or UNSEEN
        return containers(trace_code, state, lambda parent: self.state_before(parent, key))

    def effective_now(self, trace_code: str) -> CustodyState:
        """Return the effective state after everything that is in the ledger."""
        return effective(trace_code, self.state(trace_code), self._known_state)

    def containers_now(self, trace_code: str) -> tuple[str, ...]:
        return containers(trace_code, self.state(trace_code), self._known_state)

    def links(self, trace_code: str) -> list[Link]:
        """Return the effective history: own events, and those of containers while inside them."""
        return self._links(trace_code, LEVELS_MAX)

    def _known_state(self, trace_code: str) -> CustodyState | None:
        return self.state(trace_code) if trace_code in self._scans else None

    def _folded(self, trace_code: str, count: int) -> list[Step]:
        """Fold the first `count` own events, going on from where the last call stopped."""
        steps = self._steps.get(trace_code, [])
        for scan in self._scans.get(trace_code, ())[len(steps) : count]:
            steps.append(self._step(trace_code, scan, steps[-1].after if steps else UNSEEN))
        return steps[:count]

    def _step(self, trace_code: str, scan: Scan, own: CustodyState) -> Step:
        event, role = scan
        key = event.key

        def state_of(parent: str) -> CustodyState | None:
            return self.state_before(parent, key)

        chain = containers(trace_code, own, state_of)
        container = None
        if role is Role.CHILD and event.parent is not None:
            container = state_of(event.parent)
        return step(
            trace_code,
            effective(trace_code, own, state_of),
            event,
            role,
            container=container,
            carried=role is Role.OBJECT and any(self._is_object(c, event) for c in chain),
        )

    def _is_object(self, trace_code: str, event: TraceEvent) -> bool:
        keys = self._keys.get(trace_code, [])
        at = bisect_left(keys, event.key)
        scans = self._scans.get(trace_code, [])
        return at < len(keys) and keys[at] == event.key and scans[at].role is Role.OBJECT

    def _links(self, trace_code: str, levels: int) -> list[Link]:
        found: list[Link] = []
        steps = self.steps(trace_code)
        for number, one in enumerate(steps):
            if not one.carried:
                found.append(Link(one, ()))
            parent = one.after.parent
            if parent is None or levels == 0:
                continue
            until = steps[number + 1].key if number + 1 < len(steps) else None
            left = steps[number + 1] if number + 1 < len(steps) else None
            found.extend(self._inherited(parent, one.key, until, left, levels - 1))
        return sorted(found, key=lambda link: link.step.key)

    def _inherited(
        self,
        parent: str,
        after: OrderKey,
        until: OrderKey | None,
        left: Step | None,
        levels: int,
    ) -> list[Link]:
        """Return the container's movements between two own events of what is inside it.

        The event at the upper end counts as well where the container itself is in it, since then
        the content was only listed beside its container.
        """
        with_end = left is not None and left.carried
        return [
            Link(link.step, (parent, *link.via))
            for link in self._links(parent, levels)
            if link.step.role is Role.OBJECT
            and link.step.event.kind in _INHERITED
            and link.step.key > after
            and (until is None or link.step.key < until or (with_end and link.step.key == until))
        ]


_INHERITED = LEAVES_CONTAINER - {Kind.UNPACK, Kind.RELABEL}


def not_after(
    scans: Iterable[Scan], as_of: datetime | None, known_at: datetime | None
) -> list[Scan]:
    """Return the scans that had happened by `as_of` and were on record by `known_at`."""
    return [
        scan
        for scan in scans
        if (as_of is None or scan.event.event_time <= as_of)
        and (known_at is None or scan.event.record_time <= known_at)
    ]


def in_force(
    events: Mapping[bytes, TraceEvent], voids: Iterable[TraceEvent], *, regulators: frozenset[str]
) -> set[bytes]:
    """Return the digests of the events that count: those no void in force has taken out.

    A void is in force when its actor is the actor of the event it names, or a regulator, and it is
    not itself voided. A void's digest covers the digest it names, so voids cannot form a circle.
    """
    naming: dict[bytes, list[TraceEvent]] = {}
    for void in voids:
        if void.voids is not None:
            naming.setdefault(void.voids, []).append(void)

    def counts(event: TraceEvent) -> bool:
        return not any(
            (void.actor == event.actor or void.actor in regulators) and counts(void)
            for void in naming.get(event.digest, ())
        )

    return {digest for digest, event in events.items() if counts(event)}
