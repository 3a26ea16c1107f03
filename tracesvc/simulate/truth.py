"""What really happened, for comparison with what a service answers: counts, and the paths of some packs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tracesvc.domain.vocabulary import Kind, Status
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.products import Lot
from tracesvc.simulate.stock import Item, Pallet, Span
from tracesvc.simulate.uploads import Draft, Upload
from tracesvc.simulate.world import World

CANDIDATES_MAX: Final = 600
CANDIDATES_PER_LOT: Final = 20

_STATUS: Final[dict[Kind, Status]] = {
    Kind.ACTIVATE: Status.ACTIVATED,
    Kind.RECEIVE: Status.IN_STOCK,
    Kind.SHIP: Status.IN_TRANSIT,
    Kind.QUARANTINE: Status.QUARANTINED,
    Kind.RELEASE: Status.IN_STOCK,
    Kind.DISPENSE: Status.DISPENSED,
    Kind.VACCINATE: Status.VACCINATED,
}
"""Kinds a sample may pass through; one that meets another kind is not shown as an example."""

Link = tuple[str, str, str | None, list[str]]


@dataclass(slots=True, eq=False)
class _Candidate:
    """A unit that is watched: its path as [kind, from or actor, to, containers innermost first]."""

    lot: Lot
    unit: int
    path: list[Link]
    status: Status
    holder: str
    is_plain: bool = True


@dataclass(slots=True)
class _Totals:
    units_made: int = 0
    codes_activated: int = 0
    events: Counter[Kind] = field(default_factory=Counter)
    scans: int = 0
    codes: int = 0
    uploads: int = 0
    repeats: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    payload_bytes: int = 0


class Witness:
    """Sees every fact and every upload, and remembers what a test needs to know of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng("samples")
        self._candidates: dict[Lot, list[_Candidate]] = {}
        self._watched = 0
        self._totals = _Totals()

    def saw(self, fact: Fact) -> None:
        """Take note of a fact. Facts about one pack must come in the order in which they happened."""
        if fact.is_production:
            self._saw_production(fact)
            return
        for item in (*fact.items, *fact.replacements):
            for span in item.spans():
                for candidate in self._candidates.get(span.lot, ()):
                    if span.covers(candidate.unit):
                        _extend(candidate, fact, item, span)

    def counted(self, draft: Draft) -> None:
        """Count what an upload holds; a second sending holds nothing new."""
        if draft.is_repeat:
            return
        weight = draft.weigh()
        self._totals.events += weight.events
        self._totals.scans += weight.scans
        self._totals.codes += weight.codes

    def uploaded(self, upload: Upload) -> None:
        self._totals.uploads += 1
        self._totals.repeats += upload.is_repeat
        self._totals.formats[upload.format] += 1
        self._totals.payload_bytes += len(upload.payload)

    def truth(self) -> dict[str, Any]:
        """Return the summary as plain JSON values; what `truth.json` holds."""
        plan, totals = self._world.plan, self._totals
        return {
            "plan": {
                "name": plan.name,
                "seed": plan.seed,
                "start": plan.start.isoformat(),
                "last_day": plan.last_day.isoformat(),
                "days": plan.days,
            },
            "parties": [party.summary() for party in self._world.participants],
            "products": [product.summary() for product in self._world.products],
            "counts": {
                "units_made": totals.units_made,
                "codes_activated": totals.codes_activated,
                "events": {
                    kind.value: totals.events[kind] for kind in Kind if totals.events[kind]
                },
                "events_total": totals.events.total(),
                "scans": totals.scans,
                "codes_in_uploads": totals.codes,
                "uploads": totals.uploads,
                "uploads_repeated": totals.repeats,
                "uploads_by_format": dict(sorted(totals.formats.items())),
                "payload_bytes": totals.payload_bytes,
            },
            "samples": [_sample(candidate) for candidate in self._chosen()],
        }

    def _saw_production(self, fact: Fact) -> None:
        if fact.lot is None:
            return
        product, maker = fact.lot.product, fact.actor.party_id
        units = fact.size * product.units_per(product.levels)
        self._totals.units_made += units
        self._totals.codes_activated += fact.size * product.tree_size
        for _ in range(min(CANDIDATES_PER_LOT, CANDIDATES_MAX - self._watched)):
            path: list[Link] = [(Kind.ACTIVATE.value, maker, None, [])]
            if product.levels > 1:
                path.append((Kind.PACK.value, maker, None, []))
            unit = self._rng.randrange(units)
            candidate = _Candidate(fact.lot, unit, path, Status.ACTIVATED, maker)
            self._candidates.setdefault(fact.lot, []).append(candidate)
            self._watched += 1

    def _chosen(self) -> list[_Candidate]:
        """Return examples of every outcome and chain, the longest paths first."""
        plain = [one for lot in self._candidates.values() for one in lot if one.is_plain]
        plain.sort(key=lambda one: (-len(one.path), one.lot.code(1, one.unit)))
        groups: dict[tuple[Any, ...], list[_Candidate]] = {}
        for one in plain:
            product = one.lot.product
            key = (one.status, product.scheme, tuple(sorted(product.classes)))
            groups.setdefault(key, []).append(one)
        return list(_in_turn(list(groups.values())))[: self._world.plan.samples_max]


def _in_turn(groups: list[list[_Candidate]]) -> Iterator[_Candidate]:
    """Yield the first of each group, then the second of each, and so on."""
    for place in range(max(map(len, groups), default=0)):
        for group in groups:
            if place < len(group):
                yield group[place]


def _extend(candidate: _Candidate, fact: Fact, item: Item, span: Span) -> None:
    if fact.kind is Kind.PACK:
        return  # its container was put on a pallet; the unit's own path does not show that
    if fact.in_error or fact.kind not in _STATUS or fact.reason == "consumer_return":
        candidate.is_plain = False
        return
    product = candidate.lot.product
    via = [
        candidate.lot.code(level, candidate.unit // product.units_per(level))
        for level in range(2, span.level + 1)
    ]
    if isinstance(item, Pallet):
        via.append(item.code)
    sender = fact.sender or fact.actor
    receiver = fact.receiver or (fact.actor if fact.kind is Kind.RECEIVE else None)
    candidate.path.append(
        (fact.kind.value, sender.party_id, receiver.party_id if receiver else None, via)
    )
    candidate.status = _STATUS[fact.kind]
    candidate.holder = fact.actor.party_id


def _sample(candidate: _Candidate) -> dict[str, Any]:
    lot = candidate.lot
    return {
        "unit": lot.code(1, candidate.unit),
        "product": lot.product.product_code,
        "product_name": lot.product.name,
        "lot": lot.number,
        "made_on": lot.made_on.isoformat(),
        "expiry": lot.expiry.isoformat(),
        "path": [list(link) for link in candidate.path],
        "status": candidate.status.value,
        "holder": candidate.holder,
    }
