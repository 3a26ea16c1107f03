"""What the house tests look at: the files of the repository, read once."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from tracesvc.cli import main
from tracesvc.http.routes import ROUTES
from tracesvc.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

_NOT_OURS = frozenset({
    ".git", ".venv", ".demo", "data", "build", "dist", "node_modules", "__pycache__", ".hypothesis",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache",
})  # fmt: skip
_HEADING = re.compile(r"^#{1,6} (?P<title>.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


class Repository:
    """The project's own text files, as paths from its root."""

    root = ROOT

    @cache  # noqa: B019 - one instance lives as long as the session
    def files(self, *suffixes: str) -> tuple[Path, ...]:
        """Return our files with these suffixes, or all text files, in a steady order."""
        return tuple(
            path
            for path in sorted(self._walk(ROOT))
            if (not suffixes or path.suffix in suffixes) and b"\0" not in path.read_bytes()
        )

    def text(self, path: Path | str) -> str:
        return (ROOT / path).read_text(encoding="utf-8", errors="surrogateescape")

    def name(self, path: Path) -> str:
        return path.relative_to(ROOT).as_posix()

    def is_under(self, path: Path, *folders: str) -> bool:
        return self.name(path).split("/", 1)[0] in folders

    def headings(self, path: Path | str) -> list[str]:
        """Return the headings of a Markdown page without their back-ticks."""
        prose = _FENCE.sub("", self.text(path))
        return [found["title"].replace("`", "") for found in _HEADING.finditer(prose)]

    def sections(self, path: Path | str) -> dict[str, str]:
        """Return the text below each heading, up to the next heading of any level."""
        text = self.text(path)
        marks = list(_HEADING.finditer(text))
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return {
            mark["title"].replace("`", ""): text[mark.end() : end]
            for mark, end in zip(marks, ends, strict=True)
        }

    def prose(self, path: Path | str) -> str:
        """Return a page without its code blocks."""
        return _FENCE.sub("", self.text(path))

    def _walk(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            if path.name in _NOT_OURS or path.name.endswith(".egg-info") or path.is_symlink():
                continue
            if path.is_dir():
                yield from self._walk(path)
            elif path.is_file():
                yield path


@pytest.fixture(scope="session")
def repo() -> Repository:
    return Repository()


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")


@pytest.fixture(scope="session")
def commands() -> dict[str, click.Command]:
    """Every command by the words that call it: `serve`, `keys`, `keys create`."""
    return dict(_commands(main))


@pytest.fixture(scope="session")
def command_names(commands) -> set[str]:
    return set(commands)


@pytest.fixture(scope="session")
def settings() -> Mapping[str, Any]:
    """Every setting by its environment variable, with its default."""
    found: dict[str, Any] = {}
    for room, field in Settings.model_fields.items():
        if dataclasses.is_dataclass(field.default):
            for limit in dataclasses.fields(field.default):
                found[f"TRACESVC_{room}__{limit.name}".upper()] = getattr(
                    field.default, limit.name
                )
        else:
            found[f"TRACESVC_{room}".upper()] = field.default
    return found


@pytest.fixture(scope="session")
def setting_names(settings) -> set[str]:
    return set(settings)


@pytest.fixture(scope="session")
def paths() -> set[str]:
    return {route.path for route in ROUTES}
