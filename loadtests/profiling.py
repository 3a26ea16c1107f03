"""Where the service's time goes while it takes in an evening: samples of its stacks by py-spy.

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

from loadtests import evening
from loadtests.figures import Figure
from loadtests.ground import Ground
from loadtests.scale import Scale
from loadtests.service import Service

_SAMPLES_PER_S = 250
_LINES = 25
_RECORD_S_MAX = 300
_END_S_MAX = 60.0
_OURS = "tracesvc/"

Stack = tuple[str, ...]


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    """Print the hot spots of one evening; profiled runs are slower, so there are no figures."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        click.echo("profile: py-spy is not installed (pip install py-spy)")
        return []
    stacks: dict[str, Counter[Stack]] = {}

    @asynccontextmanager
    async def sampled(service: Service, half: str) -> AsyncIterator[None]:
        target = ground.data_dir / f"{half}.stacks"
        process = await asyncio.create_subprocess_exec(
            spy, "record", "--pid", str(service.pid), "--rate", str(_SAMPLES_PER_S),
            "--duration", str(_RECORD_S_MAX), "--format", "raw", "--function",
            "--gil", "--output", str(target),
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
        stacks[half] = Counter(dict(_read(target.read_text(encoding="utf-8").splitlines())))

    await evening.measure(ground, scale, seed=1, beside=sampled)
    for half, counted in stacks.items():
        click.echo(f"\n{half}: {counted.total()} samples at {_SAMPLES_PER_S} a second")
        _print("our functions, with all they call", _inclusive(counted), counted.total())
        _print("functions alone", _exclusive(counted), counted.total())
    return []


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
