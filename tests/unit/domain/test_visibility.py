"""Who may see how much of a code's way."""

from dataclasses import replace
from datetime import timedelta

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    activate,
    at,
    dispense,
    receive,
    scanned,
    ship,
    void,
)
from tests.unit.domain.test_path import UNIT, path, story
from tracesvc.domain.parties import Viewer
from tracesvc.domain.path import HIDDEN, Path
from tracesvc.domain.visibility import MASK, masked, shown_detail, shown_to
from tracesvc.domain.vocabulary import Kind, Status

ALL = Viewer(party_id=None, sees_all=True)


def seen(found: Path, party: str | None) -> Path | None:
    return shown_to(Viewer(party_id=party, sees_all=False), found)


def kinds(found: Path) -> list[str]:
    return [link.kind for link in found.links]


def test_who_sees_all_sees_everything():
    """A regulator's path is the path."""
    found = path(UNIT, *story())

    assert shown_to(ALL, found) == found


def test_the_maker_sees_its_first_hop():
    """Own events and the direct customer's receipt are shown, the rest keeps its place."""
    found = seen(path(UNIT, *story()), MAKER)

    assert kinds(found) == ["activate", "pack", "ship", "receive", HIDDEN, HIDDEN, HIDDEN]
    assert (found.holder, found.owner) == (None, None)
    assert found.status is Status.DISPENSED


def test_the_pharmacy_sees_where_it_bought_and_not_where_that_came_from():
    """Up the chain ends with the direct supplier."""
    found = seen(path(UNIT, *story()), PHARMACY)

    assert kinds(found) == [HIDDEN, HIDDEN, HIDDEN, HIDDEN, "ship", "receive", "dispense"]
    assert (found.holder, found.owner) == (PHARMACY, None)
    assert found.lot == "L1"


def test_a_hidden_link_tells_the_day_and_nothing_more():
    """No party, document, container or hour; the day is that of the place."""
    link = masked(path(UNIT, *story()).links[2])

    named = (link.event_id, link.record_time, link.actor, link.from_party, link.to_party)
    assert named == (None,) * 5
    assert (link.document, link.via, link.role, link.reason, link.findings) == (
        None, (), None, None, (),
    )  # fmt: skip
    # 2026-03-02 11:00 UTC is the evening of the same day at +08:00, which began at 16:00 UTC before.
    assert link.event_time == at(-16)


def test_a_stranger_learns_nothing():
    """Who is in no event of a code gets what it would get for an unknown code."""
    assert seen(path(UNIT, *story()), HOSPITAL) is None
    assert seen(path(UNIT, *story()), None) is None


def test_claiming_a_code_does_not_tell_who_holds_it():
    """A holder is named to those it reported about itself, not to whoever names it."""
    bogus = receive(UNIT, actor=HOSPITAL, sender=PHARMACY, hours=55)
    moved_on = receive(UNIT, actor=PHARMACY, sender=HOSPITAL, hours=56)
    claimed = path(UNIT, *story()[:-1], bogus, ship(UNIT, actor=HOSPITAL, to="X", hours=57))

    assert seen(claimed, HOSPITAL).holder == HOSPITAL
    gone = path(UNIT, *story()[:-1], bogus, receive(UNIT, actor="Y", sender="Z", hours=58))
    assert seen(gone, HOSPITAL).holder is None
    confirmed = path(UNIT, *story()[:-1], bogus, moved_on)
    assert seen(confirmed, HOSPITAL).holder == PHARMACY


def test_carriers_and_owners_are_in_the_event():
    """Whoever an event names sees it in full."""
    moved = ship(UNIT, carrier="3PL", owner=HOSPITAL, hours=1)
    found = path(UNIT, activate(UNIT), moved)

    assert kinds(seen(found, "3PL")) == [HIDDEN, "ship"]
    assert kinds(seen(found, HOSPITAL)) == [HIDDEN, "ship"]


def test_a_void_is_seen_by_whoever_sees_what_it_voids():
    """A regulator's void of a bill, and the void of that, are shown to the bill's parties."""
    wrong = ship(UNIT, hours=2)
    undone = void(wrong, actor="R", hours=3)
    restored = void(undone, actor="R", hours=1)
    found = path(UNIT, activate(UNIT), wrong, undone, restored, regulators=frozenset("R"))

    assert kinds(seen(found, DEALER)) == [HIDDEN, "void", "ship", "void"]


def test_gaps_are_shown_to_those_who_owe_and_are_owed():
    """A missing receipt concerns sender and consignee; a stranger to it sees no gap."""
    events = [
        activate(UNIT),
        ship(UNIT, hours=1, document_number="CK1"),
        ship(UNIT, actor=DEALER, to=PHARMACY, hours=9),
        receive(UNIT, actor=PHARMACY, sender=DEALER, hours=10),
    ]
    found = path(UNIT, *events)

    (gap,) = seen(found, MAKER).gaps
    assert (gap.owed_by, gap.document) == (DEALER, "CK1")
    assert gap.after_event_id == events[1].event.event_id
    assert (gap.before_event_id, gap.before_time) == (None, None)
    assert seen(found, PHARMACY).gaps == ()


def test_a_gap_does_not_name_a_party_the_viewer_has_never_met():
    """The holder that something left unreported learns that it owes, not where the goods are."""
    events = [
        activate(UNIT),
        ship(UNIT, actor=DEALER, to=PHARMACY, hours=5),
        receive(UNIT, actor=PHARMACY, sender=DEALER, hours=6),
    ]
    (first, second) = seen(path(UNIT, *events), MAKER).gaps

    assert (first.owed_by, first.counterpart) == (MAKER, None)
    assert (second.owed_by, second.counterpart) == (None, MAKER)


def test_findings_are_shown_to_the_parties_of_their_event():
    """The second seller sees the finding on its sale, without the name of the first."""
    twice = dispense(UNIT, actor=HOSPITAL, hours=61)
    found = path(UNIT, *story(), twice)
    suspected = next(f for f in found.findings if f.rule_id == "U03")

    shown = seen(found, HOSPITAL)
    (own,) = (f for f in shown.findings if f.rule_id == "U03")
    assert own.detail["first_at"] == MASK
    assert own.detail["then_at"] == HOSPITAL
    assert own.detail["gap"] == suspected.detail["gap"]
    assert own.events == ()
    assert own.finding_id in shown.links[-1].findings
    assert seen(found, MAKER).findings == ()
    assert seen(found, PHARMACY).findings == ()


def test_details_are_masked_unless_they_name_no_party():
    """A detail that some future rule adds is masked until it is known to be harmless."""
    detail = {"lot": "L1", "held_by": "X", "other_party": "", "new_word": "Y"}

    assert shown_detail(detail, known=frozenset("Y")) == {
        "lot": "L1",
        "held_by": MASK,
        "other_party": "",
        "new_word": "Y",
    }


def test_the_day_of_a_hidden_link_is_that_of_the_reporter():
    """An event just after midnight at its place is hidden behind that day."""
    late = scanned(Kind.ACTIVATE, UNIT, event_time=at(8.5))
    link = path(UNIT, late).links[0]

    assert masked(link).event_time == at(8)
    west = replace(link, event_offset_min=-300)
    assert masked(west).event_time == at(8.5) - timedelta(hours=11.5)
