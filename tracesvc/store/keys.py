"""Who may call: API keys, of which only the hash is kept."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tracesvc.domain.parties import Caller, hash_of_key
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.sql import load
from tracesvc.store.pool import Pool, acquired

_SQL = load("keys")

KEY_PREFIX: Final = "tsk_"
_KEY_BYTES: Final = 24
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it can be listed: everything but the key."""

    key_id: str
    party_id: str | None
    roles: frozenset[AccessRole]
    record_time: datetime
    revoked_time: datetime | None


class Keys:
    """API keys in Postgres. `random` makes the given number of unpredictable bytes."""

    def __init__(
        self, pool: Pool, *, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._pool = pool
        self._random = random

    async def create(
        self, party_id: str | None, roles: Iterable[AccessRole], *, now: datetime
    ) -> tuple[str, str]:
        """Make a key and return its id and the key itself, which nobody can read again."""
        plain = KEY_PREFIX + urlsafe_b64encode(self._random(_KEY_BYTES)).decode()
        key_hash = hash_of_key(plain)
        key_id = f"key_{key_hash[:_ID_BYTES].hex()}"
        names = sorted(role.value for role in roles)
        async with acquired(self._pool) as connection:
            await connection.execute(_SQL["insert_key"], key_hash, key_id, party_id, names, now)
        return key_id, plain

    async def caller_of(self, key_hash: bytes) -> Caller | None:
        """Return whom a key speaks for, None where it is unknown or revoked."""
        async with acquired(self._pool) as connection:
            row = await connection.fetchrow(_SQL["find_key"], key_hash)
        if row is None:
            return None
        return Caller(key_id=row["key_id"], party_id=row["party_id"], roles=_roles(row["roles"]))

    async def revoke(self, key_id: str, *, now: datetime) -> bool:
        """End a key; tell whether there was one in force under this id."""
        async with acquired(self._pool) as connection:
            return await connection.fetchval(_SQL["revoke_key"], key_id, now) is not None

    async def list(self) -> Sequence[KeyRow]:
        """Return every key ever made, revoked ones too, oldest first."""
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["list_keys"])
        return [KeyRow(**{**dict(row), "roles": _roles(row["roles"])}) for row in rows]


def _roles(names: Iterable[str]) -> frozenset[AccessRole]:
    return frozenset(AccessRole(name) for name in names)
