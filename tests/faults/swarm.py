"""Clients that do not give up: each upload is sent under one Idempotency-Key until it is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

PARTY = "FAULTS-WHOLESALER"
EVENTS_PER_UPLOAD = 3
CODES_PER_BILL = 30

_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY)
_START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(slots=True)
class Sent:
    """One upload and every receipt its sender was given for it."""

    key: str
    body: bytes
    codes: tuple[str, ...]
    receipts: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0


class Swarm:
    """Concurrent clients of one service, or of several over one database, in turns.

    `answered(n)` waits until n uploads were acknowledged, so that a test can break something then.
    """

    def __init__(self, urls: Sequence[str], key: str, *, clients: int, uploads: int) -> None:
        self.urls = list(urls)
        self.uploads = [_upload(number) for number in range(uploads)]
        self.unexpected: list[tuple[int, bytes]] = []
        self._key = key
        self._clients = clients
        self._answered = 0
        self._moved = asyncio.Condition()

    async def send_all(self, *, give_up_s: float) -> None:
        """Send everything; raises TimeoutError where an upload is not acknowledged in time."""
        waiting = iter(self.uploads)
        timeout = ClientTimeout(total=10)
        headers = {"Authorization": f"Bearer {self._key}"}
        async with (
            asyncio.timeout(give_up_s),
            ClientSession(timeout=timeout, headers=headers) as session,
            asyncio.TaskGroup() as group,
        ):
            for client in range(self._clients):
                group.create_task(self._client(client, waiting, session))

    async def answered(self, number: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._answered >= number)

    async def _client(self, client: int, waiting, session: ClientSession) -> None:
        for upload in waiting:
            while not await self._try(client, upload, session):
                await asyncio.sleep(0.05)
            if len(upload.codes) % 2:
                # Some senders press the button once more, after the receipt.
                await self._try(client, upload, session)
            async with self._moved:
                self._answered += 1
                self._moved.notify_all()

    async def _try(self, client: int, upload: Sent, session: ClientSession) -> bool:
        """Send once; tell whether it was acknowledged. After a failure the next service is asked."""
        url = self.urls[(client + upload.attempts) % len(self.urls)]
        upload.attempts += 1
        try:
            async with session.post(
                f"{url}/v1/captures", data=upload.body, headers={"Idempotency-Key": upload.key}
            ) as response:
                body = await response.read()
        except (ClientError, OSError, TimeoutError):
            return False
        if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            if response.status not in _AGAIN:
                self.unexpected.append((response.status, body))
            return False
        upload.receipts.append(orjson.loads(body))
        return True


def _upload(number: int) -> Sent:
    """Return an upload that ships, receives and uses goods, so that findings and refolds come up."""
    size = CODES_PER_BILL + number % 2
    codes = tuple(f"8177777{number:06d}{index:07d}" for index in range(size))
    at = _START + timedelta(minutes=number)
    route = {"from": "FAULTS-MAKER", "to": PARTY, "document": {"number": f"RK{number}"}}
    events = [
        {"kind": "receive", "reason": "purchase", "event_time": at, "codes": codes, **route},
        {
            "kind": "ship", "reason": "sale", "event_time": at + timedelta(hours=2),
            "from": PARTY, "to": "FAULTS-PHARMACY", "codes": codes[:-1],
            "document": {"number": f"CK{number}"},
        },
        # Used where it was not received, and dated before its shipment: a finding and a re-fold.
        {
            "kind": "dispense", "reason": "retail", "event_time": at + timedelta(hours=1),
            "codes": codes[:1],
        },
    ]  # fmt: skip
    return Sent(key=f"upload-{number}", body=orjson.dumps({"events": events}), codes=codes)
