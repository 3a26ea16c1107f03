"""What every decoding test needs: the circumstances of an upload, and the corpora if they are there."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tracesvc.domain.ids import new_capture_id
from tracesvc.wire.decode import DecodeContext, Decoded, WireLimits, decode

UPLOADER = "91140105MA00020043"
RECORD_TIME = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CAPTURE_ID = new_capture_id(1_772_366_400_000, b"capture")
CORPORA = Path(__file__).parents[3].parent / "shared" / "corpora" / "cn"


@pytest.fixture
def read() -> Callable[..., Decoded]:
    """Decode an upload of `UPLOADER`; dictionaries and lists are sent as JSON."""

    def _read(payload, *, form=None, party=UPLOADER, params=None, limits=None) -> Decoded:
        if isinstance(payload, str):
            payload = payload.encode()
        elif not isinstance(payload, bytes):
            payload = orjson.dumps(payload)
        context = DecodeContext(
            capture_id=CAPTURE_ID, record_time=RECORD_TIME, party_id=party, params=params or {}
        )
        return decode(payload, format=form, context=context, limits=limits or WireLimits())

    return _read


@pytest.fixture
def corpora() -> Path:
    if not CORPORA.is_dir():
        pytest.skip("the shared corpora are not beside the repository")
    return CORPORA
