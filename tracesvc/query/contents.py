"""What is inside a container at a time, level by level, told by the histories of what was packed.

A container holds what was packed into it and has not left since: by an unpack, by being packed
elsewhere, or by a movement of its own. That is the fold of each content's history. Contents of one
container mostly share one history, so one of each kind is folded and speaks for the others.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tracesvc.domain.codes import product_code_of
from tracesvc.domain.custody import LEVELS_MAX
from tracesvc.domain.errors import TooLarge
from tracesvc.domain.ledger import Ledger, Scan
from tracesvc.domain.parties import Viewer
from tracesvc.domain.path import HIDDEN, Path, Record, build_path
from tracesvc.query.answers import Contents, ContentsItem, LevelCount
from tracesvc.query.cursor import decode_cursor, encode_cursor, page_of
from tracesvc.query.limits import QueryLimits
from tracesvc.query.path import Paths, seen_by
from tracesvc.query.ports import Log, LogSnapshot
from tracesvc.query.record import Histories, Moment, events_of, read_corrections, read_histories

_LIST = "contents"


class _Place(NamedTuple):
    """Where a code stands in the list: by level, then container, then code."""

    depth: int
    parent: str
    trace_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentsOf:
    log: Log
    paths: Paths
    limits: QueryLimits

    async def contents(
        self,
        viewer: Viewer,
        trace_code: str,
        *,
        limit: int,
        now: datetime,
        at: datetime | None = None,
        cursor: str | None = None,
    ) -> Contents:
        """Return what is inside a code at an event time, all levels counted, one page listed.

        A party that does not hold the container sees what was inside when it last had to do with
        it. Raises NotFound where the viewer may not see the code, BadParameter for a foreign
        cursor, TooLarge for more contents than one answer may count.
        """
        after = decode_cursor(cursor, _LIST, _read_place)
        async with self.log.snapshot() as log:
            record = await self.paths.record(log, trace_code, Moment(as_of=at))
            path = build_path(record, as_of=at, known_at=None, moment=now)
            shown_at = _shown_at(viewer, seen_by(viewer, path), at)
            if shown_at != at:
                record = await self.paths.record(log, trace_code, Moment(as_of=shown_at))
            tree = _Tree(log, record, Moment(as_of=shown_at), self.limits)
            places = await tree.read()
        smallest = sum(place.trace_code not in tree.containers for place in places)
        return _answer(
            trace_code, places, smallest=smallest, at=shown_at, after=after, limit=limit
        )


@dataclass(slots=True)
class _Tree:
    """The way down from one container."""

    log: LogSnapshot
    root: Record
    moment: Moment
    limits: QueryLimits
    histories: Histories = field(init=False)
    counting: set[bytes] = field(init=False)
    judged: set[bytes] = field(init=False)
    containers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.histories = dict(self.root.scans)
        self.counting = set(self.root.counting)
        self.judged = set(self.root.events())

    async def read(self) -> list[_Place]:
        """Return everything inside, in the order of the list."""
        found: list[_Place] = []
        level, met = [self.root.trace_code], {self.root.trace_code}
        for depth in range(1, LEVELS_MAX + 1):
            packed = await self.log.packed_into(level)
            self.containers |= packed.keys()
            candidates = {code for codes in packed.values() for code in codes} - met
            if not candidates:
                break
            if len(found) + len(candidates) > self.limits.contents_codes_max:
                raise TooLarge(
                    "the container holds more codes than one answer may count",
                    limit=self.limits.contents_codes_max,
                )
            await self._read_histories(candidates)
            inside = self._inside(candidates, set(level))
            found += sorted(_Place(depth, parent, code) for code, parent in inside.items())
            level = sorted(inside)
            # What once was inside and is not now may still be inside of something further down.
            met |= inside.keys()
        return found

    async def _read_histories(self, candidates: set[str]) -> None:
        new = await read_histories(
            self.log,
            candidates,
            moment=self.moment,
            limits=self.limits,
            known=self.histories.keys(),
        )
        self.histories |= new
        events = {d: e for d, e in events_of(new).items() if d not in self.judged}
        if events:
            corrections = await read_corrections(
                self.log, events, moment=self.moment, limits=self.limits
            )
            self.counting |= corrections.counting
            self.judged |= events.keys()

    def _inside(self, candidates: Collection[str], level: set[str]) -> dict[str, str]:
        """Return the candidates that are directly inside a container of the level, with it."""
        alike = self._alike(candidates)
        spoken_for = {code for group in alike for code in group[1:]}
        ledger = Ledger(
            {
                code: [scan for scan in scans if scan.event.digest in self.counting]
                for code, scans in self.histories.items()
                if code not in spoken_for
            }
        )
        inside: dict[str, str] = {}
        for group in alike:
            parent = ledger.state(group[0]).parent
            if parent is not None and parent in level:
                inside |= dict.fromkeys(group, parent)
        return inside

    def _alike(self, candidates: Iterable[str]) -> list[list[str]]:
        """Group codes that took part in the same events in the same roles."""
        groups: defaultdict[tuple[tuple[bytes, int], ...], list[str]] = defaultdict(list)
        for code in sorted(candidates):
            groups[_signature(self.histories[code])].append(code)
        return list(groups.values())


def _signature(scans: Sequence[Scan]) -> tuple[tuple[bytes, int], ...]:
    return tuple(sorted((scan.event.digest, scan.role.value) for scan in scans))


def _shown_at(viewer: Viewer, path: Path, at: datetime | None) -> datetime | None:
    """Return the time whose contents the viewer may see: the one asked for if it holds the goods."""
    if viewer.sees_all or path.holder == viewer.party_id:
        return at
    last = max(link.event_time for link in path.links if link.kind != HIDDEN)
    return last if at is None else min(at, last)


def _answer(
    trace_code: str,
    places: Sequence[_Place],
    *,
    smallest: int,
    at: datetime | None,
    after: _Place | None,
    limit: int,
) -> Contents:
    levels = Counter(place.depth for place in places)
    holds = Counter(place.parent for place in places)
    rest = [place for place in places if after is None or place > after][: limit + 1]
    page = page_of(rest, limit, lambda place: encode_cursor(_LIST, *place))
    return Contents(
        trace_code=trace_code,
        at=at,
        levels=tuple(LevelCount(depth=d, code_count=n) for d, n in sorted(levels.items())),
        code_count=len(places),
        smallest_count=smallest,
        items=tuple(_item(place, holds) for place in page.items),
        next_cursor=page.next_cursor,
    )


def _item(place: _Place, holds: Mapping[str, int]) -> ContentsItem:
    return ContentsItem(
        trace_code=place.trace_code,
        parent=place.parent,
        depth=place.depth,
        product=product_code_of(place.trace_code),
        holds=holds.get(place.trace_code, 0),
    )


def _read_place(parts: Sequence[str | int]) -> _Place:
    match parts:
        case [int(depth), str(parent), str(trace_code)]:
            return _Place(depth, parent, trace_code)
        case _:
            raise ValueError("not a place among contents")
