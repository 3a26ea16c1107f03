"""A service with a small supply chain in it, left running, and what to try on it."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import click
import orjson

from tracesvc.bootstrap import Office, office
from tracesvc.commands.serving import ServiceNote, running_service
from tracesvc.commands.shared import data_dir_option, run, settings_of
from tracesvc.commands.simulating import enrol, key_maker, post, print_summary, yesterday
from tracesvc.domain.errors import StoreUnavailable, TraceError
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType
from tracesvc.settings import Settings
from tracesvc.simulate.plan import demo_plan
from tracesvc.simulate.simulation import Simulation

_START_S_MAX: Final = 180.0
_PROJECTED_S_MAX: Final = 120.0
_POLL_S: Final = 0.2
_LOG: Final = "serve.log"
_NOTE: Final = "demo.json"
_REGULATOR: Final = Party(
    party_id="demo-regulator",
    party_type=PartyType.REGULATOR,
    name="省药品监督管理局（演示）",
    region="140000",
)


@dataclass(frozen=True, slots=True)
class DemoNote:
    """What the demo keeps in its data directory, so that a second run shows the same."""

    unit: str
    product_name: str
    holder: str
    keys: dict[str, str]


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes any.")
@data_dir_option
def demo(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start a service, load a small supply chain over HTTP, leave it running, and say what to try."""
    settings = settings_of(host=host, port=port, data_dir=data_dir)
    note = running_service(settings.data_dir) or _start(settings)

    async def work() -> DemoNote:
        async with office(settings) as opened:
            known = _known(settings.data_dir)
            if known is not None:
                return known
            made = await _load(opened, note.url)
            await _until_projected(note.url)
        _keep(settings.data_dir, made)
        return made

    _print(note, run(work, settings), settings)


def _start(settings: Settings) -> ServiceNote:
    """Start `tracesvc serve` in a session of its own and wait until it has left its note."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = settings.data_dir / _LOG
    command = [
        sys.executable, "-m", "tracesvc", "serve", "--data-dir", str(settings.data_dir),
        "--host", settings.host, "--port", str(settings.port),
    ]  # fmt: skip
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  (our own program, with our own settings)
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    return asyncio.run(_until_ready(process, settings.data_dir))


async def _until_ready(process: subprocess.Popen[bytes], data_dir: Path) -> ServiceNote:
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S_MAX):
            while process.poll() is None:
                if (note := running_service(data_dir)) is not None:
                    return note
                await asyncio.sleep(_POLL_S)
    end = "\n".join((data_dir / _LOG).read_text(errors="replace").splitlines()[-5:])
    raise click.ClickException(f"the service did not start; the end of its log:\n{end}")


async def _load(opened: Office, url: str) -> DemoNote:
    simulation = Simulation(demo_plan(yesterday()))
    await enrol(opened, simulation.participants)
    await opened.parties.add(_REGULATOR, now=opened.clock.now())
    summary = await post(simulation, url=url, key_for=key_maker(opened), concurrency=4)
    print_summary(summary, as_json=False)
    if summary.rejected or summary.unsent:
        raise TraceError("some of the demo's uploads were not taken")
    sample = simulation.truth()["samples"][0]
    keys = {
        "regulator": await _key(opened, AccessRole.REGULATOR, _REGULATOR.party_id),
        "uploader": await _key(opened, AccessRole.UPLOADER, sample["holder"]),
        "admin": await _key(opened, AccessRole.ADMIN, None),
    }
    return DemoNote(
        unit=sample["unit"],
        product_name=sample["product_name"],
        holder=sample["holder"],
        keys=keys,
    )


async def _key(opened: Office, role: AccessRole, party_id: str | None) -> str:
    _, key = await opened.keys.create(party_id, [role], now=opened.clock.now())
    return key


async def _until_projected(url: str) -> None:
    """Wait until the projector has caught up: what the demo shows should be there."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PROJECTED_S_MAX):
            # Another process' progress can only be asked for.
            while (await asyncio.to_thread(_readiness, url)).get("lag_captures") != 0:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
            return
    raise StoreUnavailable("the projector did not catch up in time")


def _readiness(url: str) -> dict[str, Any]:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310  (our own service)
            ready: dict[str, Any] = orjson.loads(answer.read())
            return ready if answer.status == HTTPStatus.OK else {}
    except (URLError, OSError, ValueError):
        return {}


def _known(data_dir: Path) -> DemoNote | None:
    try:
        return DemoNote(**orjson.loads((data_dir / _NOTE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(data_dir: Path, note: DemoNote) -> None:
    """Keep the demo's keys where only their owner can read them."""
    path = data_dir / _NOTE
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(asdict(note)))


def _print(note: ServiceNote, made: DemoNote, settings: Settings) -> None:
    click.echo(f"""
tracesvc is running at {note.url}  (process {note.pid}, data in {settings.data_dir})

  API, to browse and try   {note.url}/docs
  regulator's key          {made.keys["regulator"]}
  admin's key              {made.keys["admin"]}
  uploader's key           {made.keys["uploader"]}  ({made.holder})

The whole path of one pack of {made.product_name}:

  curl -H 'X-API-Key: {made.keys["regulator"]}' {note.url}/v1/codes/{made.unit}/path

Stop it with: kill {note.pid}""")
