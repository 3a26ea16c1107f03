"""Who is calling: an API key to a caller, remembered for a few seconds."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from tracesvc.domain.errors import NotAllowed, NotAuthenticated
from tracesvc.domain.parties import Caller, hash_of_key
from tracesvc.domain.vocabulary import AccessRole

_BEARER: Final = "bearer "
KEY_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthLimits:
    """`remembered_s` is how long a revoked key may still work; `remembered_max` bounds the memory.

    Unknown keys are remembered too, so that a client with a wrong key does not ask the database
    at every call.
    """

    remembered_s: float = 5.0
    remembered_max: int = 4096


class KeyDirectory(Protocol):
    """Where API keys are kept, as hashes."""

    async def caller_of(self, key_hash: bytes) -> Caller | None:
        """Return whom the key speaks for, None where it is unknown or revoked."""
        ...


class Authority:
    """Tells callers by their keys. One per process."""

    def __init__(self, keys: KeyDirectory, *, limits: AuthLimits) -> None:
        self._keys = keys
        self._limits = limits
        self._remembered: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    async def caller(self, request: web.Request) -> Caller:
        """Return who sent the request; raises NotAuthenticated."""
        key = _key_of(request)
        if key is None:
            raise NotAuthenticated("send the API key as 'Authorization: Bearer …' or 'X-API-Key'")
        caller = await self._lookup(hash_of_key(key))
        if caller is None:
            raise NotAuthenticated("this API key is unknown or revoked")
        return caller

    async def _lookup(self, key_hash: bytes) -> Caller | None:
        now_s = asyncio.get_running_loop().time()
        known = self._remembered.get(key_hash)
        if known is not None and known[0] > now_s:
            return known[1]
        caller = await self._keys.caller_of(key_hash)
        self._remembered[key_hash] = (now_s + self._limits.remembered_s, caller)
        self._remembered.move_to_end(key_hash)
        while len(self._remembered) > self._limits.remembered_max:
            self._remembered.popitem(last=False)
        return caller


def require_role(caller: Caller, roles: frozenset[AccessRole]) -> None:
    """Raise NotAllowed unless the caller has one of the roles."""
    if not caller.roles & roles:
        raise NotAllowed(
            "the roles of this key do not permit this call",
            needed=sorted(roles),
            roles=sorted(caller.roles),
        )


def _key_of(request: web.Request) -> str | None:
    header = request.headers.get("Authorization", "")
    if header[: len(_BEARER)].lower() == _BEARER:
        key = header[len(_BEARER) :].strip()
    else:
        key = request.headers.get("X-API-Key", "").strip()
    return key if 0 < len(key) <= KEY_LENGTH_MAX else None
