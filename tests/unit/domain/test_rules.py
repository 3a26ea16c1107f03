"""Every rule fires with its evidence, and stays silent for each of its guards."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.builders import (
    DEALER,
    HOSPITAL,
    MAKER,
    PHARMACY,
    RECORDED,
    activate,
    dispense,
    histories,
    pack,
    receive,
    scanned,
    ship,
    void,
)
from tests.memory_view import projected
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.findings import group_of
from tracesvc.domain.ledger import Ledger
from tracesvc.domain.rules import RULES, observe
from tracesvc.domain.vocabulary import Kind

MADE = activate("u1", "c1", "k1")
IN_PHARMACY = [
    MADE,
    ship("u1", to=PHARMACY, hours=1),
    receive("u1", actor=PHARMACY, hours=2),
]
LATE = 24 * 40.0


async def fired(*events: ScannedEvent) -> set[tuple[str, str]]:
    """Return (rule, subject) of every finding that a clean projection of the events leaves open."""
    tables = await projected([[event] for event in events])
    return {(key.rule_id, key.subject) for key in tables.subjects}


def partial(hours: float, portion: tuple[int, int] | None, actor: str = PHARMACY) -> ScannedEvent:
    fields = {} if portion is None else {"portion": portion}
    return scanned(Kind.DISPENSE_PARTIAL, "u1", actor=actor, hours=hours, **fields)


FIRES = {
    "C06": [scanned(Kind.SHIP, "u1", to_party=DEALER, repeated=["u1"]), MADE],
    "C07": [MADE, pack("c1", "u1"), ship("c1", "u1", hours=1)],
    "C08 two parents": [MADE, pack("c1", "u1"), pack("k1", "u1", hours=1)],
    "C08 cycle": [MADE, pack("c1", "k1"), pack("k1", "c1", hours=1)],
    "C08 other lot": [MADE, pack("c1", "u1", lot="L2")],
    "C08 count": [MADE, pack("c1", "u1", declared_count=10)],
    "C09": [MADE, activate("u1", lot="L2", hours=1)],
    "C11 future": [MADE, ship("u1", event_time=RECORDED + timedelta(minutes=11))],
    "C11 long ago": [scanned(Kind.QUARANTINE, "u1", event_time=datetime(1970, 1, 1, tzinfo=UTC))],
    "C11 unmade": [activate("u1", made_on=date(2026, 4, 1)), ship("u1", hours=1)],
    "C11 unborn": [ship("u1"), activate("u1", hours=1)],
    "F01": [MADE, receive("u1", hours=1)],
    "F03": [MADE, ship("u1", actor=HOSPITAL, to=DEALER, hours=1)],
    "F04": [MADE, ship("u1", hours=1), ship("u1", to=HOSPITAL, hours=2)],
    "F05": [MADE, ship("u1", hours=1), receive("u1", actor=HOSPITAL, hours=2)],
    "F08": [*IN_PHARMACY, dispense("u1", hours=3), ship("u1", actor=PHARMACY, hours=4)],
    "F08 received": [
        *IN_PHARMACY,
        dispense("u1", hours=3),
        receive("u1", actor=DEALER, sender=PHARMACY, hours=4),
    ],
    "F08 quarantined": [
        *IN_PHARMACY,
        dispense("u1", hours=3),
        scanned(Kind.QUARANTINE, "u1", actor=PHARMACY, hours=4),
    ],
    "F16": [MADE, scanned(Kind.DESTROY, "u1", hours=1), ship("u1", hours=2)],
    "F20": [
        MADE,
        ship("u1", document_number="B1", hours=1),
        ship("u1", "c1", document_number="B1", hours=1),
    ],
    "U01": [*IN_PHARMACY, dispense("u1", hours=3), dispense("u1", hours=4)],
    "U01 portions": [*IN_PHARMACY, partial(3, (2, 3)), partial(4, (2, 3))],
    "U02": [*IN_PHARMACY, dispense("u1", hours=3), dispense("u1", actor=HOSPITAL, hours=LATE)],
    "U03": [*IN_PHARMACY, dispense("u1", hours=3), dispense("u1", actor=HOSPITAL, hours=4)],
    "U04": [MADE, dispense("u1", hours=30)],
    "U05 shipped": [activate("u1", expiry=date(2026, 3, 1)), ship("u1", hours=24)],
    "U05 used": [
        activate("u1", actor=PHARMACY, expiry=date(2026, 3, 1)),
        dispense("u1", hours=24),
    ],
}

SILENT = {
    "C06": [MADE, ship("u1", hours=1)],
    "C07 only the case": [MADE, pack("c1", "u1"), ship("c1", hours=1)],
    "C08 repacked": [
        MADE,
        pack("c1", "u1"),
        scanned(Kind.UNPACK, "u1", parent="c1", hours=1),
        pack("k1", "u1", hours=2),
    ],
    "C08 mixed case": [MADE, pack("c1", "u1", lot="L2", reason="mixed")],
    "C08 partly filled": [MADE, pack("c1", "u1", declared_count=10, reason="partial")],
    "C09 repeated": [MADE, activate("u1", hours=1)],
    "C11 skew": [MADE, ship("u1", event_time=RECORDED + timedelta(minutes=9))],
    "F01 shipped": [MADE, ship("u1", hours=1), receive("u1", hours=2)],
    "F01 shipped, dated later": [MADE, receive("u1", hours=1), ship("u1", hours=20)],
    "F01 production": [receive("u1", actor=MAKER, reason="production")],
    "F03 by the carrier for the holder": [
        MADE,
        scanned(Kind.SHIP, "u1", actor="3PL", from_party=MAKER, to_party=DEALER, hours=1),
    ],
    "F03 for the owner": [
        MADE,
        scanned(Kind.SHIP, "u1", actor="3PL", owner=MAKER, to_party=DEALER, hours=1),
    ],
    "F03 receipt missing": [
        MADE,
        ship("u1", hours=1),
        ship("u1", actor=DEALER, to=PHARMACY, hours=2),
    ],
    "F03 unknown stock": [ship("u1")],
    "F04 returned between": [
        MADE,
        ship("u1", hours=1),
        scanned(Kind.REFUSE, "u1", actor=DEALER, hours=2),
        receive("u1", actor=MAKER, sender=DEALER, reason="return", hours=3),
        ship("u1", to=HOSPITAL, hours=4),
    ],
    "F05 direct delivery": [
        MADE,
        ship("u1", to=HOSPITAL, owner=DEALER, reason="direct", hours=1),
        receive("u1", actor=HOSPITAL, hours=2),
    ],
    "F05 taken back": [
        MADE,
        ship("u1", hours=1),
        receive("u1", actor=MAKER, reason="return", hours=2),
    ],
    "F08 consumer return": [
        *IN_PHARMACY,
        dispense("u1", hours=3),
        receive("u1", actor=PHARMACY, reason="consumer_return", hours=4),
        scanned(Kind.RELEASE, "u1", actor=PHARMACY, hours=5),
        dispense("u1", hours=6),
    ],
    "F16 found again": [
        MADE,
        scanned(Kind.ADJUST, "u1", reason="loss", hours=1),
        scanned(Kind.ADJUST, "u1", reason="surplus", hours=2),
    ],
    "F16 sample destroyed": [
        MADE,
        scanned(Kind.SAMPLE, "u1", hours=1),
        scanned(Kind.DESTROY, "u1", hours=2),
    ],
    "F20 parts": [
        MADE,
        ship("u1", document_number="B1", document_part="1", hours=1),
        ship("c1", document_number="B1", document_part="2", hours=2),
    ],
    "F20 lines of one bill": [
        MADE,
        ship("u1", document_number="B1", hours=1),
        ship("c1", document_number="B1", hours=1),
    ],
    "U01 portions": [*IN_PHARMACY, partial(3, (1, 3)), partial(4, (2, 3))],
    "U01 portions of unknown size": [*IN_PHARMACY, partial(3, None), partial(4, None)],
    "U04 receipt dated later": [
        MADE,
        ship("u1", to=PHARMACY, hours=1),
        dispense("u1", hours=2),
        receive("u1", actor=PHARMACY, hours=9),
    ],
    "U05 last day": [activate("u1", expiry=date(2026, 3, 2)), ship("u1", hours=1)],
    "U05 return": [
        activate("u1", expiry=date(2026, 3, 1)),
        ship("u1", reason="return", hours=24),
    ],
}


@pytest.mark.parametrize("case", FIRES)
async def test_fires(case: str) -> None:
    """The rule speaks, and speaks alone: one cause raises no second finding."""
    found = {rule_id for rule_id, _ in await fired(*FIRES[case])}

    assert found == {case.split(maxsplit=1)[0]}


@pytest.mark.parametrize("case", SILENT)
async def test_stays_silent(case: str) -> None:
    """A lawful case raises nothing at all."""
    assert await fired(*SILENT[case]) == set()


@pytest.mark.parametrize("case", [name for name in FIRES if not name.startswith("C06")])
async def test_is_withdrawn_when_the_cause_is_voided(case: str) -> None:
    """Voiding the events that prove a finding takes it away again."""
    *others, last = sorted(FIRES[case], key=lambda one: one.event.key)

    assert await fired(*others, last, void(last, hours=LATE + 1)) <= await fired(*others)


def test_every_rule_of_the_catalogue_is_tried_here() -> None:
    """No rule without a case that fires."""
    assert {case.split()[0] for case in FIRES} == {rule.rule_id for rule in RULES}


def test_every_rule_says_what_it_is_in_both_languages() -> None:
    """Titles and legal ground are there, and ids are unique."""
    assert len({rule.rule_id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.title_zh
        assert rule.title_en
        assert rule.ground
        assert rule.version >= 1


def test_a_late_bill_is_one_finding_however_many_codes() -> None:
    """Codes of one document, product and lot group under one finding id."""
    codes = [f"u{n}" for n in range(50)]
    ledger = Ledger(histories(activate(*codes), receive(*codes, document_number="RK1", hours=1)))
    ids = {
        group_of(found, step.after.identity).finding_id
        for code in codes
        for step in ledger.steps(code)
        for found in observe(step)
    }
    assert len(ids) == 1
