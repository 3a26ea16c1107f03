"""An ordinary day of the chain: goods are made, received, used and shipped on, in that order of hours."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate import timetable
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.incidents import Incidents
from tracesvc.simulate.participants import USERS, Form, Participant, Tier
from tracesvc.simulate.products import Product, trade_level
from tracesvc.simulate.stock import Item, Span, cut, deal, size_of
from tracesvc.simulate.world import Today, World

OPENING_AGE_DAYS: Final = 120
OPENING_PRODUCTS: Final = 2
KEPT_BY_WHOLESALERS: Final = 0.1
USED_SHARE: Final = (0.4, 0.9)
"""Between which shares of its stock a user gives out in a day."""


class WorkingDays:
    """The script of an ordinary province: `facts` of one day after the other, each day once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._incidents = Incidents(world)
        self._rng = world.rng("working day")
        self._shares = _production_shares(world, world.rng("production"))
        self._unmade: dict[Product, float] = dict.fromkeys(world.products, 0.0)
        weights = world.rng("customers")
        self._weight = {p: weights.randrange(1, 5) for p in world.participants}

    def facts(self, today: Today) -> Iterator[Fact]:
        """Yield what happens on a day; per participant not in order of time."""
        if today.number == 0:
            yield from self._opening_stock(today)
        yield from self._production(today)
        yield from self._receipts(today)
        for chore in self._world.chores_of(today):
            yield from chore(today)
        yield from self._incidents.of_the_morning(today)
        yield from self._uses(today)
        if not today.is_last:
            # Nothing is left on the road at the end, so that nothing is missing from a clean run.
            yield from self._incidents.returns(today)
            yield from self._shipments(today)

    def _opening_stock(self, today: Today) -> Iterator[Fact]:
        """Report what users held before they took part: packs whose activation is not on record."""
        made_on = today.day - timedelta(days=OPENING_AGE_DAYS)
        size = 6 if self._world.plan.packing == "small" else 40
        for participant in self._world.participants:
            if participant.tier not in USERS:
                continue
            bought = [
                product
                for product in self._world.products
                if self._world.network.supplier(participant, product) is not None
            ]
            for product in bought[:OPENING_PRODUCTS]:
                tops = -(-size // product.units_per(product.levels))
                items = (Span(self._world.new_lot(product, made_on, tops), 1, 0, size),)
                self._world.shelves[participant].put(items)
                yield Fact(
                    kind=Kind.ADJUST,
                    reason="opening",
                    at=timetable.OPENING.draw(today.day, self._rng),
                    actor=participant,
                    items=items,
                    lot=items[0].lot,
                )

    def _production(self, today: Today) -> Iterator[Fact]:
        """Make whole top-level packs; what does not fill one is made on a later day."""
        for product in self._world.products:
            due = self._unmade[product] + self._shares[product]
            tops = int(due)
            self._unmade[product] = due - tops
            if not tops:
                continue
            lot = self._world.new_lot(product, today.day, tops)
            items = (Span(lot, product.levels, 0, tops),)
            self._world.shelves[product.maker].put(items)
            yield Fact(
                kind=Kind.ACTIVATE,
                reason=None,
                at=timetable.PRODUCTION.draw(today.day, self._rng),
                actor=product.maker,
                items=items,
                lot=lot,
            )
            if product.maker.software.bills is Form.BILL_XML:
                yield self._warehousing(today, product.maker, items)

    def _warehousing(self, today: Today, maker: Participant, items: tuple[Item, ...]) -> Fact:
        return Fact(
            kind=Kind.RECEIVE,
            reason="production",
            at=timetable.WAREHOUSING.draw(today.day, self._rng),
            actor=maker,
            items=items,
            receiver=maker,
            document=self._world.new_document(maker, "SC", today.day),
        )

    def _receipts(self, today: Today) -> Iterator[Fact]:
        arrived, self._world.under_way = self._world.under_way, []
        for shipment in arrived:
            buyer = shipment.receiver
            if buyer is None:
                continue
            items = shipment.items
            refused = self._incidents.refused_part(shipment, today)
            if refused:
                items = cut(items, 0, size_of(items) - 1)
                yield from self._incidents.refusal(shipment, refused, today)
            self._world.shelves[buyer].put(items)
            terms = self._world.network.terms(shipment.actor, buyer)
            yield Fact(
                kind=Kind.RECEIVE,
                reason=terms.received_as,
                at=timetable.RECEIPT.draw(today.day, self._rng),
                actor=buyer,
                items=items,
                sender=shipment.actor,
                receiver=buyer,
                document=self._world.new_document(buyer, "RK", today.day),
                attributes={"from_document": shipment.document},
            )

    def _uses(self, today: Today) -> Iterator[Fact]:
        for participant in self._world.participants:
            if participant.tier not in USERS:
                continue
            shelf = self._world.shelves[participant]
            products = shelf.products()
            for till, product in enumerate(products):
                share = self._rng.uniform(*USED_SHARE)
                size = max(1, int(shelf.units(product) * share))
                start, every_s = self._pace(today, size, till=till, tills=len(products))
                kind, reason = _USES[participant.tier]
                special = {"customer_id_type": "5", "medic_doctor": "李医生"}
                used = Fact(
                    kind=kind,
                    reason=reason,
                    at=start,
                    actor=participant,
                    items=shelf.take(product, 1, size),
                    every_s=every_s,
                    attributes=special if product.classes else None,
                )
                yield used
                yield from self._incidents.after_use(used, today)

    def _pace(self, today: Today, size: int, *, till: int, tills: int) -> tuple[datetime, int]:
        """Return when the first of a day's sales of one product is, and the seconds between them.

        Sales of different products fall on different seconds while the day has enough of them: a
        table has no other way to tell two sales from one of two packs.
        """
        slack = 900
        every_s = max(1, (timetable.USE.seconds - slack) // size)
        if every_s >= tills:
            every_s -= every_s % tills
        offset = self._rng.randrange(slack) // tills * tills + till
        return timetable.USE.start(today.day) + timedelta(seconds=offset), every_s

    def _shipments(self, today: Today) -> Iterator[Fact]:
        for seller in self._world.participants:
            if seller.tier in USERS:
                continue
            for (buyer, _), items in self._orders(seller, today).items():
                yield from self._ship(today, seller, buyer, tuple(items))

    def _orders(
        self, seller: Participant, today: Today
    ) -> dict[tuple[Participant, bool], list[Span]]:
        """Share the stock out to the customers; narcotics go on bills of their own."""
        shelf = self._world.shelves[seller]
        keep = 0.0 if seller.tier is Tier.MAKER else KEPT_BY_WHOLESALERS
        orders: dict[tuple[Participant, bool], list[Span]] = {}
        for product in shelf.products():
            customers = self._world.network.customers(seller, product)
            if not customers:
                continue
            # Who is served first changes daily; a few packs would otherwise feed the same customers.
            turn = today.number % len(customers)
            customers = customers[turn:] + customers[:turn]
            goods = shelf.take_all(product, trade_level(product, seller.tier), keep=keep)
            shares = deal(goods, [self._weight[customer] for customer in customers])
            for customer, share in zip(customers, shares, strict=True):
                if share:
                    order = orders.setdefault((customer, "narcotic" in product.classes), [])
                    order.extend(span for item in share for span in item.spans())
        return orders

    def _ship(
        self, today: Today, seller: Participant, buyer: Participant, items: tuple[Item, ...]
    ) -> Iterator[Fact]:
        items, packing = self._incidents.palletised(seller, items, today)
        yield from packing
        carriers = self._world.network.tier(Tier.CARRIER)
        shipment = Fact(
            kind=Kind.SHIP,
            reason=self._world.network.terms(seller, buyer).shipped_as,
            at=timetable.SHIPMENT.draw(today.day, self._rng),
            actor=seller,
            items=items,
            sender=seller,
            receiver=buyer,
            carrier=carriers[0] if carriers and seller.tier is Tier.NATIONAL else None,
            document=self._world.new_document(seller, "CK", today.day),
        )
        self._world.under_way.append(shipment)
        wrong = self._incidents.misreported(shipment, today)
        if wrong is None:
            yield shipment
        else:
            yield wrong


_USES: Final = {
    Tier.RETAIL: (Kind.DISPENSE, "retail"),
    Tier.HOSPITAL: (Kind.DISPENSE, "medical"),
    Tier.VACCINATION: (Kind.VACCINATE, "vaccination"),
}


def _production_shares(world: World, rng: Random) -> dict[Product, float]:
    """Return how many top-level packs of each product are made per day, a fraction included."""
    weights = {product: rng.uniform(0.5, 1.5) for product in world.products}
    total = sum(weights.values())
    return {
        product: world.plan.units_per_day * weight / total / product.units_per(product.levels)
        for product, weight in weights.items()
    }
