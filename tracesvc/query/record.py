"""Reading what is on record of codes: histories level by level, and what voids of them there are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from tracesvc.domain.custody import LEVELS_MAX
from tracesvc.domain.errors import TooLarge
from tracesvc.domain.events import TraceEvent
from tracesvc.domain.ledger import Scan, in_force, not_after
from tracesvc.domain.vocabulary import Kind, Role
from tracesvc.query.limits import QueryLimits
from tracesvc.query.ports import LogSnapshot

Histories = dict[str, Sequence[Scan]]


class Moment(NamedTuple):
    """What is asked for: what had happened by `as_of`, as was on record by `known_at`."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    def covers(self, event: TraceEvent) -> bool:
        return (self.as_of is None or event.event_time <= self.as_of) and self.knows(event)

    def knows(self, event: TraceEvent) -> bool:
        return self.known_at is None or event.record_time <= self.known_at


PRESENT = Moment()


class Corrections(NamedTuple):
    """The voids of some events, and which of all of them count."""

    voids: Sequence[TraceEvent]
    counting: frozenset[bytes]


async def read_histories(
    log: LogSnapshot,
    trace_codes: Collection[str],
    *,
    moment: Moment,
    limits: QueryLimits,
    known: Collection[str] = (),
) -> Histories:
    """Return the histories of codes and of all containers they were ever in; those known not again.

    Asks again for containers that the log did not return by itself.
    """
    histories: Histories = {}
    wanted = set(trace_codes).difference(known)
    for _ in range(LEVELS_MAX + 1):
        if not wanted:
            break
        read = await log.histories(wanted, limits.scans_max)
        fresh = (wanted | read.keys()) - histories.keys() - set(known)
        histories |= {
            trace_code: not_after(read.get(trace_code, ()), moment.as_of, moment.known_at)
            for trace_code in fresh
        }
        wanted = _containers(histories, fresh) - histories.keys() - set(known)
    return histories


async def read_corrections(
    log: LogSnapshot,
    events: Mapping[bytes, TraceEvent],
    *,
    moment: Moment,
    limits: QueryLimits,
) -> Corrections:
    """Return the voids of events, the voids of those, and so on, and the digests that count.

    A void counts for the whole past: the time it claims to have happened at does not matter, only
    whether it was on record. Raises TooLarge where voids name voids without end.
    """
    voids: dict[bytes, TraceEvent] = {}
    wanted: Collection[bytes] = events.keys()
    for _ in range(limits.void_rounds_max):
        if not wanted:
            break
        found = [void for void in await log.voids_of(wanted) if moment.knows(void)]
        wanted = {void.digest for void in found} - voids.keys()
        voids |= {void.digest: void for void in found}
    else:
        raise TooLarge(
            "voids name one another more often than is followed", limit=limits.void_rounds_max
        )
    named = {**events, **voids}
    if not voids:
        return Corrections((), frozenset(named))
    regulators = await log.regulators()
    return Corrections(
        tuple(voids.values()), frozenset(in_force(named, voids.values(), regulators=regulators))
    )


def events_of(histories: Mapping[str, Sequence[Scan]]) -> dict[bytes, TraceEvent]:
    return {scan.event.digest: scan.event for scans in histories.values() for scan in scans}


def _containers(histories: Histories, trace_codes: Collection[str]) -> set[str]:
    return {
        scan.event.parent
        for trace_code in trace_codes
        for scan in histories[trace_code]
        if scan.role is Role.CHILD
        and scan.event.kind is Kind.PACK
        and scan.event.parent is not None
    }
