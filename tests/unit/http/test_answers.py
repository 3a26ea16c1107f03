"""The written form of answers."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

import orjson

from tracesvc.domain.captures import CaptureReceipt, EventVerdict, InclusionProof
from tracesvc.domain.events import Rejection
from tracesvc.http import answers
from tracesvc.wire.replies import receipt_reply

RECEIPT = CaptureReceipt(
    capture_id=UUID(int=1 << 80),
    party_id="A",
    record_time=datetime(2026, 3, 1, 8, 0, 0, 123, tzinfo=UTC),
    outcome="accepted",
    replayed=False,
    log_index=7,
    event_count=1,
    scan_count=3,
    duplicate_count=1,
    rejection_count=1,
    root_hash=b"\x01" * 32,
    verdicts=(
        EventVerdict(ordinal=0, event_id=UUID(int=2), verdict="stored", digest=b"\x02" * 32),
        EventVerdict(ordinal=2, event_id=UUID(int=3), verdict="duplicate", digest=b"\x03" * 32),
    ),
    rejections=(
        Rejection(
            ordinal=0, event_ordinal=1, pointer="/1/codes/0", raw="1", error_code="bad_length"
        ),
    ),
)
PROOF = InclusionProof(log_index=7, tree_size=9, root_hash=b"r" * 32, hashes=(b"h" * 32,))


def test_a_receipt_is_written_as_its_model_says():
    """The fast form of a receipt and the model that the API's document shows are one."""
    written = answers.receipt(RECEIPT, status=HTTPStatus.CREATED, proof=PROOF)
    modelled = receipt_reply(RECEIPT, proof=PROOF).model_dump_json()

    assert orjson.loads(written.body) == orjson.loads(modelled)
    assert list(orjson.loads(written.body)) == list(orjson.loads(modelled))
    assert written.status == 201
    assert written.headers["Location"] == f"/v1/captures/{RECEIPT.capture_id}"
