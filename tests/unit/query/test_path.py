"""Asking for a path: what is read, as of when, as known when, and by whom."""

from datetime import timedelta

import pytest

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    RECORDED,
    activate,
    at,
    dispense,
    pack,
    receive,
    ship,
    void,
)
from tests.unit.domain.test_path import CARTON, CASE, UNIT, story
from tests.unit.query.memory_log import HeldFindings, MemoryLog
from tracesvc.domain.custody import ANONYMOUS
from tracesvc.domain.errors import NotFound, TooLarge
from tracesvc.domain.findings import FindingSubject, SubjectKey, group_of
from tracesvc.domain.parties import Viewer
from tracesvc.domain.rules.base import Evidence, Observation
from tracesvc.domain.vocabulary import Status
from tracesvc.query.limits import QueryLimits
from tracesvc.query.path import Paths
from tracesvc.query.record import PRESENT, Moment

ALL = Viewer(party_id=None, sees_all=True)
DAY = timedelta(days=1)


def paths(log: MemoryLog, *held: FindingSubject, **limits: int) -> Paths:
    return Paths(log=log, findings=HeldFindings(*held), limits=QueryLimits(**limits))


async def ask(log: MemoryLog, trace_code: str = UNIT, *, viewer=ALL, **moment):
    return await paths(log).path(viewer, trace_code, now=RECORDED, moment=Moment(**moment))


def viewer(party: str) -> Viewer:
    return Viewer(party_id=party, sees_all=False)


async def test_a_unit_takes_one_read_per_packing_level():
    """Unit, carton and case are three reads, then documents and voids one each."""
    log = MemoryLog(*story())
    found = await ask(log)

    assert len(found.links) == 7
    assert log.reads == ["histories"] * 3 + ["documents", "voids"]


async def test_a_path_as_of_a_time_ends_there():
    """Asked as of the evening it was on the road, a unit is on the road."""
    found = await ask(MemoryLog(*story()), as_of=at(45))

    assert (found.status, found.holder) == (Status.IN_TRANSIT, DEALER)
    assert [link.kind for link in found.links] == ["activate", "pack", "ship", "receive", "ship"]
    assert [gap.kind for gap in found.gaps] == ["receipt_pending"]
    assert found.as_of == at(45)


async def test_a_path_as_known_at_a_time_lacks_what_came_later():
    """The same past looked otherwise while an upload was missing."""
    late = ship(UNIT, hours=1, record_time=RECORDED + 5 * DAY)
    log = MemoryLog(activate(UNIT), late, receive(UNIT, hours=3))

    before, now = await ask(log, known_at=RECORDED + DAY), await ask(log)

    assert [f.rule_id for f in before.findings] == ["F01"]
    assert [gap.kind for gap in before.gaps] == ["shipment_missing"]
    assert now.findings == now.gaps == ()
    assert len(now.links) == len(before.links) + 1


async def test_a_void_counts_from_when_it_was_known_whatever_time_it_claims():
    """A void corrects the record: it does not happen at a place in the chain."""
    wrong = ship(UNIT, hours=2)
    undone = void(wrong, hours=500, record_time=RECORDED + DAY)
    log = MemoryLog(activate(UNIT), wrong, undone)

    assert (await ask(log, as_of=at(3))).status is Status.ACTIVATED
    assert (await ask(log, known_at=RECORDED)).status is Status.IN_TRANSIT
    assert [link.voided for link in (await ask(log, as_of=at(3))).links] == [False, True, False]


async def test_a_regulator_voids_what_others_reported():
    """Regulators are asked for only where there are voids."""
    wrong = ship(UNIT, hours=2)
    log = MemoryLog(activate(UNIT), wrong, void(wrong, actor="R"), regulators="R")

    assert (await ask(log)).status is Status.ACTIVATED
    assert "regulators" in log.reads


async def test_an_unknown_code_is_not_found():
    """Nothing on record is told apart from nothing at the time asked for."""
    log = MemoryLog(*story())
    with pytest.raises(NotFound):
        await ask(log, "81234560000000000099")

    earlier = await ask(log, as_of=at(-5))
    assert (earlier.status, earlier.links) == (Status.UNKNOWN, ())


async def test_a_stranger_and_a_latecomer_do_not_find_the_code():
    """Who is in no event, or was in none by then, gets the answer for an unknown code."""
    log = MemoryLog(*story())
    for party, moment in ((HOSPITAL, {}), (PHARMACY, {"as_of": at(35)})):
        with pytest.raises(NotFound):
            await ask(log, viewer=viewer(party), **moment)

    assert (await ask(log, viewer=viewer(PHARMACY))).holder == PHARMACY


async def test_a_reused_bill_is_a_finding_on_every_link_of_it():
    """F20 is asked of the documents of the path, here and now."""
    first = ship(UNIT, hours=1, document_number="CK1")
    other = ship("81234560000000000002", to=PHARMACY, hours=2, document_number="CK1")
    log = MemoryLog(activate(UNIT), first, other)
    found = await ask(log)

    (finding,) = found.findings
    assert (finding.rule_id, finding.document) == ("F20", "CK1")
    assert finding.events == (other.event.event_id,)
    assert found.links[-1].findings == (finding.finding_id,)

    log.events.append(void(other))
    assert (await ask(log)).findings == ()


async def test_what_a_handheld_repeated_is_read_from_the_view():
    """C06 has the id that the projection gave it."""
    bill = ship(UNIT, hours=1, repeated=(UNIT,))
    evidence = Evidence(detail={"repeated": "1"})
    observation = Observation(rule_id="C06", event=bill.event, evidence=evidence)
    group = group_of(observation, ANONYMOUS)
    held = FindingSubject(
        key=SubjectKey(UNIT, "C06", bill.event.digest),
        finding_id=group.finding_id,
        evidence=evidence,
    )
    asked = paths(MemoryLog(activate(UNIT), bill), held)
    found = await asked.path(ALL, UNIT, now=RECORDED, moment=PRESENT)

    assert [f.finding_id for f in found.findings] == [group.finding_id]


async def test_endless_voids_are_refused():
    """A chain of voids longer than the limit is an error and not a long night."""
    chain = [ship(UNIT, hours=2)]
    for number in range(4):
        chain.append(void(chain[-1], hours=10 + number))
    asked = paths(MemoryLog(activate(UNIT), *chain), void_rounds_max=3)

    with pytest.raises(TooLarge):
        await asked.path(ALL, UNIT, now=RECORDED, moment=PRESENT)


async def test_a_status_is_the_end_of_the_path():
    """Status, holder and containers now, with the last event in force."""
    log = MemoryLog(*story()[:4])
    status = await paths(log).status(ALL, UNIT, now=RECORDED)

    assert (status.status, status.holder, status.scheme) == (Status.IN_TRANSIT, MAKER, "cn20")
    assert status.containers == (CARTON, CASE)
    assert (status.transit.from_party, status.transit.to_party) == (MAKER, DEALER)
    assert status.transit.document == "CK1"
    assert status.last_event.kind == "ship"
    assert (status.link_count, status.gap_count) == (3, 1)


async def test_a_status_shows_a_party_its_own_part():
    """The maker of a unit sold long ago learns that it was sold, not where."""
    log = MemoryLog(*story())
    status = await paths(log).status(viewer(MAKER), UNIT, now=RECORDED)

    assert (status.status, status.holder) == (Status.DISPENSED, None)
    assert status.last_event.kind == "receive"
    assert status.transit is None


async def test_containers_of_others_are_not_shown():
    """A dealer that sold a case sees it, and not the pallet its customer put it on."""
    log = MemoryLog(
        *story()[:5],
        ship(CASE, actor=DEALER, to=PHARMACY, hours=40),
        receive(CASE, actor=PHARMACY, sender=DEALER, hours=41),
        pack("(00)395040000000000012", CASE, actor=PHARMACY, hours=42),
        ship("(00)395040000000000012", actor=PHARMACY, to=HOSPITAL, hours=43),
    )
    asked = paths(log)

    dealer = await asked.status(viewer(DEALER), UNIT, now=RECORDED)
    pharmacy = await asked.status(viewer(PHARMACY), UNIT, now=RECORDED)

    assert dealer.containers == (CARTON, CASE)
    assert dealer.transit is None
    assert pharmacy.containers == (CARTON, CASE, "(00)395040000000000012")
    assert pharmacy.transit.to_party == HOSPITAL


async def test_a_use_without_receipt_is_known_as_soon_as_it_is_stored():
    """Nothing here waits for the projection."""
    found = await ask(MemoryLog(activate(UNIT), dispense(UNIT, hours=9)))

    assert [f.rule_id for f in found.findings] == ["U04"]
