"""The wire: nothing that anybody sends crashes it, and identity does not depend on how it was sent."""

import json
from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.domain.ids import new_capture_id
from tracesvc.wire.decode import FORMATS, DecodeContext, WireLimits, decode
from tracesvc.wire.stored import decode_body, digest_of

LIMITS = WireLimits(unpacked_bytes_max=1_000_000)
CONTEXT = DecodeContext(
    capture_id=new_capture_id(1_772_366_400_000, b"capture"),
    record_time=datetime(2026, 3, 1, tzinfo=UTC),
    party_id="P",
    params={"event_time": "2026-02-03", "kind": "receive"},
)
FIELDS = [
    "kind", "reason", "bill_type", "event_time", "actor", "from", "to", "owner", "document",
    "product", "lot", "made_on", "expiry", "parent", "declared_count", "codes", "replacements",
    "portion", "voids", "attributes", "other",
]  # fmt: skip
cn20 = st.text("0123456789", min_size=19, max_size=19).map(lambda tail: f"8{tail}")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
nearly_events = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(
            ["ship", "receive", "pack", "void", "relabel", "dispense_partial"]
        ),
        "event_time": st.sampled_from(["2026-02-03", "2026-02-03T00:00:00Z", "x"]) | anything,
        "codes": st.lists(cn20 | anything, max_size=4),
        "replacements": st.lists(cn20, max_size=4),
        "to": st.text(max_size=5),
        "voids": st.text("0123456789abcdef", min_size=64, max_size=64) | st.uuids().map(str),
        "attributes": anything,
        "lot": st.text(max_size=5),
        "document": anything | st.just({"number": "1"}),
        "parent": cn20,
        "portion": anything,
    },
)


def attempt(payload, form):
    """Decode; None where the upload as a whole is refused in the agreed way."""
    try:
        return decode(payload, format=form, context=CONTEXT, limits=LIMITS)
    except (Unreadable, TooLarge):
        return None


@given(st.binary(max_size=200), st.sampled_from([None, *FORMATS]))
def test_any_bytes(payload, form):
    """Arbitrary bytes are decoded, rejected or refused; nothing else is raised."""
    attempt(payload, form)


@given(
    st.text('<>/="&;!DOCTYPEventRlaiobchNm\n ', max_size=120)
    | st.text("$#,\n8\x1d01追溯码", max_size=80),
    st.sampled_from([None, *FORMATS]),
)
def test_any_text(text, form):
    """Texts that look a little like our formats do not crash the decoder either."""
    for encoding in ("utf-8", "gb18030", "utf-16"):
        attempt(text.encode(encoding), form)


@given(st.lists(nearly_events | st.dictionaries(st.sampled_from(FIELDS), anything), max_size=4))
def test_any_json(events):
    """Events of any content give events or rejections, and what is stored is sound."""
    decoded = attempt(json.dumps(events).encode(), "json")
    if decoded is None:
        return
    ordinals = {scanned.ordinal for scanned in decoded.events}

    assert len(ordinals) == len(decoded.events)
    # Each event is there or explained: nothing is lost.
    assert ordinals | {fault.event_ordinal for fault in decoded.rejections} >= set(
        range(len(events))
    )
    assert [fault.ordinal for fault in decoded.rejections] == list(range(len(decoded.rejections)))
    for scanned in decoded.events:
        body = decode_body(scanned.body)
        assert digest_of(scanned.body) == scanned.event.digest
        assert sorted(body.codes) == sorted(scanned.codes)
        assert set(body.replacements) == set(scanned.replacements)
        assert (
            orjson.dumps(orjson.loads(scanned.body), option=orjson.OPT_SORT_KEYS) == scanned.body
        )
    for fault in decoded.rejections:
        assert "\x00" not in fault.raw


@given(st.lists(cn20, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_scan_order_is_no_part_of_identity(codes, random):
    """The same codes in any order are the same fact, and in any wrapping of the upload."""
    shuffled = list(codes)
    random.shuffle(shuffled)
    event = {"kind": "receive", "event_time": "2026-02-03", "document": {"number": "1"}}
    first, second = (
        decode(orjson.dumps(upload), format=None, context=CONTEXT, limits=LIMITS).events[0]
        for upload in ({**event, "codes": codes}, {"events": [{**event, "codes": shuffled}]})
    )

    assert first.event.digest == second.event.digest
    assert set(first.codes) == set(second.codes) == set(codes)
    assert list(first.codes) == list(dict.fromkeys(codes))


@given(st.lists(cn20, min_size=1, max_size=5, unique=True))
def test_formats_agree(codes):
    """The same receipt as JSON, CSV and scanner text is the same fact."""
    params = {"kind": "receive", "reason": "purchase", "event_time": "2026-02-03T09:00:00+08:00"}
    context = DecodeContext(
        capture_id=CONTEXT.capture_id,
        record_time=CONTEXT.record_time,
        party_id="P",
        params=params,
    )
    event = {**params, "from": "S", "document": {"number": "1"}, "codes": codes}
    csv = "追溯码,单号,供应商\n" + "".join(f"{text},1,S\n" for text in codes)
    txt = "$S,1\n" + "".join(f"{text}\n" for text in codes) + "#\n"
    rows = "".join(
        f'<Data Code="{text}" CorpOrderID="1" FromCorpID="S" ActDate="2026-02-03 09:00:00"/>'
        for text in codes
    )
    xml = f'<Document><Event Name="PurchaseWareHouseIn">{rows}</Event></Document>'
    digests = {
        scanned.event.digest
        for payload in (orjson.dumps(event), csv.encode("gbk"), txt.encode(), xml.encode())
        for scanned in decode(payload, format=None, context=context, limits=LIMITS).events
    }

    assert len(digests) == 1
