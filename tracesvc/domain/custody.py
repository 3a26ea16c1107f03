"""Who holds a code, and how it came there: a fold over what was reported of the code.

`step` moves a state over one event and judges nothing: rules do that. The order of events is event
time, then kind rank, then digest, never arrival, so a state depends on the set of events alone.

Packing is lazy. A state has two parts: what belongs to the code itself (identity, container) and
its `Possession` (where it is). While a code is inside a container its possession is that of the
container, looked up and never copied; when it leaves, it takes the container's possession along.
So scanning a pallet touches one state, whatever is inside it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final

from tracesvc.domain.events import OrderKey, TraceEvent, fact
from tracesvc.domain.vocabulary import (
    LEAVES_CONTAINER,
    TERMINAL,
    USES,
    Kind,
    Role,
    Status,
    bill_for,
)

LEVELS_MAX: Final = 5
"""Containers above one code that are looked at: unit, carton, case, pallet and one to spare."""

BELATED: Final = timedelta(days=1)
"""How much later than its counterpart a shipment or receipt may be dated and still belong to it.

Bill files often carry a date without a time, and clocks of handhelds differ.
"""


@fact
class Possession:
    """Where goods are and with whom: the part of a state that a packed code shares with its container.

    `holder` follows possession, `owner` ownership where it was reported, None where it was not. In transit the sender is
    still the holder until somebody reports receipt; `sent_*` describe the shipment under way.
    `used_by` and `used_time` remember the last dispensing or vaccination until a consumer returns
    the goods; `portion` is the share of the pack dispensed so far, where it was reported.
    """

    status: Status = Status.UNKNOWN
    holder: str | None = None
    owner: str | None = None
    sent_from: str | None = None
    sent_to: str | None = None
    sent_owner: str | None = None
    sent_document: str | None = None
    sent_time: datetime | None = None
    moved_by: bytes | None = None
    used_by: str | None = None
    used_time: datetime | None = None
    portion: Fraction | None = None


@fact
class Identity:
    """What a code stands for, as its first activation says, or as movements claim before that."""

    product: str | None = None
    lot: str | None = None
    made_on: date | None = None
    expiry: date | None = None
    activated_by: bytes | None = None
    activated_time: datetime | None = None


@fact
class Awaited:
    """A counterpart that was missing when an event was folded and may still turn up, dated later."""

    raised_by: bytes
    kind: Kind
    actor: str
    to_party: str | None
    until: datetime

    def is_met_by(self, event: TraceEvent) -> bool:
        return (
            event.kind is self.kind
            and event.event_time <= self.until
            and self.actor in (event.actor, event.from_party if self.kind is Kind.SHIP else None)
            and self.to_party in (None, event.to_party)
        )


NOWHERE: Final = Possession()
ANONYMOUS: Final = Identity()


@fact
class CustodyState:
    """What is known of one code after its own events; possession is only its own if unpacked."""

    identity: Identity = ANONYMOUS
    possession: Possession = NOWHERE
    parent: str | None = None
    packed_by: bytes | None = None
    last_key: OrderKey | None = None
    awaited: tuple[Awaited, ...] = ()


UNSEEN: Final = CustodyState()


@fact
class Step:
    """One event's passage over one code: what rules look at.

    `before.possession` is effective, that is the container's where the code was packed.
    `container` is the direct container's own state before the event, for pack and unpack.
    `carried` says that a container of the code is in the same event, so the scan of the code itself
    changes nothing. `met` is the awaited counterpart that this event turned out to be.
    """

    trace_code: str
    event: TraceEvent
    key: OrderKey
    role: Role
    before: CustodyState
    after: CustodyState
    container: CustodyState | None = None
    carried: bool = False
    met: Awaited | None = None


def step(
    trace_code: str,
    before: CustodyState,
    event: TraceEvent,
    role: Role,
    *,
    container: CustodyState | None = None,
    carried: bool = False,
) -> Step:
    """Return the passage of one event over one code; `before` has its effective possession."""
    key = event.key
    last_key: OrderKey | None = key
    met = _awaited_counterpart(before, event, role)
    if carried:
        after = before
    elif met is not None:
        after = replace(before, awaited=tuple(a for a in before.awaited if a is not met))
    elif role is Role.PARENT and _has_place(before):
        # Being packed full tells nothing new of a container that is known, so it does not count as
        # its last event: cartons of one lot stay alike although each was filled in its own event.
        last_key, after = before.last_key, before
    else:
        after = _AS[role](before, event)
        awaited = _still_awaited(before, event, role)
        if awaited != after.awaited:
            after = replace(after, awaited=awaited)
    if after.parent is not None and after.possession is not NOWHERE:
        # What is inside a container has no possession of its own. Keeping the last one it had
        # would make the state depend on whether the container's events came before or after.
        after = replace(after, possession=NOWHERE)
    return Step(
        trace_code=trace_code,
        event=event,
        key=key,
        role=role,
        before=before,
        after=after if last_key == after.last_key else replace(after, last_key=last_key),
        container=container,
        carried=carried,
        met=None if carried else met,
    )


def effective(
    trace_code: str, state: CustodyState, state_of: Callable[[str], CustodyState | None]
) -> CustodyState:
    """Return the state with its container's possession, as `state_of` knows the containers."""
    chain = containers(trace_code, state, state_of)
    if not chain:
        return state
    top = state_of(chain[-1])
    return state if top is None else replace(state, possession=top.possession)


def containers(
    trace_code: str, state: CustodyState, state_of: Callable[[str], CustodyState | None]
) -> tuple[str, ...]:
    """Return the containers around a code, innermost first; a packing cycle ends the walk."""
    chain: list[str] = []
    current: CustodyState | None = state
    while current is not None and current.parent is not None and len(chain) < LEVELS_MAX:
        if current.parent == trace_code or current.parent in chain:
            break
        chain.append(current.parent)
        current = state_of(current.parent)
    return tuple(chain)


def expects_shipment(event: TraceEvent) -> bool:
    """Say whether a receipt of this reason must have a shipment by somebody else before it."""
    bill = bill_for(event.kind, event.reason)
    return (
        event.kind is Kind.RECEIVE
        and event.from_party is not None
        and (bill is None or bill.has_counterparty)
    )


def receiver_of(event: TraceEvent) -> str:
    return event.to_party or event.actor


def shipper_of(event: TraceEvent) -> str:
    return event.from_party or event.actor


def _awaited_counterpart(before: CustodyState, event: TraceEvent, role: Role) -> Awaited | None:
    if role is not Role.OBJECT:
        return None
    return next((a for a in before.awaited if a.is_met_by(event)), None)


def _still_awaited(before: CustodyState, event: TraceEvent, role: Role) -> tuple[Awaited, ...]:
    """Return what is awaited after this event: what is not overdue, and what it newly lacks."""
    kept = before.awaited
    if kept:
        kept = tuple(a for a in kept if a.until >= event.event_time)
    missing = None if role is not Role.OBJECT else _missing_counterpart(before.possession, event)
    return kept if missing is None else (*kept, missing)


def _missing_counterpart(where: Possession, event: TraceEvent) -> Awaited | None:
    if lacks_shipment(where, event):
        return Awaited(
            raised_by=event.digest,
            kind=Kind.SHIP,
            actor=shipper_of(event),
            to_party=receiver_of(event),
            until=event.event_time + BELATED,
        )
    if lacks_receipt(where, event):
        return Awaited(
            raised_by=event.digest,
            kind=Kind.RECEIVE,
            actor=event.actor,
            to_party=None,
            until=event.event_time + BELATED,
        )
    return None


def lacks_shipment(where: Possession, event: TraceEvent) -> bool:
    """Say whether goods are received that nobody has sent, and that could have been sent.

    Goods that were used or destroyed before are another matter, told by rules F08 and F16.
    """
    return (
        expects_shipment(event)
        and where.status is not Status.IN_TRANSIT
        and where.status not in TERMINAL
    )


def lacks_receipt(where: Possession, event: TraceEvent) -> bool:
    """Say whether goods that stand with somebody else, or are on their way, are used here."""
    return (
        event.kind in USES
        and where.status not in TERMINAL
        and where.holder not in (None, event.actor)
    )


def _has_place(state: CustodyState) -> bool:
    return state.parent is not None or state.possession.status is not Status.UNKNOWN


def _as_container(before: CustodyState, event: TraceEvent) -> CustodyState:
    """A container that nobody has seen before is where the packing was done."""
    here = replace(before.possession, status=Status.IN_STOCK, holder=event.actor)
    return replace(before, possession=here)


def _as_child(before: CustodyState, event: TraceEvent) -> CustodyState:
    if event.kind is Kind.PACK:
        return replace(before, parent=event.parent, packed_by=event.digest)
    return replace(before, parent=None, packed_by=None)


def _as_replacement(before: CustodyState, event: TraceEvent) -> CustodyState:
    return _activate(before, event)


def _as_object(before: CustodyState, event: TraceEvent) -> CustodyState:
    change = _EFFECTS.get(event.kind)
    if change is None:
        return before
    after = change(before, event)
    if event.kind in LEAVES_CONTAINER and after.parent is not None:
        after = replace(after, parent=None, packed_by=None)
    return after


def _activate(before: CustodyState, event: TraceEvent) -> CustodyState:
    """The first activation names the code; a later one with other data is rule C09's matter."""
    if before.identity.activated_by is not None:
        return before
    identity = Identity(
        product=event.product or before.identity.product,
        lot=event.lot or before.identity.lot,
        made_on=event.made_on or before.identity.made_on,
        expiry=event.expiry or before.identity.expiry,
        activated_by=event.digest,
        activated_time=event.event_time,
    )
    where = before.possession
    if where.status is Status.UNKNOWN:
        where = replace(where, status=Status.ACTIVATED, holder=event.actor, owner=event.owner)
    return replace(before, identity=identity, possession=where)


def _claimed(before: CustodyState, event: TraceEvent) -> Identity:
    """Identity after a movement: activation's word stands, movements fill what it left open."""
    known = before.identity
    if (known.product and known.lot and known.made_on and known.expiry) or not (
        event.product or event.lot or event.made_on or event.expiry
    ):
        return known
    return replace(
        known,
        product=known.product or event.product,
        lot=known.lot or event.lot,
        made_on=known.made_on or event.made_on,
        expiry=known.expiry or event.expiry,
    )


def _moved(before: CustodyState, event: TraceEvent, where: Possession) -> CustodyState:
    owned = where if event.owner is None else replace(where, owner=event.owner)
    return replace(
        before,
        identity=_claimed(before, event),
        possession=replace(owned, moved_by=event.digest),
    )


def _at_rest(where: Possession, status: Status, holder: str) -> Possession:
    """Possession of goods that stand still somewhere: nothing of a shipment is left."""
    return Possession(
        status=status,
        holder=holder,
        owner=where.owner,
        used_by=where.used_by,
        used_time=where.used_time,
        portion=where.portion,
    )


def _ship(before: CustodyState, event: TraceEvent) -> CustodyState:
    where = replace(
        before.possession,
        status=Status.IN_TRANSIT,
        holder=shipper_of(event),
        sent_from=shipper_of(event),
        sent_to=event.to_party,
        sent_owner=event.owner,
        sent_document=event.document_number,
        sent_time=event.event_time,
    )
    return _moved(before, event, where)


def _receive(before: CustodyState, event: TraceEvent) -> CustodyState:
    if event.reason == "consumer_return":
        # A pack that left the chain comes back into quarantine until somebody releases it, and the
        # earlier use no longer counts against it.
        back = _at_rest(before.possession, Status.QUARANTINED, receiver_of(event))
        return _moved(before, event, replace(back, used_by=None, used_time=None, portion=None))
    arrived = _at_rest(before.possession, Status.IN_STOCK, receiver_of(event))
    if event.reason in _BUYING:
        # Whoever owned the goods until now has sold them. Unless the receipt names an owner,
        # nobody has said who owns them, and the last name reported would be a wrong one.
        arrived = replace(arrived, owner=None)
    return _moved(before, event, arrived)


_BUYING: Final = frozenset({"purchase", "supply", "gift"})


def _refuse(before: CustodyState, event: TraceEvent) -> CustodyState:
    """Refused goods travel back to whoever sent them; the refusing party never held them."""
    where = before.possession
    sender = where.sent_from or event.from_party or where.holder
    back = replace(
        where,
        status=Status.IN_TRANSIT,
        holder=sender,
        sent_from=event.actor,
        sent_to=sender,
        sent_owner=None,
        sent_document=event.document_number,
        sent_time=event.event_time,
    )
    return _moved(before, event, back)


def _adjust(before: CustodyState, event: TraceEvent) -> CustodyState:
    lost = event.reason == "loss"
    status = Status.LOST if lost else Status.IN_STOCK
    return _moved(before, event, _at_rest(before.possession, status, event.actor))


def _use(before: CustodyState, event: TraceEvent) -> CustodyState:
    where = replace(
        _at_rest(before.possession, Status.DISPENSED, event.actor),
        used_by=event.actor,
        used_time=event.event_time,
    )
    if event.kind is Kind.VACCINATE:
        where = replace(where, status=Status.VACCINATED)
    if event.kind is Kind.DISPENSE_PARTIAL:
        where = _with_portion(where, before.possession.portion, event.portion)
    return _moved(before, event, where)


def _with_portion(
    where: Possession, before: Fraction | None, taken: tuple[int, int] | None
) -> Possession:
    """A pack stays open until its portions add up to one; portions of unknown size keep it open."""
    if taken is None:
        return replace(where, status=Status.PARTIALLY_DISPENSED)
    total = (before or Fraction(0)) + Fraction(*taken)
    status = Status.DISPENSED if total >= 1 else Status.PARTIALLY_DISPENSED
    return replace(where, status=status, portion=total)


def _end(status: Status) -> Callable[[CustodyState, TraceEvent], CustodyState]:
    def change(before: CustodyState, event: TraceEvent) -> CustodyState:
        return _moved(before, event, _at_rest(before.possession, status, event.actor))

    return change


_EFFECTS: Final[dict[Kind, Callable[[CustodyState, TraceEvent], CustodyState]]] = {
    Kind.ACTIVATE: _activate,
    Kind.RELABEL: _end(Status.CANCELLED),
    Kind.SHIP: _ship,
    Kind.RECEIVE: _receive,
    Kind.REFUSE: _refuse,
    Kind.ADJUST: _adjust,
    Kind.QUARANTINE: _end(Status.QUARANTINED),
    Kind.RELEASE: _end(Status.IN_STOCK),
    Kind.DISPENSE: _use,
    Kind.DISPENSE_PARTIAL: _use,
    Kind.VACCINATE: _use,
    Kind.SAMPLE: _end(Status.SAMPLED),
    Kind.DESTROY: _end(Status.DESTROYED),
}

_AS: Final[dict[Role, Callable[[CustodyState, TraceEvent], CustodyState]]] = {
    Role.OBJECT: _as_object,
    Role.PARENT: _as_container,
    Role.CHILD: _as_child,
    Role.REPLACEMENT: _as_replacement,
}
