"""What the commands have in common: options, the event loop, and how they answer."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import orjson

from tracesvc.bootstrap import set_up_logging
from tracesvc.domain.errors import TraceError
from tracesvc.settings import Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

FAILED: Final = 1


def data_dir_option(command: F) -> F:
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where the embedded Postgres lives; finds a running server's.  [TRACESVC_DATA_DIR]",
    )(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def settings_of(**given: object) -> Settings:
    """Return the settings of the environment, with the options that were given instead."""
    overrides: dict[str, Any] = {name: v for name, v in given.items() if v is not None}
    try:
        return Settings(**overrides)
    except ValueError as wrong:
        raise click.UsageError(f"a setting is not valid: {wrong}") from wrong


def run(work: Callable[[], Coroutine[Any, Any, T]], settings: Settings) -> T:
    """Run one command's work; what went wrong becomes a message and exit code 1."""
    set_up_logging(settings)
    try:
        return asyncio.run(work())
    except TraceError as error:
        raise click.ClickException(f"{error.detail} ({error.error_code})") from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(FAILED)


def print_json(value: object) -> None:
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def print_rows(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows under their names, in columns as wide as what stands in them."""
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else str(value)
