"""The fold: what one event after another makes of a code's custody."""

from datetime import date
from fractions import Fraction

import pytest

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    activate,
    at,
    dispense,
    histories,
    pack,
    receive,
    scanned,
    ship,
    void,
)
from tracesvc.domain.custody import UNSEEN
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.ledger import Ledger, in_force
from tracesvc.domain.vocabulary import Kind, Status


def fold(*events: ScannedEvent) -> Ledger:
    return Ledger(histories(*events))


def test_a_code_nobody_reported_is_unseen() -> None:
    """No history means no state, and no error."""
    assert fold().effective_now("u1") == UNSEEN


def test_activation_names_the_goods_and_places_them_with_the_maker() -> None:
    """The first activation gives product, lot and dates; the maker holds."""
    state = fold(activate("u1", expiry=date(2027, 12, 31))).effective_now("u1")

    assert (state.identity.product, state.identity.lot) == ("8123456", "L1")
    assert state.identity.expiry == date(2027, 12, 31)
    assert state.possession.status is Status.ACTIVATED
    assert (state.possession.holder, state.possession.owner) == (MAKER, None)


def test_ownership_is_what_was_reported_and_ends_with_the_next_purchase() -> None:
    """An owner is named by events; a purchase that names none leaves it open, a transfer keeps it."""
    stored = [activate("u1", owner="MAH"), receive("u1", actor="3PL", reason="transfer", hours=1)]
    assert fold(*stored).effective_now("u1").possession.owner == "MAH"

    sold = [ship("u1", actor="3PL", owner=DEALER, hours=2), receive("u1", sender="3PL", hours=3)]
    assert fold(*stored, sold[0]).effective_now("u1").possession.owner == DEALER
    assert fold(*stored, *sold).effective_now("u1").possession.owner is None


def test_goods_in_transit_stay_with_the_sender_until_receipt() -> None:
    """Possession passes when somebody reports receipt, not when goods leave."""
    sent = [activate("u1"), ship("u1", hours=1)]
    state = fold(*sent).effective_now("u1").possession
    assert (state.status, state.holder, state.sent_to) == (Status.IN_TRANSIT, MAKER, DEALER)

    state = fold(*sent, receive("u1", hours=2)).effective_now("u1").possession
    assert (state.status, state.holder, state.sent_to) == (Status.IN_STOCK, DEALER, None)


def test_a_unit_in_a_case_has_the_status_of_the_case() -> None:
    """Scanning the case alone moves what is inside it, at every level."""
    ledger = fold(
        activate("u1", "c1", "k1"),
        pack("c1", "u1"),
        pack("k1", "c1"),
        ship("k1", hours=1),
        receive("k1", hours=2),
    )
    for trace_code in ("u1", "c1", "k1"):
        where = ledger.effective_now(trace_code).possession
        assert (where.status, where.holder) == (Status.IN_STOCK, DEALER)
    assert ledger.containers_now("u1") == ("c1", "k1")


def test_a_movement_of_its_own_takes_a_code_out_of_its_container() -> None:
    """A carton shipped without its case has left the case and takes the case's possession along."""
    ledger = fold(
        activate("u1", "c1", "k1"),
        pack("c1", "u1"),
        pack("k1", "c1"),
        ship("k1", hours=1),
        receive("k1", hours=2),
        ship("c1", actor=DEALER, to=PHARMACY, hours=3),
        ship("k1", actor=DEALER, to=HOSPITAL, hours=4),
    )
    assert ledger.containers_now("u1") == ("c1",)
    assert ledger.effective_now("u1").possession.sent_to == PHARMACY
    assert ledger.effective_now("k1").possession.sent_to == HOSPITAL
    assert (
        ledger.effective_before("c1", ledger.steps("c1")[-1].event.key).possession.holder == DEALER
    )


def test_a_code_listed_beside_its_container_stays_inside() -> None:
    """In one document the container speaks for its content."""
    ledger = fold(activate("u1", "c1"), pack("c1", "u1"), ship("u1", "c1", hours=1))

    assert ledger.containers_now("u1") == ("c1",)
    assert [step.carried for step in ledger.steps("u1")] == [False, False, True]


def test_links_inherit_the_containers_movements_with_the_way_through() -> None:
    """A unit's history holds its own events and those of its containers while it was inside."""
    ledger = fold(
        activate("u1", "c1", "k1"),
        pack("c1", "u1"),
        pack("k1", "c1"),
        ship("k1", hours=1),
        receive("k1", hours=2),
        ship("c1", actor=DEALER, to=PHARMACY, hours=3),
        receive("c1", actor=PHARMACY, sender=DEALER, hours=4),
        dispense("u1", hours=5),
        ship("c1", actor=PHARMACY, to=DEALER, reason="return", hours=6),
    )
    assert [(link.step.event.kind.value, link.via) for link in ledger.links("u1")] == [
        ("activate", ()),
        ("pack", ()),
        ("ship", ("c1", "k1")),
        ("receive", ("c1", "k1")),
        ("ship", ("c1",)),
        ("receive", ("c1",)),
        ("dispense", ()),
    ]


def test_unpacking_sets_a_code_down_where_the_container_is() -> None:
    """What is taken out stands where the container stood, and stays when that moves on."""
    ledger = fold(
        activate("u1", "c1"),
        pack("c1", "u1"),
        ship("c1", hours=1),
        receive("c1", hours=2),
        scanned(Kind.UNPACK, "u1", parent="c1", actor=DEALER, hours=3),
        ship("c1", actor=DEALER, to=PHARMACY, hours=4),
    )
    assert ledger.effective_now("u1").possession.holder == DEALER
    assert ledger.effective_now("u1").possession.status is Status.IN_STOCK


def test_packing_in_circles_ends_the_walk() -> None:
    """Containers inside each other are a finding, not an endless loop."""
    ledger = fold(activate("a", "b"), pack("b", "a", hours=1), pack("a", "b", hours=2))

    assert ledger.containers_now("a") == ("b",)
    assert ledger.effective_now("a").possession.status is Status.UNKNOWN


def test_refused_goods_travel_back_to_their_sender() -> None:
    """Who refuses never holds; the goods are under way again."""
    where = (
        fold(
            activate("u1"), ship("u1", hours=1), scanned(Kind.REFUSE, "u1", actor=DEALER, hours=2)
        )
        .effective_now("u1")
        .possession
    )

    assert (where.status, where.holder, where.sent_to) == (Status.IN_TRANSIT, MAKER, MAKER)


def test_portions_keep_a_pack_open_until_they_add_up() -> None:
    """Split dispensing 拆零 ends the pack when its portions reach one."""
    first = scanned(Kind.DISPENSE_PARTIAL, "u1", actor=PHARMACY, hours=1, portion=(1, 3))
    second = scanned(Kind.DISPENSE_PARTIAL, "u1", actor=PHARMACY, hours=2, portion=(2, 3))

    where = fold(activate("u1"), first).effective_now("u1").possession
    assert (where.status, where.portion) == (Status.PARTIALLY_DISPENSED, Fraction(1, 3))
    assert fold(activate("u1"), first, second).effective_now("u1").possession.status is (
        Status.DISPENSED
    )


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        (Kind.VACCINATE, {}, Status.VACCINATED),
        (Kind.SAMPLE, {}, Status.SAMPLED),
        (Kind.DESTROY, {}, Status.DESTROYED),
        (Kind.ADJUST, {"reason": "loss"}, Status.LOST),
        (Kind.ADJUST, {"reason": "surplus"}, Status.IN_STOCK),
        (Kind.ADJUST, {"reason": "opening"}, Status.IN_STOCK),
        (Kind.QUARANTINE, {}, Status.QUARANTINED),
        (Kind.RELEASE, {}, Status.IN_STOCK),
        (Kind.RELABEL, {"replacements": ["n1"]}, Status.CANCELLED),
        (Kind.RECEIVE, {"reason": "consumer_return"}, Status.QUARANTINED),
    ],
)
def test_every_kind_leaves_its_status(kind: Kind, fields: dict, status: Status) -> None:
    """Each kind of event leaves the code in the status the vocabulary promises."""
    ledger = fold(activate("u1"), scanned(kind, "u1", actor=PHARMACY, hours=1, **fields))

    assert ledger.effective_now("u1").possession.status is status
    assert ledger.effective_now("u1").possession.holder == PHARMACY


def test_a_replacement_is_activated_by_its_relabelling() -> None:
    """The new code begins where the old one ended."""
    ledger = fold(
        activate("u1"), scanned(Kind.RELABEL, "u1", replacements=["n1"], lot="L1", hours=1)
    )

    assert ledger.effective_now("n1").possession.status is Status.ACTIVATED
    assert ledger.effective_now("n1").identity.lot == "L1"


def test_a_receipt_dated_before_its_shipment_still_holds() -> None:
    """Bills with a date and no time sort wrongly within a day; the goods stay received."""
    receipt, shipment = receive("u1", hours=1), ship("u1", hours=9)
    where = fold(activate("u1"), receipt, shipment).effective_now("u1").possession

    assert (where.status, where.holder) == (Status.IN_STOCK, DEALER)


def test_voids_count_only_by_the_same_actor_or_a_regulator_and_may_be_voided() -> None:
    """An event is out of force when its own actor or a regulator says so, and back when they recant."""
    shipment = ship("u1", hours=1)
    heads = {shipment.event.digest: shipment.event}
    own, foreign = void(shipment), void(shipment, actor=DEALER)
    recanted = void(own, hours=101)

    def counts(*voids: ScannedEvent, regulators: frozenset[str] = frozenset()) -> bool:
        return bool(in_force(heads, [v.event for v in voids], regulators=regulators))

    assert counts()
    assert not counts(own)
    assert counts(foreign)
    assert not counts(foreign, regulators=frozenset({DEALER}))
    assert counts(own, recanted)


def test_order_is_event_time_then_kind_then_digest() -> None:
    """Events of one instant count in the order of a working day."""
    ledger = fold(receive("u1", hours=1), ship("u1", hours=1), activate("u1", hours=1))

    assert [step.event.kind for step in ledger.steps("u1")] == [
        Kind.ACTIVATE,
        Kind.SHIP,
        Kind.RECEIVE,
    ]
    assert ledger.steps("u1")[0].event.event_time == at(1)
