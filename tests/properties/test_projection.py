"""Custody and findings are functions of the set of events: not of arrival, split or repetition."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import RECORDED, at, histories, scanned, void
from tests.memory_view import MemoryTables, projected
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.findings import EVENT_RULES
from tracesvc.domain.ledger import Ledger, in_force
from tracesvc.domain.rules import observe, retract
from tracesvc.domain.vocabulary import Kind

UNITS = [f"u{n}" for n in range(6)]
CARTONS = ["c1", "c2"]
CASES = ["k1", "k2"]
CODES = [*UNITS, *CARTONS, *CASES]
PARTIES = ["M", "D", "P", "R"]
REGULATORS = frozenset({"R"})

_MOVES = [
    Kind.SHIP, Kind.RECEIVE, Kind.REFUSE, Kind.DISPENSE, Kind.DISPENSE_PARTIAL, Kind.VACCINATE,
    Kind.SAMPLE, Kind.DESTROY, Kind.ADJUST, Kind.QUARANTINE, Kind.RELEASE, Kind.ACTIVATE,
]  # fmt: skip
_REASONS = {
    Kind.RECEIVE: ["purchase", "return", "consumer_return", "production"],
    Kind.SHIP: ["sale", "return", "rework"],
    Kind.ADJUST: ["loss", "surplus", "opening"],
}

codes = st.lists(st.sampled_from(CODES), min_size=1, max_size=5, unique=True)
parties = st.sampled_from(PARTIES)
hours = st.integers(0, 60).map(float)


@st.composite
def movements(draw: st.DrawFn) -> ScannedEvent:
    kind = draw(st.sampled_from(_MOVES))
    actor = draw(parties)
    fields = {"actor": actor, "hours": draw(hours), "number": draw(st.integers(0, 1000))}
    if kind in _REASONS:
        fields["reason"] = draw(st.sampled_from(_REASONS[kind]))
    if kind is Kind.SHIP:
        fields |= {"from_party": actor, "to_party": draw(parties)}
    if kind is Kind.RECEIVE:
        fields |= {"to_party": actor, "from_party": draw(parties)}
    if kind is Kind.DISPENSE_PARTIAL:
        fields["portion"] = draw(st.sampled_from([None, (1, 2), (2, 3)]))
    if kind is Kind.ACTIVATE:
        fields |= {"lot": draw(st.sampled_from(["L1", "L2"])), "product": "8123456"}
    if draw(st.booleans()) and kind is not Kind.ACTIVATE:
        fields["document_number"] = draw(st.sampled_from(["B1", "B2", "B3"]))
    named = draw(codes)
    if draw(st.integers(0, 9)) == 0:
        fields["repeated"] = named[:1]
    fields = {k: v for k, v in fields.items() if v is not None}
    return scanned(kind, *named, **fields)


@st.composite
def packings(draw: st.DrawFn) -> ScannedEvent:
    parent = draw(st.sampled_from([*CARTONS, *CASES]))
    inside = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=4, unique=True))
    inside = [c for c in inside if c != parent] or [UNITS[0]]
    kind = draw(st.sampled_from([Kind.PACK, Kind.PACK, Kind.UNPACK]))
    return scanned(
        kind, *inside, parent=parent, actor=draw(parties), hours=draw(hours), reason="packing",
        number=draw(st.integers(0, 1000)),
    )  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> list[ScannedEvent]:
    """A handful of events on few codes, so that they collide in every way; some of them voided."""
    events = draw(st.lists(movements() | packings(), min_size=1, max_size=12))
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(events))
        actor = draw(st.sampled_from([target.event.actor, "R", "D"]))
        events.append(void(target, actor=actor, hours=draw(hours)))
    return events


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[ScannedEvent], list[list[ScannedEvent]], int]:
    """The same events in another order, some sent twice, split into captures, and a turn size."""
    events = draw(worlds())
    order = draw(st.permutations(events))
    again = draw(st.lists(st.sampled_from(events), max_size=4))
    order = [*order, *again]
    captures: list[list[ScannedEvent]] = [[]]
    for one in order:
        if captures[-1] and draw(st.booleans()):
            captures.append([])
        captures[-1].append(one)
    return events, captures, draw(st.sampled_from([1, 5, 100]))


def _said(tables: MemoryTables) -> dict:
    return {key: (s.finding_id, s.evidence) for key, s in tables.subjects.items()}


def _from_the_log(events: list[ScannedEvent]) -> Ledger:
    heads = {one.event.digest: one.event for one in events}
    counting = in_force(heads, [e for e in heads.values() if e.voids], regulators=REGULATORS)
    unique = list({one.event.digest: one for one in events}.values())
    return Ledger(
        {
            trace_code: [scan for scan in scans if scan.event.digest in counting]
            for trace_code, scans in histories(*unique).items()
        }
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals())
async def test_any_arrival_gives_the_same_custody_and_findings(case: tuple) -> None:
    """Order, split, repetition and turn size change neither a state nor a finding."""
    events, captures, scans_max = case
    together = await projected([events], regulators=REGULATORS)
    arrived = await projected(captures, scans_max=scans_max, regulators=REGULATORS)

    assert arrived.states() == together.states()
    assert _said(arrived) == _said(together)
    assert arrived.documents == together.documents


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals())
async def test_incremental_equals_the_fold_of_the_whole_log(case: tuple) -> None:
    """What the projector keeps is what a fold over the whole history of each code says."""
    events, captures, scans_max = case
    arrived = await projected(captures, scans_max=scans_max, regulators=REGULATORS)
    ledger = _from_the_log(events)

    own = {c: ledger.state(c) for c in arrived.custody}
    assert arrived.states() == own
    whole = {c: ledger.effective_now(c) for c in arrived.custody}
    assert arrived.effective_states() == whole
    held = {(k.subject, k.rule_id, k.event_digest) for k in arrived.subjects
            if k.rule_id not in EVENT_RULES}  # fmt: skip
    assert held == _judged(ledger, arrived.custody)


def _judged(ledger: Ledger, trace_codes: dict[str, int]) -> set:
    found = set()
    for trace_code in trace_codes:
        for one in ledger.steps(trace_code):
            found |= {(trace_code, o.rule_id, o.event.digest) for o in observe(one)}
            taken_back = retract(one)
            if taken_back is not None:
                found -= {(trace_code, r, taken_back.raised_by) for r in taken_back.rule_ids}
    return found


async def test_refolding_content_does_not_forget_what_left_the_container_later() -> None:
    """A container's note of its latest departure survives the re-folding of an earlier one."""
    shipped = scanned("ship", "u0", actor="M", from_party="M", to_party="M", reason="sale")
    packed = scanned("pack", "u0", "u1", parent="k2", actor="M", reason="packing")
    left = scanned("ship", "u1", actor="M", from_party="M", to_party="M", reason="sale", hours=2)
    used = scanned("dispense_partial", "u0", "k2", actor="M", hours=1)
    arrived = await projected([[shipped, packed, left], [void(shipped)], [used]], scans_max=1)
    together = await projected([[shipped, packed, left, void(shipped), used]])

    assert arrived.states() == together.states()


async def test_codes_of_one_state_part_where_one_stands_above_the_other() -> None:
    """Two codes packed alike are told apart where the way up leads through one of them."""
    inner = scanned("pack", "c2", parent="c1", actor="M", reason="packing")
    circle = scanned("pack", "c1", "k1", parent="c2", actor="M", reason="packing", hours=1)
    refused = scanned("refuse", "c1", "k1", actor="M", hours=1)
    arrived = await projected([[inner, refused], [circle]], scans_max=1)
    together = await projected([[inner, circle, refused]])

    assert arrived.states() == together.states()
    assert _said(arrived) == _said(together)


def test_builders_date_events_before_they_are_recorded() -> None:
    """The worlds above must not all be dated in the future, or C11 would drown the rest."""
    assert at(60) + timedelta(minutes=10) < RECORDED
