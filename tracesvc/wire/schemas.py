"""Writes the JSON Schemas of the wire forms, which are part of the repository and of its review.

``python -m tracesvc.wire.schemas`` writes them into ``schemas/``; with ``--check`` it changes nothing
and fails where a file is missing, out of date or left over.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel

from tracesvc.wire import replies
from tracesvc.wire.native import CAPTURE, EVENT

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REPLIES: Final[Mapping[str, type[BaseModel]]] = {
    "receipt": replies.Receipt,
    "capture-state": replies.CaptureReply,
    "rejections": replies.RejectionPage,
    "problem": replies.Problem,
    "code": replies.CodeReply,
    "path": replies.PathReply,
    "contents": replies.ContentsReply,
    "findings": replies.FindingPage,
    "finding-subjects": replies.FindingSubjectPage,
    "finding-changes": replies.FindingChangePage,
    "rehearsal": replies.Rehearsal,
    "party": replies.PartyReply,
}
_SUFFIX: Final = ".schema.json"


def documents() -> dict[str, bytes]:
    """Return every schema by file name, as the bytes of its file."""
    schemas: dict[str, dict[str, Any]] = {
        "capture": CAPTURE.json_schema(),
        "event": EVENT.json_schema(),
        **{
            name: model.model_json_schema(mode="serialization") for name, model in _REPLIES.items()
        },
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return {
        f"{name}{_SUFFIX}": orjson.dumps({"$schema": _DIALECT, **schema}, option=options)
        for name, schema in schemas.items()
    }


def write(directory: Path) -> None:
    """Make the directory hold exactly the schemas of now."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for name, content in wanted.items():
        (directory / name).write_bytes(content)
    for path in directory.glob(f"*{_SUFFIX}"):
        if path.name not in wanted:
            path.unlink()


def differences(directory: Path) -> list[str]:
    """Return the names of schema files that are missing, out of date or left over."""
    wanted = documents()
    found = {path.name: path.read_bytes() for path in directory.glob(f"*{_SUFFIX}")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def main(arguments: Sequence[str]) -> int:
    """Write or check; return the exit code: 0 done, 1 out of date, 2 usage."""
    parser = ArgumentParser(prog="python -m tracesvc.wire.schemas", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail on a difference"
    )
    parser.add_argument("--directory", type=Path, default=Path("schemas"))
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.directory)
        return 0
    changed = differences(options.directory)
    for name in changed:
        sys.stderr.write(f"{options.directory / name} is not what the wire models say\n")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
