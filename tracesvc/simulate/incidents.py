"""What does not happen every time, all of it lawful: samples, losses, returns, refusals, slips of the pen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate import timetable
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.participants import USERS, Form, Participant, Tier
from tracesvc.simulate.products import Product, sscc
from tracesvc.simulate.stock import Item, Pallet, Span, cut, size_of
from tracesvc.simulate.timetable import Window
from tracesvc.simulate.world import Today, World

PALLET_CASES_MAX: Final = 20
_WHOLESALERS: Final = frozenset({Tier.NATIONAL, Tier.REGIONAL})
_STOCKISTS: Final = frozenset(Tier) - {Tier.CARRIER}


class Incidents:
    """Draws incidents at the plan's rates and carries their consequences to later days."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rates = world.plan.incidents
        self._rng = world.rng("incidents")
        self._morning: tuple[tuple[str, frozenset[Tier], _Incident], ...] = (
            ("sample", _STOCKISTS - {Tier.VACCINATION}, self._sample),
            ("loss", USERS | _WHOLESALERS, self._loss),
            ("quarantine", _STOCKISTS - {Tier.MAKER}, self._quarantine),
            ("relabel", frozenset({Tier.MAKER}), self._relabel),
            ("unpack", frozenset({Tier.RETAIL, Tier.HOSPITAL}), self._unpack),
            ("partial", frozenset({Tier.HOSPITAL}), self._partial),
            ("mistaken_use", USERS, self._mistaken_use),
        )

    def of_the_morning(self, today: Today) -> Iterator[Fact]:
        """Yield the incidents between the day's receipts and its first sale."""
        for participant in self._world.participants:
            for name, tiers, incident in self._morning:
                if participant.tier in tiers and self._happens(name):
                    yield from incident(participant, today)

    def refused_part(self, shipment: Fact, today: Today) -> tuple[Item, ...]:
        """Return the last pack of a delivery if it is refused; the sender needs a day to take it back."""
        size = size_of(shipment.items)
        if today.is_last or size == 1 or not self._happens("refuse"):
            return ()
        return cut(shipment.items, size - 1, size)

    def refusal(self, shipment: Fact, refused: tuple[Item, ...], today: Today) -> Iterator[Fact]:
        buyer, seller = shipment.receiver, shipment.actor
        yield Fact(
            kind=Kind.REFUSE,
            reason=self._rng.choice(("quality", "document", "temperature")),
            at=self._at(today, timetable.REFUSAL),
            actor=buyer or seller,
            items=refused,
            sender=seller,
            receiver=buyer,
            document=shipment.document,
        )
        self._take_back(buyer or seller, seller, refused, today)

    def returns(self, today: Today) -> Iterator[Fact]:
        """Yield goods that users and regional wholesalers send back to their supplier."""
        for participant in self._world.participants:
            if participant.tier not in {Tier.RETAIL, Tier.HOSPITAL, Tier.REGIONAL}:
                continue
            if not self._happens("send_back"):
                continue
            for product in self._any_product(participant):
                supplier = self._world.network.supplier(participant, product)
                items = self._take(participant, product, min(2, product.levels))
                if supplier is None or not items:
                    self._world.shelves[participant].put(items)
                    continue
                yield Fact(
                    kind=Kind.SHIP,
                    reason="return",
                    at=self._at(today, timetable.SHIPMENT),
                    actor=participant,
                    items=items,
                    sender=participant,
                    receiver=supplier,
                    document=self._world.new_document(participant, "TH", today.day),
                )
                self._take_back(participant, supplier, items, today)

    def after_use(self, used: Fact, today: Today) -> Iterator[Fact]:
        """Yield a consumer's return of the last pack sold; it is destroyed, never sold again."""
        if used.actor.tier is not Tier.RETAIL or not self._happens("consumer_return"):
            return
        pharmacy, items = used.actor, cut(used.items, used.size - 1, used.size)
        yield Fact(
            kind=Kind.RECEIVE,
            reason="consumer_return",
            at=self._at(today, timetable.AFTER_USE),
            actor=pharmacy,
            items=items,
            receiver=pharmacy,
            document=self._world.new_document(pharmacy, "XT", today.day),
        )
        self._destroy_later(pharmacy, items, today)

    def palletised(
        self, seller: Participant, items: tuple[Item, ...], today: Today
    ) -> tuple[tuple[Item, ...], tuple[Fact, ...]]:
        """Return the goods with some cases put on a wholesaler's pallet, and the packing of it.

        Only cases that are the top level of their product are stacked: another case may still stand
        on its maker's pallet as far as anybody has reported.
        """
        if seller.tier is not Tier.NATIONAL or not self._writes_json(seller):
            return items, ()
        for at, span in enumerate(items):
            if not isinstance(span, Span) or span.level != span.lot.product.levels:
                continue
            if span.level != 3 or not self._happens("palletise"):  # noqa: PLR2004 - a case
                continue
            stacked = min(span.size, PALLET_CASES_MAX)
            serial = self._world.new_pallet_serial()
            pallet = Pallet(sscc("6931000", serial), (span.part(0, stacked),))
            pallet = pallet._replace(code=f"(00){pallet.code}")
            rest = (span.part(stacked, span.size),) if span.size > stacked else ()
            packing = Fact(
                kind=Kind.PACK,
                reason=None,
                at=self._at(today, timetable.PALLETISING),
                actor=seller,
                items=pallet.content,
                parent=pallet.code,
            )
            return (*items[:at], pallet, *rest, *items[at + 1 :]), (packing,)
        return items, ()

    def misreported(self, shipment: Fact, today: Today) -> Fact | None:
        """Return the wrong report of a shipment, which its sender corrects on the next day.

        The wrong report has the wrong time; the right one follows under a number of its own.
        """
        seller = shipment.actor
        is_wholesaler = seller.tier in _WHOLESALERS and self._writes_json(seller)
        if not is_wholesaler or shipment.size > self._world.plan.bill_codes_max:
            return None
        if shipment.document is None or not self._happens("mistaken_bill"):
            return None
        at = timetable.MISREPORT.draw(today.day, self._rng)
        wrong = replace(shipment, at=at, in_error=True)
        right = replace(shipment, document=f"{shipment.document}G")

        def correct(then: Today) -> Iterator[Fact]:
            yield self._void(Kind.CORRECT, "incorrect_data", wrong, then)
            yield right

        self._world.later(today, 1, correct)
        return wrong

    def _happens(self, name: str) -> bool:
        return self._rng.random() < float(getattr(self._rates, name))

    def _writes_json(self, participant: Participant) -> bool:
        return participant.software.bills is Form.JSON

    def _any_product(self, participant: Participant) -> tuple[Product, ...]:
        products = self._world.shelves[participant].products()
        return (self._rng.choice(products),) if products else ()

    def _take(self, participant: Participant, product: Product, level: int) -> tuple[Span, ...]:
        return self._world.shelves[participant].take(product, level, 1)

    def _take_any(self, participant: Participant, level: int) -> tuple[Span, ...]:
        """Take one pack of a level of any product; nothing where the drawn product has none."""
        for product in self._any_product(participant):
            return self._take(participant, product, min(level, product.levels))
        return ()

    def _at(self, today: Today, window: Window) -> datetime:
        return window.draw(today.day, self._rng)

    def _sample(self, participant: Participant, today: Today) -> Iterator[Fact]:
        if items := self._take_any(participant, 1):
            yield Fact(
                kind=Kind.SAMPLE,
                reason="inspection",
                at=self._at(today, timetable.INCIDENT),
                actor=participant,
                items=items,
                document=self._world.new_document(participant, "CJ", today.day),
            )

    def _loss(self, participant: Participant, today: Today) -> Iterator[Fact]:
        if items := self._take_any(participant, 1):
            yield Fact(
                kind=Kind.ADJUST,
                reason="loss",
                at=self._at(today, timetable.INCIDENT),
                actor=participant,
                items=items,
                document=self._world.new_document(participant, "PK", today.day),
            )

    def _quarantine(self, participant: Participant, today: Today) -> Iterator[Fact]:
        if items := self._take_any(participant, 2):
            yield from self._hold(participant, items, today)

    def _hold(
        self, participant: Participant, items: tuple[Item, ...], today: Today
    ) -> Iterator[Fact]:
        yield Fact(
            kind=Kind.QUARANTINE,
            reason="quality",
            at=self._at(today, timetable.INCIDENT),
            actor=participant,
            items=items,
        )
        if self._rng.random() < 0.3:  # noqa: PLR2004 - three in ten do not pass
            self._destroy_later(participant, items, today)
            return

        def release(then: Today) -> Iterator[Fact]:
            yield Fact(
                kind=Kind.RELEASE,
                reason="quality",
                at=self._at(then, timetable.SETTLING),
                actor=participant,
                items=items,
            )
            self._world.shelves[participant].put(items)

        self._world.later(today, 1, release)

    def _destroy_later(
        self, participant: Participant, items: tuple[Item, ...], today: Today
    ) -> None:
        def destroy(then: Today) -> Iterator[Fact]:
            yield Fact(
                kind=Kind.DESTROY,
                reason="destruction",
                at=self._at(then, timetable.SETTLING),
                actor=participant,
                items=items,
                document=self._world.new_document(participant, "XH", then.day),
            )

        self._world.later(today, 1, destroy)

    def _take_back(
        self, giver: Participant, taker: Participant, items: tuple[Item, ...], today: Today
    ) -> None:
        """Have goods received back next morning and held until they have passed inspection."""

        def receive(then: Today) -> Iterator[Fact]:
            yield Fact(
                kind=Kind.RECEIVE,
                reason="return",
                at=self._at(then, timetable.RECEIPT),
                actor=taker,
                items=items,
                sender=giver,
                receiver=taker,
                document=self._world.new_document(taker, "TR", then.day),
            )
            yield from self._hold(taker, items, then)

        self._world.later(today, 1, receive)

    def _relabel(self, maker: Participant, today: Today) -> Iterator[Fact]:
        if items := self._take_any(maker, 1):
            lot = items[0].lot
            new = Span(self._world.same_lot(lot, 1), 1, 0, 1)
            self._world.shelves[maker].put((new,))
            yield Fact(
                kind=Kind.RELABEL,
                reason="damaged_label",
                at=self._at(today, timetable.INCIDENT),
                actor=maker,
                items=items,
                replacements=(new,),
                lot=lot,
            )

    def _unpack(self, participant: Participant, today: Today) -> Iterator[Fact]:
        items = self._take_any(participant, 2)
        if not items or items[0].level == 1:
            self._world.shelves[participant].put(items)
            return
        content = items[0].opened()
        self._world.shelves[participant].put((content,))
        yield Fact(
            kind=Kind.UNPACK,
            reason=None,
            at=self._at(today, timetable.INCIDENT),
            actor=participant,
            items=(content,),
            parent=items[0].codes()[0],
        )

    def _partial(self, hospital: Participant, today: Today) -> Iterator[Fact]:
        """Give one pack out in two or three portions of a third: it stays open, or it is used up."""
        items = self._take_any(hospital, 1)
        start = timetable.USE.start(today.day)
        for portion in range(self._rng.choice((2, 3)) if items else 0):
            yield Fact(
                kind=Kind.DISPENSE_PARTIAL,
                reason="medical",
                at=start + timedelta(hours=2 * portion, seconds=self._rng.randrange(3600)),
                actor=hospital,
                items=items,
                portion=(1, 3),
            )

    def _mistaken_use(self, participant: Participant, today: Today) -> Iterator[Fact]:
        """Scan the wrong pack at the till; the report is voided in the morning, the pack kept."""
        if participant.software.uses is not Form.JSON or today.is_last:
            return
        items = self._take_any(participant, 1)
        if not items:
            return
        vaccinates = participant.tier is Tier.VACCINATION
        wrong = Fact(
            kind=Kind.VACCINATE if vaccinates else Kind.DISPENSE,
            reason=_MISTAKEN_AS[participant.tier],
            at=self._at(today, timetable.INCIDENT),
            actor=participant,
            items=items,
            in_error=True,
        )
        yield wrong

        def void(then: Today) -> Iterator[Fact]:
            yield self._void(Kind.VOID, "did_not_occur", wrong, then)
            self._world.shelves[participant].put(items)

        self._world.later(today, 1, void)

    def _void(self, kind: Kind, reason: str, wrong: Fact, then: Today) -> Fact:
        return Fact(
            kind=kind,
            reason=reason,
            at=self._at(then, timetable.SETTLING),
            actor=wrong.actor,
            items=(),
            voids=wrong,
        )


_Incident = Callable[[Participant, Today], Iterator[Fact]]

_MISTAKEN_AS: Final = {
    Tier.RETAIL: "retail",
    Tier.HOSPITAL: "medical",
    Tier.VACCINATION: "vaccination",
}
