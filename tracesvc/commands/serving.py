"""Commands that stay: the API with its loops, and the loops alone."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
import orjson
import psutil

from tracesvc.bootstrap import Bells, service, workers
from tracesvc.commands.shared import data_dir_option, run, settings_of
from tracesvc.settings import Settings
from tracesvc.worker.companion import Parent

_NOTE: Final = "service.json"


@dataclass(frozen=True, slots=True)
class ServiceNote:
    """What a running service leaves in its data directory, so that other commands find it.

    `born` is the start time of the process, which tells it from a later one of the same number.
    """

    url: str
    pid: int
    born: float

    @property
    def is_alive(self) -> bool:
        try:
            return abs(psutil.Process(self.pid).create_time() - self.born) < 1.0
        except psutil.Error:
            return False


def running_service(data_dir: Path) -> ServiceNote | None:
    """Return the service that runs on this data directory, None where there is none."""
    try:
        note = ServiceNote(**orjson.loads((data_dir / _NOTE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return note if note.is_alive else None


@click.command()
@click.option("--host", help="Address to listen on.  [TRACESVC_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes any.  [TRACESVC_PORT]")
@data_dir_option
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the API, the sequencer and the projector; print one line with the URL when ready."""
    settings = settings_of(host=host, port=port, data_dir=data_dir)

    async def work() -> None:
        stopping = _stop_on_signals()
        async with service(settings) as running:
            with _noted(settings, running.url):
                click.echo(f"tracesvc ready at {running.url}")
                await stopping.wait()

    run(work, settings)


@click.command()
@click.option("--beside", is_flag=True, hidden=True, help="Live as long as the parent's pipe.")
@data_dir_option
def work(*, beside: bool, data_dir: Path | None) -> None:
    """Run the sequencer and the projector alone, beside an API that leaves them out."""
    settings = settings_of(data_dir=data_dir)
    run(partial(_beside if beside else _alone, settings), settings)


async def _alone(settings: Settings) -> None:
    stopping = _stop_on_signals()
    async with workers(settings, Bells()):
        click.echo("tracesvc worker ready")
        await stopping.wait()


async def _beside(settings: Settings) -> None:
    """Run the loops for the API that started this process, and end with it.

    Signals to the whole group are for the API: it stops accepting first and this process last.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    bells = Bells()
    async with workers(settings, bells):
        await Parent(stored=bells.stored, projected=bells.projected).accompany()


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


@contextmanager
def _noted(settings: Settings, url: str) -> Iterator[None]:
    """Leave the note while the service runs; a machine where it cannot be written still serves."""
    path = settings.data_dir / _NOTE
    note = ServiceNote(url=url, pid=os.getpid(), born=psutil.Process().create_time())
    with suppress(OSError):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(asdict(note)))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
