"""Who takes part: the parties that the service knows by name."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tracesvc.domain.errors import AlreadyThere
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import PartyType
from tracesvc.sql import load
from tracesvc.store.pool import Pool, acquired

if TYPE_CHECKING:
    import asyncpg

_SQL = load("parties")


class Parties:
    """Parties in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, party: Party, *, now: datetime) -> bool:
        """Store a party; tell whether it is new.

        The same party again changes nothing. Raises AlreadyThere where the id belongs to a party
        with other particulars.
        """
        async with acquired(self._pool) as connection:
            made = await connection.fetchval(
                _SQL["insert_party"],
                party.party_id, party.party_type, party.name, party.region, party.cut_in_date, now,
            )  # fmt: skip
        if made is not None:
            return True
        if await self.get(party.party_id) != party:
            raise AlreadyThere(
                f"another party has the id {party.party_id}", party_id=party.party_id
            )
        return False

    async def get(self, party_id: str) -> Party | None:
        """Return a party, None where the id is unknown."""
        async with acquired(self._pool) as connection:
            row = await connection.fetchrow(_SQL["fetch_party"], party_id)
        return None if row is None else _party(row)

    async def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[Party]:
        """Return up to `limit` parties in byte order of their ids, behind `after`."""
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["list_parties"], after or "", limit)
        return [_party(row) for row in rows]


def _party(row: "asyncpg.Record") -> Party:
    return Party(**{**dict(row), "party_type": PartyType(row["party_type"])})
