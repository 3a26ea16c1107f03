"""Gaps: what is missing between two events of a code, and who owes it."""

import pytest

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    activate,
    dispense,
    histories,
    pack,
    receive,
    scanned,
    ship,
)
from tracesvc.domain.gaps import find_gaps
from tracesvc.domain.ledger import Ledger
from tracesvc.domain.vocabulary import Kind

UNIT, CASE, PALLET = "81234560000000000001", "81234580000000000001", "(00)395040000000000012"


def found(trace_code, *events):
    ledger = Ledger(histories(*events))
    return find_gaps(trace_code, ledger, ledger.links(trace_code))


def gaps(trace_code, *events):
    return [(gap.kind.value, gap.owed_by, gap.counterpart) for gap in found(trace_code, *events)]


def test_a_complete_chain_has_no_gap():
    """Activated, shipped, received and sold, each by the right party, nothing is missing."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1),
        receive(UNIT, hours=2),
        ship(UNIT, actor=DEALER, to=PHARMACY, hours=3),
        receive(UNIT, actor=PHARMACY, sender=DEALER, hours=4),
        dispense(UNIT, hours=5),
    ]

    assert gaps(UNIT, *events) == []


def test_goods_nobody_received_are_pending_with_the_consignee():
    """In transit at the end of what is known: the consignee's receipt is still to come."""
    shipment = ship(UNIT, hours=1, document_number="CK1")
    (gap,) = found(UNIT, activate(UNIT), shipment)

    assert (gap.kind, gap.owed_by, gap.counterpart) == ("receipt_pending", DEALER, MAKER)
    assert (gap.document, gap.after_event_id) == ("CK1", shipment.event.event_id)
    assert gap.before_event_id is None
    assert gap.owes is Kind.RECEIVE
    assert gap.title_zh
    assert gap.title_en


def test_a_code_that_moves_without_activation_lacks_it():
    """Whoever let the code into the chain owes its activation."""
    assert gaps(UNIT, ship(UNIT), receive(UNIT, hours=2)) == [("activation_missing", MAKER, None)]


@pytest.mark.parametrize(
    "born",
    [
        scanned(Kind.ADJUST, UNIT, actor=DEALER, reason="opening"),
        pack(UNIT, "81234550000000000001", actor=DEALER),
    ],
    ids=["opening stock", "packed"],
)
def test_opening_stock_and_containers_need_no_activation(born):
    """What was there before reporting began, and what is made by packing, was never activated."""
    assert gaps(UNIT, born) == []


def test_a_receipt_from_somebody_who_reported_no_shipment():
    """The sender owes the shipment; the gap lies between its last event and the receipt."""
    made, arrived = activate(UNIT), receive(UNIT, hours=30, document_number="RK1")
    (gap,) = found(UNIT, made, arrived)

    assert (gap.kind, gap.owed_by, gap.counterpart) == ("shipment_missing", MAKER, DEALER)
    assert (gap.after_event_id, gap.before_event_id) == (
        made.event.event_id,
        arrived.event.event_id,
    )


def test_goods_passed_on_by_a_consignee_that_reported_no_receipt():
    """A dealer that ships what it never received owes the receipt, under the sender's bill."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1, document_number="CK1"),
        ship(UNIT, actor=DEALER, to=PHARMACY, hours=9),
        receive(UNIT, actor=PHARMACY, sender=DEALER, hours=10),
    ]
    (gap,) = found(UNIT, *events)

    assert (gap.kind, gap.owed_by, gap.document) == ("receipt_missing", DEALER, "CK1")


def test_goods_used_by_a_consignee_that_reported_no_receipt():
    """A pharmacy that sells what is still on its way owes the receipt."""
    events = [activate(UNIT), ship(UNIT, to=PHARMACY, hours=1), dispense(UNIT, hours=9)]

    assert gaps(UNIT, *events) == [("receipt_missing", PHARMACY, MAKER)]


def test_goods_that_turn_up_at_somebody_else():
    """Shipped to the dealer, received by the hospital from the dealer: both hops are open."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1),
        receive(UNIT, actor=HOSPITAL, sender=DEALER, hours=9),
    ]

    assert gaps(UNIT, *events) == [
        ("receipt_missing", DEALER, MAKER),
        ("shipment_missing", DEALER, HOSPITAL),
    ]


def test_goods_on_their_way_used_by_somebody_else():
    """The consignee's receipt is missing, and so is that of whoever uses the goods."""
    events = [activate(UNIT), ship(UNIT, hours=1), dispense(UNIT, hours=9)]

    assert gaps(UNIT, *events) == [
        ("receipt_missing", DEALER, MAKER),
        ("receipt_missing", PHARMACY, None),
    ]


def test_goods_at_rest_moved_by_somebody_else():
    """A party that ships what stands with another: neither side reported the handover."""
    events = [
        activate(UNIT),
        ship(UNIT, actor=DEALER, to=PHARMACY, hours=5),
        receive(UNIT, actor=PHARMACY, sender=DEALER, hours=6),
    ]

    assert gaps(UNIT, *events) == [
        ("shipment_missing", MAKER, DEALER),
        ("receipt_missing", DEALER, MAKER),
    ]


def test_a_logistics_company_that_ships_for_the_owner_breaks_nothing():
    """A third party moves goods in the name of who holds them."""
    events = [
        activate(UNIT),
        ship(UNIT, actor="3PL", from_party=MAKER, hours=1),
        receive(UNIT, hours=2),
    ]

    assert gaps(UNIT, *events) == []


def test_a_refusal_answers_a_shipment():
    """Refused goods go back to the sender, who then owes the receipt."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1),
        scanned(Kind.REFUSE, UNIT, actor=DEALER, hours=2, reason="quality"),
    ]

    assert gaps(UNIT, *events) == [("receipt_pending", MAKER, DEALER)]


def test_a_sender_that_ships_again_lacks_no_receipt_of_another():
    """Goods that never left are no missing receipt; only the last shipment is open."""
    events = [activate(UNIT), ship(UNIT, hours=1), ship(UNIT, to=PHARMACY, hours=5)]

    assert gaps(UNIT, *events) == [("receipt_pending", PHARMACY, MAKER)]


def test_what_happens_after_the_end_is_a_finding_and_no_gap():
    """A pack that is sold twice lacks no document."""
    events = [
        activate(UNIT, actor=PHARMACY),
        dispense(UNIT, hours=5),
        dispense(UNIT, actor=HOSPITAL, hours=6),
    ]

    assert gaps(UNIT, *events) == []


def test_a_receipt_dated_a_little_later_explains_the_use():
    """A use at eight and its receipt dated nine belong together."""
    events = [
        activate(UNIT),
        ship(UNIT, to=PHARMACY, hours=1),
        dispense(UNIT, hours=8),
        receive(UNIT, actor=PHARMACY, hours=9),
    ]

    assert gaps(UNIT, *events) == []


def test_a_unit_has_the_gaps_of_its_container():
    """A case whose receipt is missing leaves every unit inside with the gap."""
    events = [activate(UNIT), pack(CASE, UNIT, hours=1), ship(CASE, hours=2)]

    assert gaps(UNIT, *events) == [("receipt_pending", DEALER, MAKER)]


def test_a_logistic_unit_must_be_known_to_hold_something():
    """A pallet that moves and was never packed hides what is on it."""
    events = [ship(PALLET), receive(PALLET, hours=5)]

    assert gaps(PALLET, *events) == [("contents_unknown", MAKER, None)]


def test_a_container_holding_less_than_declared():
    """Ten are declared and one was scanned: the rest of the contents is owed."""
    assert gaps(CASE, pack(CASE, UNIT, declared_count=10)) == [
        ("contents_incomplete", MAKER, None)
    ]
    assert gaps(CASE, pack(CASE, UNIT, declared_count=10, reason="partial")) == []
    assert gaps(CASE, pack(CASE, UNIT, declared_count=1)) == []


def test_a_code_without_history_has_no_gap():
    """Nothing known, nothing missing."""
    assert gaps(UNIT) == []


def test_a_direct_delivery_arrives_with_its_owner():
    """Goods shipped to one place for another owner may be received by either."""
    events = [
        activate(UNIT),
        ship(UNIT, to=HOSPITAL, owner=DEALER, hours=1),
        receive(UNIT, hours=2),
    ]

    assert gaps(UNIT, *events) == []


def test_a_receipt_elsewhere_from_the_same_sender():
    """Shipped to the dealer, received by the pharmacy from the same maker: only the dealer is asked."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1),
        receive(UNIT, actor=PHARMACY, sender=MAKER, hours=9),
    ]

    assert gaps(UNIT, *events) == [("receipt_missing", DEALER, MAKER)]


def test_a_first_receipt_and_a_first_use_lack_activation():
    """The sender of the first receipt owes the activation; of a first use nobody can be named."""
    assert gaps(UNIT, receive(UNIT)) == [
        ("activation_missing", MAKER, None),
        ("shipment_missing", MAKER, DEALER),
    ]
    assert gaps(UNIT, dispense(UNIT)) == [("activation_missing", None, None)]
