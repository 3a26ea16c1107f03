"""Parties: added once, read back, paged by id."""

from datetime import UTC, date, datetime

import pytest

from tracesvc.domain.errors import AlreadyThere
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import PartyType
from tracesvc.store.parties import Parties

NOW = datetime(2025, 11, 1, tzinfo=UTC)
MAKER = Party(
    party_id="m1",
    party_type=PartyType.MANUFACTURER,
    name="药厂",
    region="310000",
    cut_in_date=date(2025, 1, 1),
)


async def test_a_party_is_added_once(pool):
    """The same party again is no news; another under its id is refused."""
    parties = Parties(pool)

    assert await parties.add(MAKER, now=NOW)
    assert not await parties.add(MAKER, now=NOW)
    assert await parties.get("m1") == MAKER
    assert await parties.get("m2") is None
    with pytest.raises(AlreadyThere):
        await parties.add(Party(party_id="m1", party_type=PartyType.MAH, name="x"), now=NOW)


async def test_parties_are_paged_in_byte_order(pool):
    """Pages follow each other by id, upper case before lower case."""
    parties = Parties(pool)
    for party_id in ("b", "B", "a", "乙"):
        await parties.add(
            Party(party_id=party_id, party_type=PartyType.CDC, name=party_id), now=NOW
        )

    assert [p.party_id for p in await parties.list(limit=3)] == ["B", "a", "b"]
    assert [p.party_id for p in await parties.list(after="b", limit=3)] == ["乙"]
