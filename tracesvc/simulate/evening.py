"""One wholesaler's evening: consignments of a thousand codes and more come in and go out again."""

from collections.abc import Iterator
from random import Random
from typing import Final

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate import timetable
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.participants import Participant, Tier
from tracesvc.simulate.plan import EveningSize
from tracesvc.simulate.products import Product, make_product
from tracesvc.simulate.stock import Span
from tracesvc.simulate.timetable import Window
from tracesvc.simulate.world import Today, World

_DELIVERY: Final = Window(18 * 60, 19 * 60)
_MADE, _BOUGHT, _SOLD = range(3)


class Evening:
    """The script of the `evening` plan: three days, see `plan.evening_plan`."""

    def __init__(self, world: World, size: EveningSize) -> None:
        self._world = world
        self._rng = world.rng("evening")
        self._makers = world.network.tier(Tier.MAKER)
        self._wholesaler = world.network.tier(Tier.NATIONAL)[0]
        self._buyers = world.network.tier(Tier.REGIONAL)
        ratios = (size.units_per_carton,) if size.units_per_carton > 1 else ()
        world.products = tuple(
            _product(maker, ratios, number)
            for number, maker in enumerate(
                self._makers, start=world.rng("products").randrange(1000, 9000)
            )
        )
        self._goods = list(self._consignments(size, self._rng))

    def facts(self, today: Today) -> Iterator[Fact]:
        """Yield what happens on one of the three days."""
        for index, goods in enumerate(self._goods):
            maker = goods.lot.product.maker
            buyer = self._buyers[index % len(self._buyers)]
            if today.number == _MADE:
                yield Fact(
                    kind=Kind.ACTIVATE,
                    reason=None,
                    at=timetable.PRODUCTION.draw(today.day, self._rng),
                    actor=maker,
                    items=(goods,),
                    lot=goods.lot,
                )
            elif today.number == _BOUGHT:
                yield self._ship(goods, maker, self._wholesaler, today)
            elif today.number == _SOLD:
                yield self._receive(goods, maker, self._wholesaler, today, timetable.RECEIPT)
                yield self._ship(goods, self._wholesaler, buyer, today)
                yield self._receive(goods, self._wholesaler, buyer, today, _DELIVERY)

    def _consignments(self, size: EveningSize, rng: Random) -> Iterator[Span]:
        for index in range(size.bills):
            product = self._world.products[index % len(self._world.products)]
            codes = rng.randint(size.codes_min, size.codes_max)
            lot = self._world.new_lot(product, self._world.plan.start, codes)
            yield Span(lot, product.levels, 0, codes)

    def _ship(self, goods: Span, seller: Participant, buyer: Participant, today: Today) -> Fact:
        return Fact(
            kind=Kind.SHIP,
            reason="sale",
            at=timetable.SHIPMENT.draw(today.day, self._rng),
            actor=seller,
            items=(goods,),
            sender=seller,
            receiver=buyer,
            document=self._world.new_document(seller, "CK", today.day),
        )

    def _receive(
        self, goods: Span, seller: Participant, buyer: Participant, today: Today, window: Window
    ) -> Fact:
        return Fact(
            kind=Kind.RECEIVE,
            reason="purchase",
            at=window.draw(today.day, self._rng),
            actor=buyer,
            items=(goods,),
            sender=seller,
            receiver=buyer,
            document=self._world.new_document(buyer, "RK", today.day),
        )


def _product(maker: Participant, ratios: tuple[int, ...], number: int) -> Product:
    return make_product(
        "氯化钠注射液",
        unit_name="瓶",
        classes=frozenset(),
        scheme="cn20",
        ratios=ratios,
        shelf_life_years=3,
        maker=maker,
        number=number,
    )
