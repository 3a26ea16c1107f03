"""A connection to Postgres that breaks at a chosen round trip, before or after Postgres got it."""

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

Lost = Literal["request", "answer"]

_PORT = 5432
_ENDS_REQUEST = frozenset(b"QSHcf")
"""Query, Sync, Flush, CopyDone, CopyFail: what a client sends before it waits for an answer."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where to break: at which round trip since arming (from 1), and what is lost."""

    at: int
    lost: Lost


@dataclass(slots=True)
class CuttingProxy:
    """Forwards to a server. After `arm` it breaks one connection once, and then forwards again.

    `steps` names the round trips since arming by the statement they carry.
    """

    dsn: str
    target: str
    cut: Cut | None = None
    steps: list[str] = field(default_factory=list)
    was_cut: bool = False

    def arm(self, cut: Cut | None) -> None:
        self.cut = cut
        self.steps = []
        self.was_cut = False

    def disarm(self) -> None:
        """Break no more; `was_cut` still tells whether it did."""
        self.cut = None

    @property
    def broken_step(self) -> str:
        return self.steps[self.cut.at - 1] if self.cut else ""

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter):
        """Serve one connection until either side or a cut ends it."""
        link = _Link(self, client_in, client_out, *await _connect(self.target))
        pumps = [asyncio.ensure_future(pump) for pump in (link.requests(), link.answers())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await link.close()


@dataclass(slots=True)
class _Link:
    proxy: CuttingProxy
    client_in: asyncio.StreamReader
    client_out: asyncio.StreamWriter
    server_in: asyncio.StreamReader
    server_out: asyncio.StreamWriter
    swallows: bool = False
    names: dict[bytes, str] = field(default_factory=dict)
    running: str = ""

    async def requests(self) -> None:
        """Pass on what the client sends, message by message; return where the link is to break."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            size = await self.client_in.readexactly(4)
            self._send(size + await self.client_in.readexactly(struct.unpack("!I", size)[0] - 4))
            while True:
                head = await self.client_in.readexactly(5)
                body = await self.client_in.readexactly(struct.unpack("!I", head[1:])[0] - 4)
                self._read(head[0], body)
                if head[0] in _ENDS_REQUEST and self._breaks():
                    if self.proxy.cut.lost == "request":
                        return
                    self.swallows = True
                self._send(head + body)
                await self.server_out.drain()

    async def answers(self) -> None:
        """Pass on what the server sends; return at the first answer that is to be lost."""
        with suppress(ConnectionError):
            while data := await self.server_in.read(1 << 16):
                if self.swallows:
                    return
                self.client_out.write(data)
                await self.client_out.drain()

    async def close(self) -> None:
        for writer in (self.client_out, self.server_out):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _send(self, data: bytes) -> None:
        self.server_out.write(data)

    def _breaks(self) -> bool:
        proxy = self.proxy
        proxy.steps.append(self.running)
        if proxy.was_cut or proxy.cut is None or len(proxy.steps) != proxy.cut.at:
            return False
        proxy.was_cut = True
        return True

    def _read(self, kind: int, body: bytes) -> None:
        """Keep which statement is at work, by the text of Query and Parse and the name in Bind."""
        if kind == ord("Q"):
            self.running = _label(body[:-1])
        elif kind == ord("P"):
            name, text, _ = body.split(b"\0", 2)
            self.names[name] = self.running = _label(text)
        elif kind == ord("B"):
            _, name, _ = body.split(b"\0", 2)
            self.running = self.names.get(name, self.running)


@asynccontextmanager
async def cutting_proxy(dsn: str) -> AsyncIterator[CuttingProxy]:
    """Run a proxy before the server of a DSN. It listens on a Unix socket of its own."""
    with tempfile.TemporaryDirectory(prefix="cut-") as directory:
        parts = urlsplit(dsn)
        user = parts.netloc.rpartition("@")[0]
        url = f"postgresql://{user}@{parts.path}?host={quote(directory, safe='/')}&port={_PORT}"
        proxy = CuttingProxy(url, dsn)
        path = Path(directory) / f".s.PGSQL.{_PORT}"
        server = await asyncio.start_unix_server(proxy.serve, path)
        try:
            yield proxy
        finally:
            server.close()


async def _connect(dsn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(dsn)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    host = query.get("host", parts.hostname or "127.0.0.1")
    port = int(query.get("port", parts.port or _PORT))
    if host.startswith("/"):
        return await asyncio.open_unix_connection(Path(host) / f".s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


def _label(statement: bytes) -> str:
    return " ".join(statement.decode().split())[:60]
