"""Files into the log without HTTP: the same decoding, the same rules, the same receipts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from tracesvc.bootstrap import Office, office, preparation
from tracesvc.commands.shared import (
    FAILED,
    data_dir_option,
    json_option,
    print_json,
    run,
    settings_of,
)
from tracesvc.domain.captures import CaptureReceipt, OnError
from tracesvc.domain.errors import NotFound, TooLarge, TraceError
from tracesvc.domain.parties import Caller
from tracesvc.domain.vocabulary import AccessRole
from tracesvc.http.upload import Preparation, Upload
from tracesvc.wire.context import PARAMS
from tracesvc.wire.decode import FORMATS


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: a receipt, or why it could not be read."""

    path: Path
    receipt: CaptureReceipt | None
    failure: TraceError | None = None

    @property
    def is_good(self) -> bool:
        return self.receipt is not None and self.receipt.outcome == "accepted"


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--party", "party_id", required=True, help="The party whose upload it is.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Guessed where absent.")
@click.option("--on-error", type=click.Choice(["rollback", "proceed"]), default="rollback")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="What the files' format lacks."
)
@data_dir_option
@json_option
def import_files(
    *,
    files: tuple[Path, ...],
    party_id: str,
    form: str | None,
    on_error: str,
    params: tuple[str, ...],
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Append FILES to the log, one capture each. Sending a file twice changes nothing."""
    settings = settings_of(data_dir=data_dir)
    upload = Upload(
        # Speaks for this party only: a file that names another actor is refused here as it is there.
        caller=Caller(key_id="import", party_id=party_id, roles=frozenset({AccessRole.UPLOADER})),
        party_id=party_id,
        format=form,
        on_error=cast("OnError", on_error),
        params=_params(params),
    )

    async def work() -> list[Imported]:
        async with office(settings) as opened:
            if await opened.parties.get(party_id) is None:
                raise NotFound(f"there is no party {party_id}; add it first")
            return [
                await _import(opened, upload, path, prepared=preparation(settings))
                for path in files
            ]

    done = run(work, settings)
    if as_json:
        print_json([_row(imported) for imported in done])
    else:
        for imported in done:
            click.echo(_line(imported))
    if not all(imported.is_good for imported in done):
        raise SystemExit(FAILED)


async def _import(
    opened: Office, upload: Upload, path: Path, *, prepared: Preparation
) -> Imported:
    try:
        payload = await asyncio.to_thread(_read, path, prepared.limits.body_bytes_max)
        request_sha256 = upload.request_sha256(payload)
        receipt = await opened.intake.replay(
            upload.party_id,
            idempotency_key=upload.key(request_sha256),
            request_sha256=request_sha256,
        )
        if receipt is None:
            request = await prepared.request(upload, payload, request_sha256=request_sha256)
            receipt = await opened.intake.capture(request)
    except TraceError as failure:
        return Imported(path, None, failure)
    return Imported(path, receipt)


def _read(path: Path, bytes_max: int) -> bytes:
    if path.stat().st_size > bytes_max:
        raise TooLarge(f"the file is larger than {bytes_max} bytes", limit="body_bytes_max")
    return path.read_bytes()


def _params(given: tuple[str, ...]) -> Mapping[str, str]:
    params = dict(pair.partition("=")[::2] for pair in given)
    if unknown := sorted(params.keys() - PARAMS):
        raise click.UsageError(f"no such parameter: {', '.join(unknown)}")
    return params


def _row(imported: Imported) -> dict[str, object]:
    row: dict[str, object] = {"file": str(imported.path)}
    if imported.failure is not None:
        return {
            **row,
            "error_code": imported.failure.error_code,
            "detail": imported.failure.detail,
        }
    if (receipt := imported.receipt) is None:
        return row
    return {
        **row,
        "capture_id": receipt.capture_id,
        "outcome": receipt.outcome,
        "replayed": receipt.replayed,
        "events": receipt.event_count,
        "scans": receipt.scan_count,
        "duplicates": receipt.duplicate_count,
        "rejections": [
            {"pointer": r.pointer, "line": r.line, "raw": r.raw, "error_code": r.error_code}
            for r in receipt.rejections
        ],
    }


def _line(imported: Imported) -> str:
    if imported.receipt is None:
        return f"{imported.path}: {imported.failure.detail if imported.failure else 'failed'}"
    r = imported.receipt
    counts = f"{r.event_count} events, {r.scan_count} scans, {r.duplicate_count} duplicates"
    again = ", sent before" if r.replayed else ""
    return (
        f"{imported.path}: {r.outcome}{again}, {counts}, {r.rejection_count} rejections"
        f" ({r.capture_id})"
    )
