"""Native JSON: what an event needs, what it defaults to, and how its faults are told."""

import json
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.domain.ids import event_id_of
from tracesvc.domain.vocabulary import Kind, Role
from tracesvc.wire.decode import WireLimits
from tracesvc.wire.stored import decode_body, digest_of, voided_event_id, with_voids

CODE, OTHER, CASE = "84103910003280448792", "84103910003280455902", "84103920003280320118"
UPLOADER = "91140105MA00020043"
SALE = {
    "kind": "ship",
    "reason": "sale",
    "event_time": "2026-02-03T08:30:00+08:00",
    "to": "91140106MA00030046",
    "document": {"number": "CK0004-1"},
    "codes": [CODE],
}


def faults(decoded):
    return [(fault.error_code, fault.pointer) for fault in decoded.rejections]


def test_event(read):
    """A shipment becomes an event with its defaults, ids, digest and bill type."""
    (scanned,) = read({"events": [SALE]}).events
    event = scanned.event

    assert event.kind is Kind.SHIP
    assert (event.reason, event.bill_type) == ("sale", 201)
    assert (event.actor, event.from_party, event.to_party) == (UPLOADER, UPLOADER, SALE["to"])
    assert event.event_time == datetime(2026, 2, 3, 0, 30, tzinfo=UTC)
    assert event.event_offset_min == 480
    assert (event.document_number, event.document_part) == ("CK0004-1", None)
    assert event.digest == digest_of(scanned.body)
    assert (scanned.codes, scanned.code_role, event.scan_count) == ((CODE,), Role.OBJECT, 1)


def test_equal_is_not_alike(read):
    """Events are told apart by attributes that Python takes for equal and JSON does not."""
    events = [{**SALE, "attributes": {"cold": cold}} for cold in (1, True, 1.0, 1)]
    first, second, third, again = (scanned.body for scanned in read(events).events)

    assert len({first, second, third}) == 3
    assert first == again


def test_ids_follow_ordinals(read):
    """The id of an event is made of its capture and its place there, rejected ones counted."""
    decoded = read([SALE, {**SALE, "kind": "nonsense"}, {**SALE, "codes": [OTHER]}])

    assert [scanned.ordinal for scanned in decoded.events] == [0, 2]
    for scanned in decoded.events:
        capture_id = UUID(int=scanned.event.event_id.int - scanned.ordinal - 1)
        assert capture_id.int % 2**20 == 0
        assert scanned.event.event_id == event_id_of(capture_id, scanned.ordinal)


@pytest.mark.parametrize(
    ("upload", "pointer"),
    [
        ({"events": [{**SALE, "codes": ["x"]}]}, "/events/0/codes/0"),
        ([{**SALE, "codes": ["x"]}], "/0/codes/0"),
        ({**SALE, "codes": ["x"]}, "/codes/0"),
    ],
)
def test_three_shapes(read, upload, pointer):
    """A group, a list or a single event are read; pointers point into what was sent."""
    assert faults(read(upload)) == [("unsupported_code", pointer)]


def test_same_fact_same_digest(read):
    """Scan order, spelling, zone, blanks and what goes without saying do not change the identity."""
    first = {**SALE, "codes": [CODE, OTHER]}
    second = {
        **SALE,
        "codes": [f" {OTHER}", CODE],
        "event_time": "2026-02-03 08:30:00",
        "from": UPLOADER,
        "actor": UPLOADER,
        "lot": "",
        "owner": None,
    }
    third = {k: v for k, v in first.items() if k not in {"kind", "reason"}} | {"bill_type": 201}

    digests = {read(event).events[0].event.digest for event in (first, second, third)}

    assert len(digests) == 1


def test_body_keeps_what_was_scanned(read):
    """Other spellings, repetitions and guesses are in the body; codes keep their scan order outside."""
    raw = "010950400005910121ABC123\x1d10L1"
    guessed = "010950400005910121XYZ91727123110L1"
    (scanned,) = read({**SALE, "codes": [raw, CODE, CODE, guessed]}).events
    body = decode_body(scanned.body)
    pack, other = "(01)09504000059101(21)ABC123", "(01)09504000059101(21)XYZ9"

    assert scanned.codes == (pack, CODE, other)
    assert body.codes == tuple(sorted(scanned.codes))
    assert body.repeated == scanned.repeated == (CODE,)
    assert body.raw == {pack: raw, other: guessed}
    assert body.inferred == (other,)


def test_bad_codes_leave_the_others(read):
    """A bad code is a rejection; the event stands on the others."""
    decoded = read({"events": [{**SALE, "codes": [CODE, "6901234567892", OTHER, " "]}]})

    assert decoded.events[0].codes == (CODE, OTHER)
    assert faults(decoded) == [
        ("product_barcode", "/events/0/codes/1"),
        ("empty", "/events/0/codes/3"),
    ]
    assert decoded.rejections[0].raw == "6901234567892"
    assert [fault.ordinal for fault in decoded.rejections] == [0, 1]


def test_codes_sent_as_numbers(read):
    """Numbers have lost digits or will; the texts beside them are kept, at their places."""
    payload = (
        b'{"kind":"destroy","event_time":"2026-02-03","codes":[84103910003280448792,"%s","x"]}'
    )
    decoded = read(payload % CODE.encode())

    assert decoded.events[0].codes == (CODE,)
    assert faults(decoded) == [("code_not_text", "/codes/0"), ("unsupported_code", "/codes/2")]
    assert decoded.rejections[0].raw == "84103910003280448792"


@pytest.mark.parametrize(
    ("change", "error_code", "pointer"),
    [
        ({"kind": None}, "no_kind", "/kind"),
        ({"kind": "sell"}, "unknown_kind", "/kind"),
        ({"bill_type": 105, "kind": None}, "unknown_bill_type", "/bill_type"),
        ({"bill_type": 102}, "bill_type_mismatch", "/bill_type"),
        ({"bill_type": "x"}, "bad_number", "/bill_type"),
        ({"event_time": "yesterday"}, "bad_time", "/event_time"),
        ({"event_time": "2026-02-30T00:00:00Z"}, "bad_time", "/event_time"),
        ({"event_time": "0001-01-01T00:00:00+08:00"}, "bad_time", "/event_time"),
        ({"event_time": 1770000000}, "bad_value", "/event_time"),
        ({"expiry": "2027-13"}, "bad_date", "/expiry"),
        ({"made_on": "2026-02-30"}, "bad_date", "/made_on"),
        ({"codes": []}, "no_codes", "/codes"),
        ({"codes": "x"}, "bad_value", "/codes"),
        ({"to": ""}, "no_counterparty", "/to"),
        ({"parent": CASE}, "field_not_for_kind", "/parent"),
        ({"voids": "x"}, "field_not_for_kind", "/voids"),
        ({"portion": "1/2"}, "field_not_for_kind", "/portion"),
        ({"kind": "pack", "reason": None}, "no_parent", "/parent"),
        ({"kind": "pack", "parent": CODE, "reason": None}, "parent_in_codes", "/parent"),
        ({"kind": "pack", "parent": "x", "reason": None}, "unsupported_code", "/parent"),
        ({"kind": "void", "codes": []}, "no_voids", "/voids"),
        ({"kind": "void", "voids": "ab" * 32}, "codes_not_expected", "/codes"),
        ({"kind": "void", "voids": "abc", "codes": []}, "bad_voids", "/voids"),
        ({"kind": "relabel"}, "replacements_mismatch", "/replacements"),
        ({"kind": "dispense_partial", "portion": "13/12"}, "bad_portion", "/portion"),
        ({"kind": "dispense_partial", "portion": {"n": 1}}, "bad_portion", "/portion"),
        ({"colour": "red"}, "unknown_field", "/colour"),
        ({"document": {"no": "1"}}, "missing_field", "/document/number"),
        ({"lot": "A\x00B"}, "bad_text", "/lot"),
        ({"document": {"number": "A\tB"}}, "bad_text", "/document"),
        ({"location": "x" * 201}, "text_too_long", "/location"),
        ({"declared_count": -1}, "bad_number", "/declared_count"),
        ({"attributes": {"n": "\x00"}}, "bad_attributes", "/attributes"),
        ({"attributes": {"voids_event_id": "x"}}, "bad_attributes", "/attributes"),
        ({"attributes": {"x": "y" * 20_000}}, "attributes_too_large", "/attributes"),
    ],
)
def test_rejected_events(read, change, error_code, pointer):
    """What an event lacks or contradicts is told by code and pointer, and it does not enter."""
    decoded = read({**SALE, **change})

    assert decoded.events == []
    assert (error_code, pointer) in faults(decoded)


def test_huge_integer_attribute(read):
    """An integer that no reader can be trusted with is refused, not rounded."""
    payload = b'{"kind":"destroy","event_time":"2026-02-03","codes":["%s"],"attributes":{"n":%d}}'

    assert faults(read(payload % (CODE.encode(), 2**70))) == [("bad_attributes", "/attributes")]


@pytest.mark.parametrize("event", [5, None, "text", []])
def test_events_that_are_none(read, event):
    """A list item that is no object is a rejection of its own."""
    decoded = read({"events": [event, SALE]})

    assert [scanned.ordinal for scanned in decoded.events] == [1]
    assert faults(decoded) == [("bad_event", "/events/0")]


def test_unknown_field_of_the_capture(read):
    """An unknown field beside the events is told and does not hinder them."""
    decoded = read({"events": [SALE], "batch": 1})

    assert len(decoded.events) == 1
    assert faults(decoded) == [("unknown_field", "/batch")]
    assert decoded.rejections[0].event_ordinal is None


@pytest.mark.parametrize("reason", ["rework", "production", "other"])
def test_shipments_to_nobody(read, reason):
    """Goods leave stock to rework, production and the like without a receiver."""
    event = {**SALE, "reason": reason, "to": None}

    assert read(event).events[0].event.to_party is None


def test_void_by_digest_and_by_id(read):
    """A void by event id becomes, once resolved, exactly what a void by digest is."""
    void = {"kind": "void", "event_time": "2026-02-03", "reason": "did_not_occur"}
    digest = bytes(range(32))
    by_digest = read({**void, "voids": digest.hex().upper()}).events[0]
    by_id = read({**void, "voids": "01981234-5678-7abc-8def-0123456789ab"}).events[0]

    assert by_digest.event.voids == digest
    assert voided_event_id(by_digest) is None
    assert by_id.event.voids is None
    assert voided_event_id(by_id) == "01981234-5678-7abc-8def-0123456789ab"
    assert with_voids(by_id, digest) == by_digest


def test_relabel(read):
    """Old and new codes stay side by side, also sorted in the body; bad pairs are left out."""
    event = {
        "kind": "relabel",
        "event_time": "2026-02-03",
        "codes": [OTHER, CODE, "x", OTHER],
        "replacements": ["84103910000000000001", "84103910000000000002", CASE, CASE],
    }
    decoded = read(event)
    (scanned,) = decoded.events
    body = decode_body(scanned.body)

    assert scanned.codes == (OTHER, CODE)
    assert scanned.replacements == ("84103910000000000001", "84103910000000000002")
    assert dict(zip(body.codes, body.replacements, strict=True)) == dict(
        zip(scanned.codes, scanned.replacements, strict=True)
    )
    assert faults(decoded) == [
        ("unsupported_code", "/codes/2"),
        ("repeated_in_relabel", "/codes/3"),
    ]


@pytest.mark.parametrize("portion", ["1/12", [1, 12], {"numerator": 1, "denominator": 12}])
def test_portions(read, portion):
    """A portion may be written in three ways and means one thing."""
    event = {"kind": "dispense_partial", "event_time": "2026-02-03", "codes": [CODE]}

    assert read({**event, "portion": portion}).events[0].event.portion == (1, 12)


def test_dates(read):
    """An expiry that names a month means its last day."""
    (scanned,) = read({**SALE, "expiry": "2028-02", "made_on": "20260105"}).events

    assert (scanned.event.expiry, scanned.event.made_on) == (date(2028, 2, 29), date(2026, 1, 5))


def test_other_offsets_are_kept(read):
    """An offset other than Chinese time is part of what was reported."""
    (scanned,) = read({**SALE, "event_time": "2026-02-03T00:30:00Z"}).events

    assert scanned.event.event_offset_min == 0
    assert b'"event_offset_min":0' in scanned.body


def test_declared_count_of_zero(read):
    """Zero declared is something else than nothing declared."""
    assert read({**SALE, "declared_count": 0}).events[0].event.declared_count == 0


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (WireLimits(events_per_capture_max=2), "events_per_capture_max"),
        (WireLimits(codes_per_event_max=1), "codes_per_event_max"),
        (WireLimits(codes_per_capture_max=5), "codes_per_capture_max"),
        (WireLimits(body_bytes_max=10), "body_bytes_max"),
    ],
)
def test_limits(read, limits, name):
    """Each limit is enforced and named, whether the upload is otherwise good or not."""
    events = [{**SALE, "codes": [CODE, OTHER]}] * 3

    for upload in (events, [*events, {"bad": 1}]):
        with pytest.raises(TooLarge) as caught:
            read(upload, limits=limits)
        assert caught.value.extra["limit"] == name


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "json_broken"),
        (b'{"events": 5}', "json_shape"),
        (b"5", "json_shape"),
        (b'{"events": []}', "upload_empty"),
        (b"", "upload_empty"),
        (b"[" * 100_000, "json_broken"),
        (b'{"kind": "\\ud800"}', "json_broken"),
    ],
)
def test_unreadable(read, payload, reason):
    """What is no JSON of events is refused as a whole, with the reason."""
    with pytest.raises(Unreadable) as caught:
        read(payload, form="json")

    assert caught.value.extra["reason"] == reason


def test_json_in_gbk(read):
    """JSON in the encoding of old systems is read too."""
    event = {"kind": "destroy", "event_time": "2026-02-03", "location": "仓库", "codes": [CODE]}
    payload = json.dumps(event, ensure_ascii=False)

    assert read(payload.encode("gbk")).events[0].event.location == "仓库"
