"""Parties and API keys."""

from datetime import datetime
from pathlib import Path

import click

from tracesvc.bootstrap import office
from tracesvc.commands.shared import (
    data_dir_option,
    json_option,
    print_json,
    print_rows,
    run,
    settings_of,
)
from tracesvc.domain.errors import NotFound
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType

_PAGE = 1000


@click.group()
def parties() -> None:
    """Who takes part."""


@parties.command("add")
@click.argument("party_id")
@click.option(
    "--type", "party_type", type=click.Choice([t.value for t in PartyType]), required=True
)
@click.option("--name", required=True, help="Name of the company or institution.")
@click.option("--region", default="", help="Administrative division code, as 110000.")
@click.option(
    "--cut-in",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day from which the party reports everything.",
)
@data_dir_option
def add_party(
    *,
    party_id: str,
    party_type: str,
    name: str,
    region: str,
    cut_in: datetime | None,
    data_dir: Path | None,
) -> None:
    """Add the party PARTY_ID. The same again is no error, another one under its id is."""
    settings = settings_of(data_dir=data_dir)
    party = Party(
        party_id=party_id,
        party_type=PartyType(party_type),
        name=name,
        region=region,
        cut_in_date=cut_in.date() if cut_in else None,
    )

    async def work() -> bool:
        async with office(settings) as opened:
            return await opened.parties.add(party, now=opened.clock.now())

    click.echo(f"{party_id} {'added' if run(work, settings) else 'is there already'}")


@parties.command("list")
@data_dir_option
@json_option
def list_parties(*, data_dir: Path | None, as_json: bool) -> None:
    """List all parties by id."""
    settings = settings_of(data_dir=data_dir)

    async def work() -> list[Party]:
        found: list[Party] = []
        async with office(settings) as opened:
            while page := await opened.parties.list(
                after=found[-1].party_id if found else None, limit=_PAGE
            ):
                found.extend(page)
        return found

    rows = [
        {
            "party_id": party.party_id,
            "type": party.party_type.value,
            "name": party.name,
            "region": party.region,
            "cut_in_date": party.cut_in_date,
        }
        for party in run(work, settings)
    ]
    (print_json if as_json else print_rows)(rows)


@click.group()
def keys() -> None:
    """API keys. Only their hashes are kept."""


@keys.command("create")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in AccessRole]),
    multiple=True,
    required=True,
    help="What the key may do; may be given several times.",
)
@click.option("--party", "party_id", help="The party that the key speaks for.")
@data_dir_option
def create_key(roles: tuple[str, ...], party_id: str | None, data_dir: Path | None) -> None:
    """Make a key and print it, alone on the last line: it cannot be shown again."""
    settings = settings_of(data_dir=data_dir)
    if AccessRole.UPLOADER in roles and party_id is None:
        raise click.UsageError("an uploader's key needs --party")

    async def work() -> tuple[str, str]:
        async with office(settings) as opened:
            if party_id is not None and await opened.parties.get(party_id) is None:
                raise NotFound(f"there is no party {party_id}; add it first")
            return await opened.keys.create(
                party_id, [AccessRole(role) for role in roles], now=opened.clock.now()
            )

    key_id, key = run(work, settings)
    click.echo(f"{key_id} ({', '.join(roles)}{f', {party_id}' if party_id else ''})")
    click.echo(key)


@keys.command("list")
@data_dir_option
@json_option
def list_keys(*, data_dir: Path | None, as_json: bool) -> None:
    """List all keys ever made, without the keys themselves."""
    settings = settings_of(data_dir=data_dir)

    async def work() -> list[dict[str, object]]:
        async with office(settings) as opened:
            return [
                {
                    "key_id": row.key_id,
                    "party_id": row.party_id,
                    "roles": " ".join(sorted(row.roles)),
                    "created": row.record_time,
                    "revoked": row.revoked_time,
                }
                for row in await opened.keys.list()
            ]

    (print_json if as_json else print_rows)(run(work, settings))


@keys.command("revoke")
@click.argument("key_id")
@data_dir_option
def revoke_key(key_id: str, data_dir: Path | None) -> None:
    """End the key KEY_ID. A running service forgets it within seconds."""
    settings = settings_of(data_dir=data_dir)

    async def work() -> None:
        async with office(settings) as opened:
            if not await opened.keys.revoke(key_id, now=opened.clock.now()):
                raise NotFound(f"there is no key {key_id} in force")

    run(work, settings)
    click.echo(f"{key_id} revoked")
