"""Reference data about parties: read by those entitled, added by an admin."""

from collections.abc import Callable, Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web

from tracesvc.domain.errors import BadParameter, NotFound
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import PartyType
from tracesvc.http import answers
from tracesvc.http.asking import check_known, page_of
from tracesvc.http.body import BodyLimits, read_body
from tracesvc.http.services import CALLER, SERVICES
from tracesvc.wire.replies import PartyPage, PartyReply

T = TypeVar("T")

TEXT_LENGTH_MAX: Final = 200
NEW_PARTY: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["party_id", "party_type", "name"],
    "additionalProperties": False,
    "properties": {
        "party_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": TEXT_LENGTH_MAX,
            "description": "Unified social credit code, GLN or another id the trade knows it by.",
        },
        "party_type": {"type": "string", "enum": [kind.value for kind in PartyType]},
        "name": {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX},
        "region": {
            "type": "string",
            "maxLength": TEXT_LENGTH_MAX,
            "description": "Administrative division code, as 110000.",
        },
        "cut_in_date": {
            "type": ["string", "null"],
            "format": "date",
            "description": "From this day the party reports everything; earlier goods are opening stock.",
        },
    },
}
"""JSON Schema of a new party: what `post_party` accepts."""


async def get_parties(request: web.Request) -> web.Response:
    """List parties by id; a key that does not see all lists its own party alone."""
    services = request.app[SERVICES]
    page, viewer = page_of(request, services.limits), request[CALLER].viewer
    if viewer.sees_all:
        found = await services.parties.list(after=page.cursor, limit=page.rows + 1)
    else:
        own = await services.parties.get(viewer.party_id) if viewer.party_id else None
        found = [own] if own else []
    more = len(found) > page.rows
    rows = found[: page.rows]
    return answers.reply(
        PartyPage, {"items": rows, "next_cursor": rows[-1].party_id if more else None}
    )


async def get_party(request: web.Request) -> web.Response:
    check_known(request, ())
    party_id, viewer = request.match_info["party_id"], request[CALLER].viewer
    may_see = viewer.sees_all or viewer.party_id == party_id
    party = await request.app[SERVICES].parties.get(party_id) if may_see else None
    if party is None:
        raise NotFound("there is no such party that this key may see", party_id=party_id)
    return answers.reply(PartyReply, party)


async def post_party(request: web.Request) -> web.Response:
    """Add a party: 201, or 200 where it is there already, exactly so."""
    services = request.app[SERVICES]
    check_known(request, ())
    async with services.admission.admit("") as place:
        limits = BodyLimits(body_bytes_max=4096, unpacked_bytes_max=4096, unpack_ratio_max=10)
        party = party_from(await read_body(request, place=place, limits=limits))
    is_new = await services.parties.add(party, now=services.clock.now())
    return answers.reply(PartyReply, party, status=HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def party_from(payload: bytes) -> Party:
    """Read a new party; raises BadParameter naming the first field that is wrong."""
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as broken:
        raise BadParameter("the body is not JSON") from broken
    if not isinstance(fields, dict):
        raise BadParameter("a party is a JSON object")
    for name in fields:
        if name not in NEW_PARTY["properties"]:
            raise BadParameter(f"a party has no field {name!r}", parameter=name)
    cut_in = fields.get("cut_in_date")
    return Party(
        party_id=_text(fields, "party_id"),
        party_type=_parsed(PartyType, _text(fields, "party_type"), name="party_type"),
        name=_text(fields, "name"),
        region=_text(fields, "region") if fields.get("region") else "",
        cut_in_date=_parsed(date.fromisoformat, cut_in, name="cut_in_date") if cut_in else None,
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, str) and 0 < len(text := value.strip()) <= TEXT_LENGTH_MAX:
        return text
    raise BadParameter(f"{name} is a text of 1 to {TEXT_LENGTH_MAX} characters", parameter=name)


def _parsed(parse: Callable[[str], T], value: str, *, name: str) -> T:
    try:
        return parse(value)
    except (TypeError, ValueError) as wrong:
        raise BadParameter(f"{name} cannot be {value!r}", parameter=name) from wrong
