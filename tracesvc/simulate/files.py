"""A run as files: each upload as its sender would save it, a manifest in upload order, and the truth."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from tracesvc.simulate.uploads import Reference, Upload

MANIFEST: Final = "manifest.jsonl"
TRUTH: Final = "truth.json"
_UPLOADS: Final = "uploads"


def write_uploads(uploads: Iterable[Upload], directory: Path) -> int:
    """Write uploads as `uploads/<party>/<file>` and one manifest line each; return how many.

    Lines are in upload order. A repeated upload has its own line but names the same file. The file
    of a void contains the placeholder that its line's `awaits` explains.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = 0
    with (directory / MANIFEST).open("wb") as manifest:
        for upload in uploads:
            path = Path(_UPLOADS) / upload.party_id / upload.filename
            target = directory / path
            if not upload.is_repeat or not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(upload.payload)
            manifest.write(orjson.dumps(_line(upload, path.as_posix())) + b"\n")
            written += 1
    return written


def write_truth(truth: dict[str, Any], directory: Path) -> Path:
    """Write the ground truth for people to read; return the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / TRUTH
    path.write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def read_uploads(directory: Path) -> Iterator[Upload]:
    """Yield the uploads of a written run, in upload order."""
    with (directory / MANIFEST).open("rb") as manifest:
        for text in manifest:
            line = orjson.loads(text)
            awaits = line.get("awaits")
            yield Upload(
                party_id=line["party_id"],
                upload_time=datetime.fromisoformat(line["upload_time"]),
                format=line["format"],
                filename=line["filename"],
                params=line["params"],
                payload=(directory / line["path"]).read_bytes(),
                idempotency_key=line["idempotency_key"],
                code_count=line["codes"],
                event_count=line["events"],
                is_repeat=line.get("is_repeat", False),
                is_awaited=line.get("is_awaited", False),
                awaits=Reference(**awaits) if awaits else None,
            )


def _line(upload: Upload, path: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "path": path,
        "party_id": upload.party_id,
        "upload_time": upload.upload_time.isoformat(),
        "format": upload.format,
        "filename": upload.filename,
        "params": dict(upload.params),
        "idempotency_key": upload.idempotency_key,
        "codes": upload.code_count,
        "events": upload.event_count,
    }
    if upload.is_repeat:
        line["is_repeat"] = True
    if upload.is_awaited:
        line["is_awaited"] = True
    if upload.awaits is not None:
        line["awaits"] = {
            "placeholder": upload.awaits.placeholder,
            "idempotency_key": upload.awaits.idempotency_key,
            "ordinal": upload.awaits.ordinal,
        }
    return line
