"""The service in a process of its own, started with its own command line and ended by its id."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_S_MAX: Final = 90.0
STOP_S_MAX: Final = 60.0
_ROOT: Final = Path(__file__).resolve().parents[1]
_READY: Final = b"tracesvc ready at "


@dataclass(slots=True)
class Service:
    """A process that answers at `url`. Its log entries, one JSON object a line, are in `log`."""

    process: Process
    url: str
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process by a signal and return its exit code; kill it if it does not end in time."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S_MAX):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise


async def start(
    data_dir: Path, *, port: int = 0, settings: Mapping[str, str] | None = None
) -> Service:
    """Run `tracesvc serve` and return when it has printed its URL.

    `settings` are environment variables without their prefix. Raises RuntimeError with the end of
    the log where the process ends or is not ready in time.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACESVC_")}
    environment |= {f"TRACESVC_{name}": value for name, value in (settings or {}).items()}
    environment.setdefault("TRACESVC_LOG_FORMAT", "json")
    log = _new_log(data_dir)
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tracesvc", "serve",
            "--data-dir", str(data_dir), "--port", str(port),
            cwd=_ROOT, env=environment, stdout=PIPE, stderr=errors,
        )  # fmt: skip
    try:
        async with asyncio.timeout(START_S_MAX):
            url = await _ready(process)
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if url is None:
        await process.wait()
        raise RuntimeError(f"the service did not start: {log.read_text(encoding='utf-8')[-2000:]}")
    return Service(process, url, log)


@asynccontextmanager
async def serving(dsn: str, data_dir: Path, *, follow: bool) -> AsyncIterator[Service]:
    """Run the service on a database; `follow` says whether it also sequences and projects."""
    settings = {"DSN": dsn, "RUN_LOOPS": "child" if follow else "elsewhere"}
    service = await start(data_dir, settings=settings)
    try:
        yield service
    finally:
        await service.stop()


def _new_log(data_dir: Path) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir / f"serve-{os.urandom(4).hex()}.log"


async def _ready(process: Process) -> str | None:
    if process.stdout is None:
        return None
    while line := await process.stdout.readline():
        if line.startswith(_READY):
            return line.removeprefix(_READY).decode().strip()
    return None
