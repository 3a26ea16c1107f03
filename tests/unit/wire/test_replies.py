"""Answers: made from domain values by attribute names, and true to their schemas."""

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from jsonschema import Draft202012Validator

from tracesvc.domain.captures import CaptureReceipt, EventVerdict, InclusionProof
from tracesvc.domain.events import Rejection
from tracesvc.wire import schemas
from tracesvc.wire.replies import CapturePage, PathReply, Problem, receipt_reply

ID = UUID("01981234-5678-7abc-8def-000000000000")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECEIPT = CaptureReceipt(
    capture_id=ID,
    party_id="P",
    record_time=NOW,
    outcome="accepted",
    replayed=False,
    log_index=None,
    event_count=1,
    scan_count=1,
    duplicate_count=0,
    rejection_count=1,
    root_hash=b"\xab" * 32,
    verdicts=(EventVerdict(ordinal=0, event_id=ID, verdict="stored", digest=b"\x01" * 32),),
    rejections=(
        Rejection(
            ordinal=0,
            event_ordinal=0,
            pointer="/events/0/codes/1",
            raw="6901234567892",
            error_code="product_barcode",
        ),
    ),
)


def valid(name, reply):
    """Return what goes over the wire, having held it against the schema in the repository."""
    sent = orjson.loads(reply.model_dump_json())
    schema = orjson.loads(schemas.documents()[f"{name}.schema.json"])
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(sent)
    return sent


def test_receipt():
    """A receipt tells verdicts, rejections with remedies, and hashes in hex."""
    sent = valid("receipt", receipt_reply(RECEIPT))

    assert (sent["capture_id"], sent["state"], sent["root_hash"]) == (str(ID), "stored", "ab" * 32)
    assert sent["verdicts"][0]["digest"] == "01" * 32
    assert sent["rejections"][0]["pointer"] == "/events/0/codes/1"
    assert "EAN" in sent["rejections"][0]["message_en"]
    assert "商品条码" in sent["rejections"][0]["message_zh"]


def test_receipt_with_proof():
    """Once the capture is in the log, its receipt carries the proof."""
    proof = InclusionProof(
        log_index=4, tree_size=5, root_hash=b"\x02" * 32, hashes=(b"\x03" * 32,)
    )
    sent = valid("receipt", receipt_reply(RECEIPT, state="projected", proof=proof))

    assert sent["state"] == "projected"
    assert sent["proof"]["hashes"] == ["03" * 32]


def test_problem():
    """A problem document carries its code, titles in both languages, and what is meant."""
    problem = Problem(
        type="urn:tracesvc:error:too_large",
        title="x",
        title_zh="过大",
        status=413,
        error_code="too_large",
        request_id=ID,
        extra={"limit": "events_per_capture_max"},
    )

    assert valid("problem", problem)["extra"] == {"limit": "events_per_capture_max"}


def link(**fields):
    return SimpleNamespace(
        **{
            "kind": "ship",
            "reason": "sale",
            "event_id": ID,
            "event_time": NOW,
            "event_offset_min": 480,
            "record_time": NOW,
            "actor": "A",
            "from_party": "A",
            "to_party": "B",
            "owner": None,
            "carrier": None,
            "document": SimpleNamespace(number="CK1", part=None),
            "role": "object",
            "parent": None,
            "via": ("84103920003280320118",),
            "voided": False,
            "voids": None,
            "findings": (),
        }
        | fields
    )


def test_path():
    """A path has the fields that were promised, parties as from and to."""
    path = SimpleNamespace(
        trace_code="84103910003280448792",
        product="8410391",
        lot="A",
        expiry=NOW.date(),
        status="in_transit",
        holder="A",
        owner=None,
        as_of=None,
        known_at=NOW,
        links=(link(),),
        gaps=(),
        findings=(),
    )
    sent = valid("path", PathReply.model_validate(path))

    assert list(sent) == [
        "trace_code", "product", "lot", "expiry", "status", "holder", "owner", "as_of",
        "known_at", "links", "gaps", "findings",
    ]  # fmt: skip
    assert {"kind", "reason", "event_id", "event_time", "record_time", "actor", "from", "to",
            "document", "via", "voided", "findings"} <= sent["links"][0].keys()  # fmt: skip
    assert (sent["links"][0]["from"], sent["links"][0]["to"]) == ("A", "B")


def test_page():
    """A page is made of a tuple of values and the cursor of the next."""
    page = CapturePage.model_validate(SimpleNamespace(items=(), next_cursor="abc"))

    assert orjson.loads(page.model_dump_json()) == {"items": [], "next_cursor": "abc"}


def test_schemas_in_the_repository(request):
    """The schemas that are checked in are those of the models."""
    assert schemas.differences(request.config.rootpath / "schemas") == []


@pytest.mark.parametrize("name", sorted(schemas.documents()))
def test_schemas_are_schemas(name):
    """Every schema is one."""
    Draft202012Validator.check_schema(orjson.loads(schemas.documents()[name]))


def test_writing_and_checking(tmp_path, capsys):
    """Writing makes the directory right; checking names what is not, and changes nothing."""
    directory = ["--directory", str(tmp_path)]
    assert schemas.main([*directory, "--check"]) == 1
    (tmp_path / "old.schema.json").write_text("{}")

    assert schemas.main(directory) == 0
    assert schemas.main([*directory, "--check"]) == 0
    assert not (tmp_path / "old.schema.json").exists()
    (tmp_path / "path.schema.json").write_text("{}")
    capsys.readouterr()
    assert schemas.main([*directory, "--check"]) == 1
    assert "path.schema.json" in capsys.readouterr().err


def test_capture_schema_takes_an_upload():
    """The native schema takes what the decoder takes and refuses unknown fields."""
    schema = Draft202012Validator(orjson.loads(schemas.documents()["capture.schema.json"]))
    event = {
        "kind": "dispense",
        "event_time": "2026-02-04T09:00:00+08:00",
        "from": "A",
        "codes": [],
    }

    assert schema.is_valid({"events": [event]})
    assert not schema.is_valid({"events": [{**event, "colour": "red"}]})
