"""The path of a code: links in the order of what happened, through containers, with their voids."""

from datetime import date, timedelta

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    RECORDED,
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
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.ledger import in_force
from tracesvc.domain.path import Path, Record, build_path
from tracesvc.domain.vocabulary import Kind, Status

UNIT, CARTON, CASE = "81234560000000000001", "81234570000000000001", "81234580000000000001"
OTHER = "81234560000000000002"


def record(trace_code: str, *events: ScannedEvent, regulators=frozenset()) -> Record:
    heads = {one.event.digest: one.event for one in events}
    voids = [one.event for one in events if one.event.voids is not None]
    counting = frozenset(in_force(heads, voids, regulators=regulators))
    return Record(trace_code, histories(*events), voids, counting)


def path(trace_code: str, *events: ScannedEvent, moment=RECORDED, **kwargs) -> Path:
    return build_path(
        record(trace_code, *events, **kwargs), as_of=None, known_at=None, moment=moment
    )


def story() -> list[ScannedEvent]:
    """A unit through carton and case to a pharmacy, which sells it."""
    return [
        activate(UNIT, OTHER, CARTON, CASE, hours=0),
        pack(CARTON, UNIT, OTHER, hours=1),
        pack(CASE, CARTON, hours=2),
        ship(CASE, hours=3, document_number="CK1"),
        receive(CASE, hours=30, document_number="RK1"),
        ship(CARTON, actor=DEALER, to=PHARMACY, hours=40, document_number="CK2"),
        receive(CARTON, actor=PHARMACY, sender=DEALER, hours=50),
        dispense(UNIT, hours=60),
    ]


def short(found: Path) -> list[tuple]:
    return [(x.kind, x.from_party or x.actor, x.to_party, x.via) for x in found.links]


def test_a_unit_shows_its_own_events_and_those_of_its_containers():
    """A unit's links say through which containers it took part, innermost first."""
    found = path(UNIT, *story())

    assert short(found) == [
        ("activate", MAKER, None, ()),
        ("pack", MAKER, None, ()),
        ("ship", MAKER, DEALER, (CARTON, CASE)),
        ("receive", MAKER, DEALER, (CARTON, CASE)),
        ("ship", DEALER, PHARMACY, (CARTON,)),
        ("receive", DEALER, PHARMACY, (CARTON,)),
        ("dispense", PHARMACY, None, ()),
    ]
    assert (found.status, found.holder) == (Status.DISPENSED, PHARMACY)
    assert (found.product, found.lot, found.expiry) == ("8123456", "L1", date(2028, 1, 31))
    assert found.gaps == ()
    assert found.findings == ()


def test_the_order_of_arrival_changes_nothing():
    """The same events give the same path whatever their order."""
    events = story()

    assert path(UNIT, *reversed(events)) == path(UNIT, *events)


def test_a_code_without_reported_product_is_named_by_its_own_digits():
    """Where nobody said what a code stands for, its product part does."""
    found = path(UNIT, receive(UNIT, hours=1))

    assert (found.product, found.lot) == ("8123456", None)


def test_a_voided_event_counts_for_nothing_and_is_shown_with_its_void():
    """A bill that was voided keeps its place in the path, marked, beside the void that says so."""
    events = story()
    wrong = ship(CASE, to=HOSPITAL, hours=2.5, document_number="CK0")
    undone = void(wrong, hours=2.6)

    found = path(UNIT, *events, wrong, undone)

    kinds = [(link.kind, link.voided, link.via) for link in found.links]
    assert kinds[2:5] == [
        ("ship", True, (CARTON, CASE)),
        ("void", False, (CARTON, CASE)),
        ("ship", False, (CARTON, CASE)),
    ]
    assert found.links[3].voids == wrong.event.event_id
    assert found.status is Status.DISPENSED
    assert found.gaps == found.findings == ()


def test_a_void_of_a_void_brings_the_event_back():
    """Both voids are shown, and the event they are about counts again."""
    wrong = ship(UNIT, to=HOSPITAL, hours=2)
    undone = void(wrong, hours=3)
    restored = void(undone, hours=4)

    found = path(UNIT, activate(UNIT), wrong, undone, restored)

    assert [(link.kind, link.voided) for link in found.links] == [
        ("activate", False),
        ("ship", False),
        ("void", True),
        ("void", False),
    ]
    assert found.status is Status.IN_TRANSIT


def test_a_void_by_a_stranger_takes_nothing_out_unless_it_is_a_regulator():
    """Only who reported an event, or a regulator, can void it."""
    wrong = ship(UNIT, hours=2)
    undone = void(wrong, actor="R")

    assert path(UNIT, activate(UNIT), wrong, undone).status is Status.IN_TRANSIT
    assert (
        path(UNIT, activate(UNIT), wrong, undone, regulators=frozenset("R")).status
        is Status.ACTIVATED
    )


def test_a_voided_event_of_a_container_the_unit_was_not_in_is_not_its_own():
    """A case's voided bill from before the unit was packed is no link of the unit."""
    early = ship(CASE, hours=0.5)
    found = path(UNIT, *story(), early, void(early))

    assert all(not link.voided for link in found.links)


def test_a_code_listed_beside_its_container_has_one_link():
    """Case and unit in one bill: the case's scan speaks, and the finding on the unit is shown."""
    both = ship(CASE, UNIT, hours=3)
    found = path(UNIT, *story()[:3], both)

    assert short(found)[-1] == ("ship", MAKER, DEALER, (CARTON, CASE))
    assert [f.rule_id for f in found.findings] == ["C07"]
    assert found.links[-1].findings == (found.findings[0].finding_id,)


def test_an_inherited_link_shows_what_is_held_against_the_container():
    """A receipt without shipment of the case is a finding on the unit's link."""
    events = [*story()[:3], receive(CASE, hours=30)]
    found = path(UNIT, *events)

    (finding,) = found.findings
    assert (finding.rule_id, finding.subjects) == ("F01", (CASE,))
    assert found.links[-1].findings == (finding.finding_id,)


def test_a_finding_waits_until_its_grace_is_over():
    """A missing upload may be on its way: the finding says from when on it counts."""
    events = [activate(UNIT), receive(UNIT, hours=30)]

    def state(moment):
        return path(UNIT, *events, moment=moment).findings[0].state

    assert state(RECORDED + timedelta(hours=47)) == "waiting"
    assert state(RECORDED + timedelta(hours=48)) == "open"


def test_a_finding_that_a_later_dated_counterpart_explains_is_gone():
    """The shipment dated an hour after its receipt explains the receipt, and leaves no gap."""
    events = [activate(UNIT), receive(UNIT, hours=30), ship(UNIT, hours=31)]
    found = path(UNIT, *events)

    assert found.findings == found.gaps == ()
    assert (found.status, found.holder) == (Status.IN_STOCK, DEALER)


def test_evidence_names_events_of_the_path():
    """What proves a finding is named by event id."""
    first, again = dispense(UNIT, hours=60), dispense(UNIT, actor=HOSPITAL, hours=61)
    found = path(UNIT, *story()[:-1], first, again)

    suspected = next(f for f in found.findings if f.rule_id == "U03")
    assert suspected.events == (first.event.event_id,)
    assert suspected.event_id == again.event.event_id
    assert suspected.detail["first_at"] == PHARMACY


def test_a_case_shows_what_it_was_in_each_event():
    """A container's own path tells packing it from packing into it."""
    found = path(CARTON, *story())

    assert [(x.kind, x.role, x.parent) for x in found.links][:3] == [
        ("activate", "object", None),
        ("pack", "parent", CARTON),
        ("pack", "child", CASE),
    ]


def test_what_was_reported_of_a_voided_event_is_no_finding():
    """Rules judge events in force only."""
    odd = receive(UNIT, hours=30)

    assert path(UNIT, activate(UNIT), odd, void(odd)).findings == ()


def test_event_times_are_those_reported():
    """Links carry the reported instant and the reporter's offset."""
    found = path(UNIT, scanned(Kind.ACTIVATE, UNIT, hours=5))

    assert (found.links[0].event_time, found.links[0].event_offset_min) == (at(5), 480)
