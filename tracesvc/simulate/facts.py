"""What happens in the simulated chain, before anybody writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate.participants import Participant
from tracesvc.simulate.products import Lot
from tracesvc.simulate.stock import Item, cut, size_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fact:
    """One thing that truly happened; an upload may be late, repeated, split or wrong about it.

    `at` is local time with its offset. `items` are what was scanned; for an activation they are the
    top-level packs, and everything inside is activated and packed with them. `every_s` above zero
    makes each code an event of its own, that many seconds apart. `parent` is the container of a
    pack or unpack. `voids` names an earlier fact that was reported in error; such a fact has
    `in_error` set and is uploaded alone. `lot` is stated where the form has room for it.
    """

    kind: Kind
    reason: str | None
    at: datetime
    actor: Participant
    items: tuple[Item, ...]
    sender: Participant | None = None
    receiver: Participant | None = None
    carrier: Participant | None = None
    document: str | None = None
    part: int | None = None
    parent: str | None = None
    every_s: int = 0
    lot: Lot | None = None
    replacements: tuple[Item, ...] = ()
    portion: tuple[int, int] | None = None
    attributes: Mapping[str, Any] | None = None
    voids: "Fact | None" = None
    in_error: bool = False

    @property
    def size(self) -> int:
        """The number of codes scanned, not counting parents and replacements."""
        return size_of(self.items)

    @property
    def is_production(self) -> bool:
        return self.kind is Kind.ACTIVATE

    @property
    def is_vaccine(self) -> bool:
        spans = (span for item in self.items for span in item.spans())
        return any("vaccine" in span.lot.product.classes for span in spans)

    def ends_at(self) -> datetime:
        return self.at + timedelta(seconds=self.every_s * max(self.size - 1, 0))

    def piece(self, start: int, stop: int, part: int | None) -> "Fact":
        """Return the fact of some of its codes, in the order scanned."""
        return replace(
            self,
            items=cut(self.items, start, stop),
            at=self.at + timedelta(seconds=self.every_s * start),
            part=part,
        )
