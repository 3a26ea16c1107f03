"""The stored form of a custody state: canonical JSON, so that equal states are equal texts."""

from datetime import date, datetime
from fractions import Fraction
from typing import Any

import orjson

from tracesvc.domain.custody import Awaited, CustodyState, Identity, Possession
from tracesvc.domain.events import OrderKey
from tracesvc.domain.rules.base import Evidence
from tracesvc.domain.vocabulary import Kind, Status


def encode_state(state: CustodyState) -> str:
    """Return a state as JSON with sorted keys, absent parts left out."""
    where, what = state.possession, state.identity
    facts: dict[str, Any] = {
        "status": where.status.value,
        "holder": where.holder,
        "owner": where.owner,
        "sent_from": where.sent_from,
        "sent_to": where.sent_to,
        "sent_owner": where.sent_owner,
        "sent_document": where.sent_document,
        "sent_time": where.sent_time,
        "moved_by": _hex(where.moved_by),
        "used_by": where.used_by,
        "used_time": where.used_time,
        "portion": None if where.portion is None else str(where.portion),
        "product": what.product,
        "lot": what.lot,
        "made_on": what.made_on,
        "expiry": what.expiry,
        "activated_by": _hex(what.activated_by),
        "activated_time": what.activated_time,
        "parent": state.parent,
        "packed_by": _hex(state.packed_by),
        "last_key": None if state.last_key is None else _key_facts(state.last_key),
        "awaited": [_awaited_facts(awaited) for awaited in state.awaited] or None,
    }
    present = {name: value for name, value in facts.items() if value is not None}
    return orjson.dumps(present, option=orjson.OPT_SORT_KEYS).decode()


def decode_state(text: str) -> CustodyState:
    """Return the state that `encode_state` wrote."""
    facts = orjson.loads(text)
    get = facts.get
    portion = get("portion")
    last_key = get("last_key")
    return CustodyState(
        identity=Identity(
            product=get("product"),
            lot=get("lot"),
            made_on=_day(get("made_on")),
            expiry=_day(get("expiry")),
            activated_by=_digest(get("activated_by")),
            activated_time=_instant(get("activated_time")),
        ),
        possession=Possession(
            status=_STATUS[facts["status"]],
            holder=get("holder"),
            owner=get("owner"),
            sent_from=get("sent_from"),
            sent_to=get("sent_to"),
            sent_owner=get("sent_owner"),
            sent_document=get("sent_document"),
            sent_time=_instant(get("sent_time")),
            moved_by=_digest(get("moved_by")),
            used_by=get("used_by"),
            used_time=_instant(get("used_time")),
            portion=None if portion is None else Fraction(portion),
        ),
        parent=get("parent"),
        packed_by=_digest(get("packed_by")),
        last_key=None if last_key is None else _key(last_key),
        awaited=tuple(_awaited(one) for one in get("awaited", ())),
    )


def encode_evidence(evidence: Evidence) -> str:
    """Return evidence as JSON: digests of the conflicting events in hex, and the values at odds."""
    facts = {"events": [d.hex() for d in evidence.events], "detail": dict(evidence.detail)}
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()


def decode_evidence(text: str) -> Evidence:
    facts = orjson.loads(text)
    return Evidence(tuple(bytes.fromhex(d) for d in facts["events"]), facts["detail"])


def _key_facts(key: OrderKey) -> list[Any]:
    return [key.event_time, key.rank, key.digest.hex()]


def _key(facts: list[Any]) -> OrderKey:
    return OrderKey(datetime.fromisoformat(facts[0]), facts[1], bytes.fromhex(facts[2]))


def _awaited_facts(awaited: Awaited) -> dict[str, Any]:
    return {
        "raised_by": awaited.raised_by.hex(),
        "kind": awaited.kind.value,
        "actor": awaited.actor,
        "to": awaited.to_party,
        "until": awaited.until,
    }


def _awaited(facts: dict[str, Any]) -> Awaited:
    return Awaited(
        raised_by=bytes.fromhex(facts["raised_by"]),
        kind=Kind(facts["kind"]),
        actor=facts["actor"],
        to_party=facts["to"],
        until=datetime.fromisoformat(facts["until"]),
    )


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def _digest(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


_STATUS = {status.value: status for status in Status}
