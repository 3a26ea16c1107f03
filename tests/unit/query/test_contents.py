"""What is inside a container at a time, all levels, in pages, and for whom."""

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
    scanned,
    ship,
    void,
)
from tests.unit.query.memory_log import HeldFindings, MemoryLog
from tracesvc.domain.errors import BadParameter, NotFound, TooLarge
from tracesvc.domain.parties import Viewer
from tracesvc.domain.vocabulary import Kind
from tracesvc.query.contents import ContentsOf
from tracesvc.query.limits import QueryLimits
from tracesvc.query.path import Paths

ALL = Viewer(party_id=None, sees_all=True)
CASE, PALLET = "81234580000000000001", "(00)395040000000000012"
CARTONS = [f"8123457000000000000{n}" for n in range(3)]
UNITS = [f"812345600000000000{n:02}" for n in range(6)]


def story():
    """A pallet of one case of three cartons of two units each, shipped and received."""
    return [
        activate(*UNITS, hours=0),
        *(pack(c, *UNITS[2 * n : 2 * n + 2], hours=1) for n, c in enumerate(CARTONS)),
        pack(CASE, *CARTONS, hours=2),
        pack(PALLET, CASE, hours=3),
        ship(PALLET, hours=4),
        receive(PALLET, hours=10),
    ]


async def ask(*events, code=PALLET, viewer=ALL, limit=100, at=None, cursor=None, **limits):
    log, bounds = MemoryLog(*events), QueryLimits(**limits)
    paths = Paths(log=log, findings=HeldFindings(), limits=bounds)
    asked = ContentsOf(log=log, paths=paths, limits=bounds)
    return await asked.contents(viewer, code, limit=limit, now=RECORDED, at=at, cursor=cursor)


def inside(found) -> set[str]:
    return {item.trace_code for item in found.items}


async def test_all_levels_are_listed_and_counted():
    """From the outermost level inwards, each code with what is directly around it."""
    found = await ask(*story())

    assert [(level.depth, level.code_count) for level in found.levels] == [(1, 1), (2, 3), (3, 6)]
    assert (found.code_count, found.smallest_count) == (10, 6)
    assert [(i.trace_code, i.parent, i.holds) for i in found.items[:2]] == [
        (CASE, PALLET, 3),
        (CARTONS[0], CASE, 2),
    ]
    assert found.items[-1].product == "8123456"


async def test_contents_are_told_for_a_time():
    """Before the case was packed it was empty, and nothing was on the pallet."""
    assert inside(await ask(*story(), code=CASE, at=at(1.5))) == set()
    assert inside(await ask(*story(), code=CARTONS[0], at=at(1.5))) == set(UNITS[:2])


@pytest.mark.parametrize(
    "leaving",
    [
        dispense(UNITS[0], actor=DEALER, hours=20),
        scanned(Kind.UNPACK, UNITS[0], actor=DEALER, parent=CARTONS[0], hours=20),
        pack("81234570000000000009", UNITS[0], actor=DEALER, hours=20),
    ],
    ids=["moved on its own", "unpacked", "packed elsewhere"],
)
async def test_what_has_left_is_not_inside(leaving):
    """A unit leaves by moving on its own, by an unpack, or into another container."""
    found = await ask(*story(), leaving, code=CARTONS[0])

    assert inside(found) == {UNITS[1]}


async def test_what_is_listed_beside_its_container_stays_inside():
    """A bill that names the pallet and a unit on it moves both, and unpacks nothing."""
    found = await ask(*story(), ship(PALLET, UNITS[0], actor=DEALER, to="X", hours=30))

    assert found.smallest_count == 6


async def test_a_voided_packing_puts_nothing_inside():
    """Contents follow the events in force."""
    wrong = pack(CARTONS[0], "81234560000000000099", hours=1.5)

    assert (await ask(*story(), wrong)).code_count == 11
    assert (await ask(*story(), wrong, void(wrong))).code_count == 10


async def test_packing_in_circles_ends():
    """A container that is inside its own content is shown once."""
    found = await ask(*story(), pack(CARTONS[0], PALLET, hours=40))

    assert found.code_count == 10


async def test_pages_follow_one_another():
    """Every code is on one page, in one order, and the counts are those of the whole."""
    seen, cursor = [], None
    while True:
        page = await ask(*story(), limit=3, cursor=cursor)
        seen += [item.trace_code for item in page.items]
        assert page.code_count == 10
        if (cursor := page.next_cursor) is None:
            break

    assert seen == [item.trace_code for item in (await ask(*story())).items]


async def test_a_container_may_hold_too_much_for_one_answer():
    """The limit is an error with its name, not a cut list."""
    with pytest.raises(TooLarge) as raised:
        await ask(*story(), contents_codes_max=9)

    assert raised.value.extra == {"limit": 9}


async def test_a_unit_holds_nothing():
    """The contents of the smallest pack are empty, not unknown."""
    found = await ask(*story(), code=UNITS[0])

    assert (found.code_count, found.levels, found.next_cursor) == (0, (), None)


async def test_who_may_not_see_the_container_may_not_see_its_contents():
    """A stranger gets the answer for an unknown code, and so does everybody for one."""
    with pytest.raises(NotFound):
        await ask(*story(), viewer=Viewer(party_id=HOSPITAL, sees_all=False))
    with pytest.raises(NotFound):
        await ask(*story(), code="81234560000000000077")
    with pytest.raises(BadParameter):
        await ask(*story(), cursor="W10")


async def test_the_holder_sees_the_present_and_others_their_last_moment():
    """Who passed a container on sees what was inside then, not what became of it."""
    later = [
        dispense(UNITS[0], actor=DEALER, hours=20),
        ship(PALLET, actor=DEALER, to=PHARMACY, hours=30),
        receive(PALLET, actor=PHARMACY, sender=DEALER, hours=31),
        dispense(UNITS[1], actor=PHARMACY, hours=40),
    ]

    async def units(party):
        found = await ask(*story(), *later, viewer=Viewer(party_id=party, sees_all=False))
        return inside(found) & set(UNITS), found.smallest_count, found.at

    assert await units(PHARMACY) == (set(UNITS[2:]), 4, None)
    assert await units(DEALER) == (set(UNITS[1:]), 5, at(31))
    assert await units(MAKER) == (set(UNITS), 6, at(10))
