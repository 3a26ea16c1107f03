"""Clients of the service: as many as are asked for, each with one upload under way at a time."""

import asyncio
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from time import perf_counter
from typing import Self

import orjson
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from loadtests.payloads import Payload

_REQUEST_S_MAX = 120.0


class Clients:
    """`size` clients with keep-alive connections and one API key."""

    def __init__(self, url: str, key: str, *, size: int) -> None:
        self._size = size
        self._session = ClientSession(
            url,
            connector=TCPConnector(limit=size),
            timeout=ClientTimeout(total=_REQUEST_S_MAX),
            headers={"Authorization": f"Bearer {key}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post_all(self, payloads: Iterable[Payload]) -> float:
        """Post every payload and return the seconds from the first byte to the last receipt.

        Raises RuntimeError where an upload is not stored whole.
        """
        remaining = iter(payloads)
        started = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._size):
                group.create_task(self._post_some(remaining))
        return perf_counter() - started

    async def get(self, path: str) -> tuple[float, bytes]:
        """Return the seconds an answer took, and the answer."""
        started = perf_counter()
        async with self._session.get(path) as response:
            body = await response.read()
            took_s = perf_counter() - started
            if response.status != HTTPStatus.OK:
                raise RuntimeError(f"{path}: {response.status} {body[:500]!r}")
        return took_s, body

    async def _post_some(self, remaining: Iterator[Payload]) -> None:
        for payload in remaining:
            async with self._session.post(
                "/v1/captures", params={"format": payload.format}, data=payload.body
            ) as response:
                body = await response.read()
                if response.status != HTTPStatus.CREATED:
                    raise RuntimeError(f"{response.status} {body[:500]!r}")
            stored = orjson.loads(body)["scan_count"]
            if stored != payload.scans:
                raise RuntimeError(f"{stored} scans stored of {payload.scans}")
