"""`python -m loadtests [SCENARIO…]`: run scenarios, print their figures, and say plainly what was missed."""

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import orjson

from loadtests import append_bills, append_small, evening, memory, path_latency, profiling
from loadtests.figures import Figure, table
from loadtests.ground import Ground, ground
from loadtests.scale import Scale

Scenario = Callable[[Ground, Scale], Awaitable[list[Figure]]]

SCENARIOS: dict[str, Scenario] = {
    "append_bills": append_bills.run,
    "append_small": append_small.run,
    "evening": evening.run,
    "path_latency": path_latency.run,
    "memory": memory.run,
}
EXTRAS: dict[str, Scenario] = {"profile": profiling.run}


@click.command()
@click.argument(
    "names", metavar="[SCENARIO]...", nargs=-1, type=click.Choice([*SCENARIOS, *EXTRAS])
)
@click.option("--quick", is_flag=True, help="A short run that shows that everything works.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the figures, with every sample, to this file.",
)  # fmt: skip
def main(names: Sequence[str], *, quick: bool, json_path: Path | None) -> None:
    """Measure the service on this machine; all scenarios but `profile` where none is named.

    The exit code is 0 even where a target was missed: the machine may be slow or busy. It is 1 where
    a scenario could not be measured; the others are printed all the same.
    """
    scale = Scale.quick() if quick else Scale()
    machine, figures, failed = asyncio.run(_measure(tuple(names) or tuple(SCENARIOS), scale))
    click.echo(table(figures))
    missed = [figure for figure in figures if figure.is_met is False]
    for figure in missed:
        click.echo(
            f"MISSED: {figure.scenario}, {figure.name}: {figure.median:,.2f} {figure.unit},"
            f" target {figure.target}"
        )
    if not missed:
        click.echo("every target that was measured is met")
    if json_path is not None:
        report = {
            "is_quick": quick,
            "machine": machine,
            "figures": [figure.as_json() for figure in figures],
        }
        json_path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    if failed:
        raise click.ClickException(f"not measured: {', '.join(failed)}")


async def _measure(
    names: Sequence[str], scale: Scale
) -> tuple[dict[str, Any], list[Figure], list[str]]:
    """Return the machine, the figures, and the scenarios that failed."""
    figures: list[Figure] = []
    failed: list[str] = []
    async with ground() as opened:
        machine = await opened.machine()
        click.echo(_described(machine))
        for name in names:
            started = perf_counter()
            try:
                figures += await (SCENARIOS | EXTRAS)[name](opened, scale)
            except Exception:  # noqa: BLE001  (what the others measured must not be lost)
                traceback.print_exc()
                failed.append(name)
            click.echo(f"{name}: {perf_counter() - started:.0f} s", err=True)
    return machine, figures, failed


def _described(machine: dict[str, Any]) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in machine["postgres"].items())
    return (
        f"Python {machine['python']}, asyncpg {machine['asyncpg']}, aiohttp {machine['aiohttp']};"
        f" {machine['system']}, {machine['cores']} cores, {machine['memory_gib']} GiB,"
        f" load average at the start {machine['load_average']}\n"
        f"Postgres: {settings}"
    )


if __name__ == "__main__":
    sys.exit(main())
