"""Every participant's evening: facts become uploads in the form its software writes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tracesvc.domain.vocabulary import USES, VOIDING, Kind
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.formats import CSV_NAMES, XML_NAMES
from tracesvc.simulate.participants import Form, Participant
from tracesvc.simulate.plan import SimulationPlan
from tracesvc.simulate.timetable import UPLOAD
from tracesvc.simulate.uploads import Draft
from tracesvc.simulate.world import Today, World

_ABOUT_DOCUMENTS: Final = frozenset({Kind.SHIP, Kind.RECEIVE, Kind.DESTROY, Kind.SAMPLE})


class Offices:
    """Turns a day's facts into drafts of uploads, some late, some sent twice."""

    def __init__(self, world: World) -> None:
        self._plan = world.plan
        self._rng = world.rng("uploads")
        self._in_error: dict[Fact, Draft] = {}

    def drafts(self, facts: Iterable[Fact], today: Today) -> Iterator[Draft]:
        """Yield the uploads of a day's facts; none is due before everything in it has happened."""
        by_actor: dict[Participant, list[Fact]] = {}
        for fact in facts:
            by_actor.setdefault(fact.actor, []).append(fact)
        for actor, own in by_actor.items():
            own.sort(key=lambda fact: fact.at)
            start = UPLOAD.start(today.day) + timedelta(seconds=actor.software.offset_s)
            for number, draft in enumerate(self._of_one(actor, own, today)):
                yield from self._sent(draft.at(start + timedelta(seconds=number)))

    def _of_one(self, actor: Participant, facts: list[Fact], today: Today) -> Iterator[Draft]:
        by_form: dict[Form, list[Fact]] = {}
        for fact in facts:
            by_form.setdefault(_form_for(fact), []).append(fact)
        writers = {
            Form.RELATION_XML: self._relations,
            Form.BILL_XML: self._bills,
            Form.SCANNER_TXT: self._scans,
            Form.CSV: self._tables,
            Form.JSON: self._captures,
        }
        for form, writer in writers.items():
            yield from writer(actor, by_form.get(form, []), f"{today.day:%Y%m%d}")

    def _relations(self, actor: Participant, facts: list[Fact], _day: str) -> Iterator[Draft]:
        for fact in facts:
            for number, piece in enumerate(_production_pieces(fact, self._plan), start=1):
                lot = piece.lot.number if piece.lot else ""
                code = piece.lot.product.product_code if piece.lot else ""
                yield _draft(
                    actor,
                    Form.RELATION_XML,
                    (piece,),
                    f"GL_{code}_{lot}_{number}.xml",
                    {"event_time": piece.at.isoformat()},
                )

    def _bills(self, actor: Participant, facts: list[Fact], _day: str) -> Iterator[Draft]:
        """One file per bill or part of a bill; some software bundles small bills of one kind."""
        bundle: list[Fact] = []
        for fact in facts:
            pieces = list(_pieces(fact, self._plan))
            if len(pieces) > 1:
                yield from (_bill_file(actor, (piece,)) for piece in pieces)
                continue
            if bundle and not self._fits(bundle, fact, actor):
                yield _bill_file(actor, tuple(bundle))
                bundle = []
            bundle.append(fact)
        if bundle:
            yield _bill_file(actor, tuple(bundle))

    def _fits(self, bundle: list[Fact], fact: Fact, actor: Participant) -> bool:
        size = sum(one.size for one in bundle) + fact.size
        alike = (bundle[0].kind, bundle[0].reason) == (fact.kind, fact.reason)
        return actor.software.bundles and alike and size <= _limit_of(fact, self._plan)

    def _scans(self, actor: Participant, facts: list[Fact], _day: str) -> Iterator[Draft]:
        for fact in facts:
            for piece in _pieces(fact, self._plan):
                params = {
                    "kind": piece.kind.value,
                    "reason": piece.reason or "",
                    "event_time": piece.at.isoformat(),
                    **_part_of(piece),
                }
                name = f"{_numbered(piece)}.txt"
                yield _draft(actor, Form.SCANNER_TXT, (piece,), name, params)

    def _tables(self, actor: Participant, facts: list[Fact], day: str) -> Iterator[Draft]:
        for number, group in enumerate(self._groups(facts), start=1):
            yield _draft(actor, Form.CSV, group, f"{day}_{number}.csv")

    def _captures(self, actor: Participant, facts: list[Fact], day: str) -> Iterator[Draft]:
        """A day's events in few captures; errors and their corrections go alone, as they were noticed."""
        together = []
        for number, fact in enumerate(facts):
            if fact.in_error:
                draft = _draft(actor, Form.JSON, (fact,), f"{day}_E{number}.json")
                draft = replace(draft, is_awaited=True)
                self._in_error[fact] = draft
                yield draft
            elif fact.voids is not None:
                yield _draft(
                    actor,
                    Form.JSON,
                    (fact,),
                    f"{day}_V{number}.json",
                    awaits=self._in_error.pop(fact.voids),
                )
            else:
                together.append(fact)
        for number, group in enumerate(self._groups(together), start=1):
            yield _draft(actor, Form.JSON, group, f"{day}_{number}.json")

    def _groups(self, facts: list[Fact]) -> Iterator[tuple[Fact, ...]]:
        """Share facts out to uploads of bounded size, in order."""
        group: list[Fact] = []
        events = codes = 0
        for fact in facts:
            for piece in _pieces(fact, self._plan):
                weight = _draft(piece.actor, Form.JSON, (piece,), "").weigh()
                new_events = weight.events.total()
                full = events + new_events > self._plan.json_events_max
                if group and (full or codes + weight.codes > self._plan.bill_codes_max):
                    yield tuple(group)
                    group, events, codes = [], 0, 0
                group.append(piece)
                events += new_events
                codes += weight.codes
        if group:
            yield tuple(group)

    def _sent(self, draft: Draft) -> Iterator[Draft]:
        """Yield the draft as it is sent in the end, and again if it is repeated."""
        habits, rng = self._plan.uploads, self._rng
        if draft.is_awaited or draft.awaits is not None:
            # A slip and its correction are sent in time: the correction waits for the slip's receipt.
            yield draft
            return
        if rng.random() < habits.late_share:
            draft = draft.at(draft.due + self._delay())
        yield draft
        if rng.random() < habits.repeat_share:
            due = draft.due + timedelta(minutes=rng.randrange(2, 180))
            yield draft.again(due, rng.choice(("", "/2")))

    def _delay(self) -> timedelta:
        if self._rng.random() < self._plan.uploads.days_late_share:
            return timedelta(days=self._rng.randrange(1, 4))
        return timedelta(minutes=self._rng.randrange(90, 12 * 60))


def _form_for(fact: Fact) -> Form:
    """Return the form a participant's software writes a fact in; JSON for what it cannot say."""
    software = fact.actor.software
    if fact.is_production:
        is_gs1 = fact.lot is not None and fact.lot.product.scheme == "gs1"
        return Form.JSON if software.bills is Form.JSON and is_gs1 else Form.RELATION_XML
    if fact.kind is Kind.RECEIVE:
        wanted = software.receipts
    else:
        wanted = software.uses if fact.kind in USES else software.bills
    return wanted if _can_say(wanted, fact) else Form.JSON


def _can_say(form: Form, fact: Fact) -> bool:
    meaning = fact.kind, fact.reason
    if fact.in_error or fact.kind in VOIDING:
        return False
    match form:
        case Form.BILL_XML:
            return meaning in XML_NAMES
        case Form.CSV:
            return meaning in CSV_NAMES
        case Form.SCANNER_TXT:
            return fact.sender is not None and fact.document is not None
        case _:
            return True


def _draft(
    actor: Participant,
    form: Form,
    facts: tuple[Fact, ...],
    filename: str,
    params: Mapping[str, str] | None = None,
    *,
    awaits: Draft | None = None,
) -> Draft:
    due = max(fact.ends_at() for fact in facts)
    return Draft(
        actor=actor,
        form=form,
        facts=facts,
        filename=filename,
        due=due,
        params=params or {},
        awaits=awaits,
    )


def _bill_file(actor: Participant, facts: tuple[Fact, ...]) -> Draft:
    first = facts[0]
    _, prefix = XML_NAMES[first.kind, first.reason]
    name = f"{prefix}_{_numbered(first)}.xml"
    return _draft(actor, Form.BILL_XML, facts, name, _part_of(first))


def _numbered(fact: Fact) -> str:
    """Return the bill number as ERPs name the files of a split bill: number_1, number_2."""
    number = fact.document or ""
    return number if fact.part is None else f"{number}_{fact.part}"


def _part_of(fact: Fact) -> dict[str, str]:
    return {} if fact.part is None else {"part": str(fact.part)}


def _limit_of(fact: Fact, plan: SimulationPlan) -> int:
    return plan.vaccine_bill_codes_max if fact.is_vaccine else plan.bill_codes_max


def _pieces(fact: Fact, plan: SimulationPlan) -> Iterator[Fact]:
    """Yield a fact in parts that fit into one upload; whole if it fits or has no codes."""
    if fact.is_production:
        yield from _production_pieces(fact, plan)
        return
    limit = plan.json_events_max if fact.every_s else _limit_of(fact, plan)
    if fact.size <= limit:
        yield fact
        return
    is_bill = fact.document is not None and fact.kind in _ABOUT_DOCUMENTS
    for number, start in enumerate(range(0, fact.size, limit), start=1):
        yield fact.piece(start, min(start + limit, fact.size), number if is_bill else None)


def _production_pieces(fact: Fact, plan: SimulationPlan) -> Iterator[Fact]:
    """Yield an activation in whole top-level packs, as many as fit into one file, at least one."""
    if fact.lot is None:
        raise ValueError("an activation is about one lot")
    tops = max(1, plan.relation_codes_max // fact.lot.product.tree_size)
    for start in range(0, fact.size, tops):
        yield fact.piece(start, min(start + tops, fact.size), None)
