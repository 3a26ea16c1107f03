"""A simulated supply chain: into files, or into a running service."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tracesvc.bootstrap import Office, office
from tracesvc.commands.serving import running_service
from tracesvc.commands.shared import (
    FAILED,
    data_dir_option,
    json_option,
    print_json,
    run,
    settings_of,
)
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.simulate.files import write_truth, write_uploads
from tracesvc.simulate.participants import Participant
from tracesvc.simulate.plan import SimulationPlan, demo_plan, evening_plan, province_plan
from tracesvc.simulate.post import PostSummary, post_uploads
from tracesvc.simulate.simulation import Simulation
from tracesvc.telemetry import SystemClock

CHINA: Final = timezone(timedelta(hours=8))
PLANS: Final = ("demo", "evening", "province")


@click.command()
@click.option("--plan", "name", type=click.Choice(PLANS), default="demo", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds, equal bytes.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), help="First day; so as to end yesterday."
)
@click.option("--days", type=click.IntRange(1, 366), help="Length of the demo or province plan.")
@click.option("--bills", type=click.IntRange(1, 10_000), help="Consignments of the evening plan.")
@click.option(
    "--parties", type=click.IntRange(1, 5_000), help="Participants of the province plan."
)
@click.option("--codes", type=click.IntRange(1), help="Scanned codes of the province plan.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write files here instead of posting to the running service.",
)
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True)
@data_dir_option
@json_option
def simulate(
    *,
    name: str,
    seed: int,
    start: datetime | None,
    out: Path | None,
    concurrency: int,
    data_dir: Path | None,
    as_json: bool,
    **sizes: int | None,
) -> None:
    """Run a plan: write its uploads as files, or post them to the service of the data directory."""
    given = {size: value for size, value in sizes.items() if value is not None}
    simulation = Simulation(_plan(name, seed=seed, start=start, sizes=given))
    if out is not None:
        written = write_uploads(simulation.uploads(), out)
        write_truth(simulation.truth(), out)
        click.echo(f"{written} uploads of {len(simulation.participants)} parties in {out}")
        return
    settings = settings_of(data_dir=data_dir)
    note = running_service(settings.data_dir)
    if note is None:
        raise click.UsageError(f"no service runs on {settings.data_dir}; start one or give --out")

    async def work() -> PostSummary:
        async with office(settings) as opened:
            await enrol(opened, simulation.participants)
            return await post(
                simulation, url=note.url, key_for=key_maker(opened), concurrency=concurrency
            )

    summary = run(work, settings)
    print_summary(summary, as_json=as_json)
    if summary.rejected or summary.unsent:
        raise SystemExit(FAILED)


async def enrol(opened: Office, participants: Iterable[Participant]) -> None:
    """Make the parties known; those that are there already stay as they are."""
    for participant in participants:
        if await opened.parties.get(participant.party_id) is None:
            party = Party(
                party_id=participant.party_id,
                party_type=participant.party_type,
                name=participant.name,
                region=participant.region.code,
            )
            await opened.parties.add(party, now=opened.clock.now())


def key_maker(opened: Office) -> Callable[[str], Awaitable[str]]:
    """Return what makes an uploader's key for a party when it is first needed."""

    async def make(party_id: str) -> str:
        _, key = await opened.keys.create(party_id, [AccessRole.UPLOADER], now=opened.clock.now())
        return key

    return make


async def post(
    simulation: Simulation,
    *,
    url: str,
    key_for: Callable[[str], Awaitable[str]],
    concurrency: int,
) -> PostSummary:
    """Post every upload, with a progress bar where somebody watches."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        return await post_uploads(
            simulation.uploads(),
            base_url=url,
            key_for_party=key_for,
            concurrency=concurrency,
            progress=progress,
        )


def print_summary(summary: PostSummary, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "uploads": summary.uploads,
                "created": summary.created,
                "replayed": summary.replayed,
                "rejected": summary.rejected,
                "unsent": summary.unsent,
                "retries": summary.retries,
                "events_stored": summary.events_stored,
                "events_duplicate": summary.events_duplicate,
                "scans_stored": summary.scans_stored,
                "elapsed_s": round(summary.elapsed_s, 3),
                "codes_per_s": round(summary.codes_per_s),
                "failures": [failure.detail for failure in summary.failures],
            }
        )
        return
    for failure in summary.failures:
        click.echo(f"{failure.party_id} {failure.filename}: {failure.detail}", err=True)
    click.echo(
        f"{summary.uploads} uploads in {summary.elapsed_s:.1f} s: {summary.created} stored, "
        f"{summary.replayed} repeated, {summary.rejected + summary.unsent} failed; "
        f"{summary.events_stored} events, {summary.scans_stored} scans"
    )


def yesterday() -> date:
    """Return the day before today in China, where the simulated chain is."""
    return SystemClock().now().astimezone(CHINA).date() - timedelta(days=1)


def _plan(
    name: str, *, seed: int, start: datetime | None, sizes: dict[str, int]
) -> SimulationPlan:
    days = sizes.get("days", {"demo": 5, "evening": 3, "province": 30}[name])
    first = start.date() if start else yesterday() - timedelta(days=days - 1)
    allowed = {"demo": {"days"}, "evening": {"bills"}, "province": {"days", "parties", "codes"}}
    if strange := sorted(sizes.keys() - allowed[name]):
        raise click.UsageError(f"the plan {name} has no --{strange[0]}")
    if name == "evening":
        return evening_plan(first, seed=seed, bills=sizes.get("bills", 40))
    if name == "province":
        return province_plan(
            first,
            seed=seed,
            days=days,
            parties=sizes.get("parties", 200),
            codes=sizes.get("codes", 5_000_000),
        )
    return demo_plan(first + timedelta(days=days - 1), seed=seed, days=days)
