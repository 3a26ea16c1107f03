"""A client of the service that speaks only HTTP, and short ways to say what it sends."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from aiohttp import ClientSession

from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType
from tracesvc.ingest.admission import AdmissionLimits
from tracesvc.settings import Settings
from tracesvc.store.keys import Keys
from tracesvc.store.parties import Parties

MAKER = "91140100MA00010048"
DEALER = "91140105MA00020043"
PHARMACY = "91140106MA00030046"
HOSPITAL = "91140107MA00040046"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def error_code(self) -> str:
        """The code of a problem document, checked to be one."""
        problem = self.json
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert problem["status"] == self.status
        assert problem["title"]
        assert problem["title_zh"]
        assert problem["request_id"] == self.headers["X-Request-Id"]
        return problem["error_code"]


@dataclass
class Api:
    """A client of the service; keys are made on first use, as an operator would."""

    url: str
    session: ClientSession
    pool: asyncpg.Pool
    keys: dict[tuple[str | None, str], str] = field(default_factory=dict)

    async def key(self, party_id: str | None, role: str = "uploader") -> str:
        if (party_id, role) not in self.keys:
            _, plain = await Keys(self.pool).create(
                party_id, [AccessRole(role)], now=datetime.now(UTC)
            )
            self.keys[party_id, role] = plain
        return self.keys[party_id, role]

    async def party(self, party_id: str, party_type: str) -> None:
        await Parties(self.pool).add(
            Party(party_id=party_id, party_type=PartyType(party_type), name=party_id),
            now=datetime.now(UTC),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **params: str,
    ) -> Answer:
        sent = {"X-API-Key": key} if key else {}
        async with self.session.request(
            method, self.url + path, data=body, params=params, headers={**sent, **(headers or {})}
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def upload(
        self,
        body: bytes | dict[str, Any] | list[Any],
        *,
        party: str = DEALER,
        role: str = "uploader",
        headers: dict[str, str] | None = None,
        **params: str,
    ) -> Answer:
        payload = body if isinstance(body, bytes) else orjson.dumps(body)
        key = await self.key(party, role)
        return await self.call(
            "POST", "/v1/captures", key=key, body=payload, headers=headers, **params
        )

    async def see(self, path: str, *, role: str = "regulator", **params: str) -> Answer:
        """Ask as somebody who sees everything."""
        return await self.call("GET", path, key=await self.key(None, role), **params)

    async def ask(self, party_id: str, path: str, **params: str) -> Answer:
        """Ask as a party."""
        return await self.call("GET", path, key=await self.key(party_id), **params)


def settings_for(dsn: str, **given: Any) -> Settings:
    return Settings(
        **{
            "dsn": dsn,
            "host": "127.0.0.1",
            "port": 0,
            "run_loops": "inside",
            "admission": AdmissionLimits(working_max=2),
            **given,
        }
    )


def receive(codes: Iterable[str], **fields: Any) -> dict[str, Any]:
    """A receipt by the dealer from the maker, each its own document."""
    return {
        "kind": "receive",
        "reason": "purchase",
        "event_time": "2026-02-03T09:00:00+08:00",
        "from": MAKER,
        "to": DEALER,
        "document": {"number": f"RK-{uuid4().hex[:8]}"},
        "codes": list(codes),
        **fields,
    }


def code(number: int) -> str:
    """A clean 20-digit code of one product."""
    return f"8410391000{number:010d}"


async def eventually(look, *, timeout_s: float = 10.0) -> Any:
    """Await until an async look returns something true; the service gives no signal across HTTP."""
    async with asyncio.timeout(timeout_s):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found
