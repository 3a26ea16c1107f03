"""Where the service's time goes while it takes in uploads: samples of its stacks by py-spy.

py-spy looks at the process from outside and counts which thread holds the interpreter, and where. It needs the right to
trace another process. Where it is missing the scenario says so and measures nothing.
"""

import asyncio
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT

import click

from loadtests import evening, path_latency
from loadtests.figures import Figure
from loadtests.ground import Ground
from loadtests.payloads import PARTY, Goods, json_bill, single_sales, xml_bill
from loadtests.posting import Clients
from loadtests.scale import Scale
from loadtests.service import Service, serving
from tracesvc.domain.vocabulary import AccessRole

_SAMPLES_PER_S = 250
_LINES = 25
_RECORD_S_MAX = 300
_END_S_MAX = 60.0
_OURS = "tracesvc/"
_RUNS = 3

Stack = tuple[str, ...]


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    """Print the hot spots of an evening and of appends; profiled runs are slower, so no figures."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        click.echo("profile: py-spy is not installed (pip install py-spy)")
        return []
    profile = _Profile(spy, ground.data_dir)
    await evening.measure(ground, scale, seed=1, beside=profile.sampled)
    await path_latency.run(ground, scale, beside=profile.sampled)
    async with (
        ground.database("profile") as database,
        serving(database.dsn, ground.data_dir, follow=False) as service,
    ):
        key = await database.key_of(PARTY, AccessRole.UPLOADER)
        goods = Goods()
        for make, scans in (
            (json_bill, scale.append_scans * _RUNS),
            (xml_bill, scale.append_scans * _RUNS),
            (single_sales, scale.small_scans * _RUNS),
        ):
            size = make(goods).scans
            payloads = [make(goods) for _ in range(scans // size)]
            async with (
                Clients(service.url, key, size=scale.append_clients[-1]) as clients,
                profile.sampled(service, make.__name__),
            ):
                await clients.post_all(payloads)
    profile.print()
    return []


class _Profile:
    """Stacks of the service, workload by workload."""

    def __init__(self, spy: str, directory: Path) -> None:
        self._spy = spy
        self._directory = directory
        self._stacks: dict[str, Counter[Stack]] = {}

    @asynccontextmanager
    async def sampled(self, service: Service, workload: str) -> AsyncIterator[None]:
        """Sample the service for the length of the block."""
        target = self._directory / f"{workload}.stacks"
        process = await asyncio.create_subprocess_exec(
            self._spy, "record", "--pid", str(service.pid), "--rate", str(_SAMPLES_PER_S),
            "--duration", str(_RECORD_S_MAX), "--format", "raw", "--function", "--gil", "--subprocesses",
            "--output", str(target),
            stdout=DEVNULL, stderr=PIPE,
        )  # fmt: skip
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(SIGINT)
            async with asyncio.timeout(_END_S_MAX):
                _, complaint = await process.communicate()
        if not target.exists():
            raise RuntimeError(f"py-spy has recorded nothing: {complaint.decode()[-1000:]}")
        text = await asyncio.to_thread(target.read_text, encoding="utf-8")
        self._stacks[workload] = Counter(dict(_read(text.splitlines())))

    def print(self) -> None:
        for workload, counted in self._stacks.items():
            total = counted.total()
            click.echo(f"\n{workload}: {total} samples at {_SAMPLES_PER_S} a second")
            _print("our functions, with all they call", _inclusive(counted), total)
            _print("functions alone", _exclusive(counted), total)


def _read(lines: Iterable[str]) -> Iterator[tuple[Stack, int]]:
    """Read py-spy's raw format: frames from the outermost, separated by semicolons, and a count."""
    for line in lines:
        stack, _, number = line.rpartition(" ")
        yield tuple(stack.split(";")), int(number)


def _inclusive(stacks: Counter[Stack]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, number in stacks.items():
        for frame in {frame for frame in stack if _OURS in frame}:
            found[frame] += number
    return found


def _exclusive(stacks: Counter[Stack]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, number in stacks.items():
        found[stack[-1]] += number
    return found


def _print(title: str, counted: Counter[str], total: int) -> None:
    click.echo(f" {title}")
    for frame, number in counted.most_common(_LINES):
        click.echo(f"  {number / total:6.1%}  {frame}")
