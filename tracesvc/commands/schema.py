"""The database and its proofs: migrate, rebuild, verify; and the files that describe the API."""

import sys
from pathlib import Path

import click

from tracesvc.bootstrap import database, office, rebuild_view
from tracesvc.commands.shared import (
    FAILED,
    data_dir_option,
    json_option,
    print_json,
    run,
    settings_of,
)
from tracesvc.domain.captures import LogCheck
from tracesvc.project.rebuild import Rebuilt
from tracesvc.store.migrate import distribute as distribute_tables
from tracesvc.store.migrate import migrate as apply_migrations
from tracesvc.wire import schemas as wire_schemas


@click.command()
@click.option(
    "--pre-only", is_flag=True, help="Leave the .post files for when no old process runs."
)
@click.option("--distribute", is_flag=True, help="Afterwards hand the tables to Citus.")
@data_dir_option
def migrate(*, pre_only: bool, distribute: bool, data_dir: Path | None) -> None:
    """Bring the database to this release. Safe to repeat, and from several machines at once."""
    settings = settings_of(data_dir=data_dir)

    async def work() -> tuple[list[str], list[str]]:
        async with database(settings) as served:
            applied = await apply_migrations(served.dsn, post=not pre_only)
            return applied, await distribute_tables(served.dsn) if distribute else []

    applied, placed = run(work, settings)
    for name in applied:
        click.echo(f"applied {name}")
    for statement in placed:
        click.echo(statement)
    click.echo("the database is current")


@click.command()
@data_dir_option
@json_option
def verify(*, data_dir: Path | None, as_json: bool) -> None:
    """Compute every digest, root and tree node of the log again and compare with what is stored."""
    settings = settings_of(data_dir=data_dir)

    async def work() -> LogCheck:
        async with office(settings) as opened:
            return await opened.tree.check()

    check = run(work, settings)
    if as_json:
        print_json(
            {
                "tree_size": check.tree_size,
                "root_hash": check.root_hash.hex(),
                "faults": check.faults,
            }
        )
    else:
        for fault in check.faults:
            click.echo(fault, err=True)
        click.echo(f"{check.tree_size} captures, root {check.root_hash.hex()}")
    if check.faults:
        raise SystemExit(FAILED)


@click.command()
@click.option("--check", is_flag=True, help="Compare only: exit 1 where the present view differs.")
@data_dir_option
@json_option
def rebuild(*, check: bool, data_dir: Path | None, as_json: bool) -> None:
    """Fold the whole log into new tables and swap them in; the service goes on meanwhile."""
    settings = settings_of(data_dir=data_dir)

    def progress(reached: int, end: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{reached + 1} of {end + 1} captures", nl=False, err=True)

    async def work() -> Rebuilt:
        async with database(settings) as served:
            await apply_migrations(served.dsn, post=False)
            return await rebuild_view(served.dsn, settings, check_only=check, on_progress=progress)

    done = run(work, settings)
    if as_json:
        print_json(
            {
                "log_index": done.log_index,
                "digest_before": done.digest_before.hex(),
                "digest_after": done.digest_after.hex(),
                "is_equal": done.is_equal,
                "is_swapped": done.is_swapped,
            }
        )
    else:
        state = "is equal to" if done.is_equal else "DIFFERS FROM"
        click.echo(
            f"{done.log_index + 1} captures folded; the view {state} the rebuilt one "
            f"({done.digest_before.hex()[:16]}, {done.digest_after.hex()[:16]})"
        )
    if not done.is_equal:
        raise SystemExit(FAILED)


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where a file is out of date.")
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), default=Path("schemas")
)
def schemas(*, check: bool, directory: Path) -> None:
    """Write the JSON Schemas of the wire forms."""
    if not check:
        wire_schemas.write(directory)
        return
    for name in (changed := wire_schemas.differences(directory)):
        click.echo(f"{directory / name} is not what the wire models say", err=True)
    if changed:
        raise SystemExit(FAILED)
