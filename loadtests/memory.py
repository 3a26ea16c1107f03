"""How much memory the API needs while eight clients post the largest bills as fast as they can."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter

import psutil

from loadtests.figures import Figure
from loadtests.ground import Ground
from loadtests.payloads import PARTY, Goods, Payload, json_bill, xml_bill
from loadtests.posting import Clients
from loadtests.scale import Scale
from loadtests.service import serving
from tracesvc.domain.vocabulary import AccessRole

_MB_MAX = 300.0
_KIB_PER_MB = 1000 * 1000 / 1024


async def run(ground: Ground, scale: Scale) -> list[Figure]:
    figures = []
    for name, follow in (("API alone", False), ("API with its loops", True)):
        async with (
            ground.database("memory") as database,
            serving(database.dsn, ground.data_dir, follow=follow) as service,
        ):
            key = await database.key_of(PARTY, AccessRole.UPLOADER)
            idle_mb = _peak_mb(service.pid)
            async with Clients(service.url, key, size=scale.memory_clients) as clients:
                await clients.post_all(_bills(until_s=perf_counter() + scale.memory_s))
            figures += [
                _figure(f"{name}, before the first upload", idle_mb),
                _figure(f"{name}, peak", _peak_mb(service.pid), at_most=_MB_MAX),
            ]
            figures += [
                _figure(f"{name}, peak of a process beside the API", _peak_mb(child.pid))
                for child in psutil.Process(service.pid).children()
            ]
    return figures


def _peak_mb(pid: int) -> float:
    """Return the largest resident set of a process so far, in MB, as the kernel has noted it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / _KIB_PER_MB


def _bills(until_s: float) -> Iterator[Payload]:
    """Yield bills in both forms, made when they are asked for, until the time is up."""
    goods = Goods()
    for make in cycle((json_bill, xml_bill)):
        if perf_counter() > until_s:
            return
        yield make(goods)


def _figure(name: str, megabytes: float, at_most: float | None = None) -> Figure:
    return Figure(scenario="memory", name=name, unit="MB", samples=(megabytes,), at_most=at_most)
