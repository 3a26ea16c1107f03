"""The state of the simulated chain between two days: who holds what, what is under way, what is due."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from tracesvc.simulate.chance import chance
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.network import Network
from tracesvc.simulate.participants import Participant, enrol
from tracesvc.simulate.plan import SimulationPlan
from tracesvc.simulate.products import Lot, Product, catalogue
from tracesvc.simulate.stock import Shelf

SERIALS_START_MAX: Final = 800_000_000
"""Serial numbers have nine digits; a run never makes 200 million packs of one level."""


class Today(NamedTuple):
    """One simulated day: its number from 0, its date, and whether it is the last."""

    number: int
    day: date
    is_last: bool


Chore = Callable[[Today], Iterator[Fact]]
"""Something to be done on a later day: it returns what then happens."""


class World:
    """Everything that outlives a day. Memory is bounded by spans of stock, not by codes."""

    def __init__(self, plan: SimulationPlan) -> None:
        self.plan = plan
        self.participants = enrol(plan.cast, self.rng("participants"))
        self.network = Network(self.participants)
        makers = tuple(p for p in self.participants if p.tier == "maker")
        self.products = catalogue(
            plan.products, makers, self.rng("products"), packing=plan.packing
        )
        self.shelves: dict[Participant, Shelf] = {p: Shelf() for p in self.participants}
        self.under_way: list[Fact] = []
        self._chores: defaultdict[int, list[Chore]] = defaultdict(list)
        self._documents: defaultdict[Participant, int] = defaultdict(int)
        # Numbering goes on from wherever earlier production, and other runs, have left it.
        serials = self.rng("serials")
        self._serials: defaultdict[tuple[Product, int], int] = defaultdict(
            lambda: serials.randrange(SERIALS_START_MAX)
        )
        self._lots: defaultdict[tuple[Product, date], int] = defaultdict(int)
        self._lot_rng = self.rng("lots")
        self._pallets = serials.randrange(SERIALS_START_MAX)

    def rng(self, purpose: str) -> Random:
        return chance(self.plan.run, purpose)

    def days(self) -> Iterator[Today]:
        for index in range(self.plan.days):
            day = self.plan.start + timedelta(days=index)
            yield Today(index, day, is_last=index == self.plan.days - 1)

    def new_lot(self, product: Product, made_on: date, top_size: int) -> Lot:
        """Return a lot of that many top-level packs, with serial numbers nobody had before."""
        number = self._lots[product, made_on]
        self._lots[product, made_on] += 1
        line = self.products.index(product) + 1
        name = f"{made_on:%y%m%d}{line:02d}{chr(ord('A') + number % 26)}"
        if number >= 26:  # noqa: PLR2004 - letters of the alphabet
            name = f"{name}{number // 26}"
        lot = self._lot(product, name, made_on)
        units = top_size * product.units_per(product.levels)
        for level in range(1, product.levels + 1):
            self._serials[product, level] += units // product.units_per(level)
        return lot

    def same_lot(self, lot: Lot, size: int) -> Lot:
        """Return `size` more unit codes for a lot, to replace damaged ones."""
        more = self._lot(lot.product, lot.number, lot.made_on)
        self._serials[lot.product, 1] += size
        return more

    def _lot(self, product: Product, number: str, made_on: date) -> Lot:
        expiry = made_on.replace(year=made_on.year + product.shelf_life_years, day=1)
        return Lot(
            product=product,
            number=number,
            made_on=made_on,
            # 生产日期 + 有效期, then the end of the month before: one of the four lawful sums.
            expiry=expiry - timedelta(days=1),
            starts=tuple(
                self._serials[product, level] + 1 for level in range(1, product.levels + 1)
            ),
            salt=self._lot_rng.randrange(1 << 30),
        )

    def new_document(self, actor: Participant, letters: str, day: date) -> str:
        """Return a document number the actor never used before (at most 20 characters)."""
        self._documents[actor] += 1
        return f"{letters}{day:%y%m%d}{self._documents[actor]:05d}"

    def new_pallet_serial(self) -> int:
        self._pallets += 1
        return self._pallets

    def later(self, today: Today, days: int, chore: Chore) -> None:
        """Have a chore done some days from today; never if the simulation has ended by then."""
        self._chores[today.number + days].append(chore)

    def chores_of(self, today: Today) -> list[Chore]:
        return self._chores.pop(today.number, [])
