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


@given(st.lists(nearly_events, min_size=2, max_size=4), st.data())
def test_events_do_not_depend_on_each_other(events, data):
    """An event means the same alone and after others, of which some say nearly the same."""
    again = data.draw(st.sampled_from(events))
    fresh = data.draw(st.fixed_dictionaries({"event_time": st.just("2026-02-04T08:30:00-05:00")}))
    events = [*events, {**again, **fresh}, {**again, "attributes": {"n": 1}}, again]
    together = attempt(json.dumps(events).encode(), "json")
    found = {scanned.ordinal: scanned.event.digest for scanned in together.events}
    alone = {}
    for ordinal, event in enumerate(events):
        for scanned in attempt(json.dumps([event]).encode(), "json").events:
            alone[ordinal] = scanned.event.digest

    assert found == alone


values = st.text("Ab1 '/>=&\t张\x7f", max_size=4)
attributes = st.dictionaries(
    st.sampled_from(["CorpOrderID", "actDate", "ACTOR", "ToCorpID", "corpbatchno", "x.y", "CODE"]),
    values | st.sampled_from(["CK1", "2026-01-05", "2026-01-06 08:00:00"]),
    max_size=4,
)
xml_rows = st.builds(
    lambda code, rest, shape, after: (shape % (code, rest)) + after,
    cn20 | values,
    attributes.map(lambda found: " ".join(f'{name}="{text}"' for name, text in found.items())),
    st.sampled_from(
        ['<Data Code="%s" %s/>'] * 6
        + ['<data code="%s"  %s />', '<Data\n Code="%s" %s></Data>', "<Data Code='%s' %s/>"]
        + ['<Data x="%s" %s/>', '<ns:Data Code="%s" %s/>']
    ),
    st.sampled_from(["\n"] * 6 + ["", "\r\n", "text", "</Event><Event Name='SalesWareHouseOut'>"]),
)


@given(st.lists(xml_rows, min_size=1, max_size=8))
def test_rows_of_xml_however_they_are_read(rows):
    """Rows taken out of the text and rows read by the parser, as a comment makes it, say the same."""
    bill = f'<Document>\n<Event Name="SalesWareHouseOut">\n{"".join(rows)}</Event>\n</Document>'
    quick, plain = (
        attempt(bill.encode(), "bill-xml"),
        attempt(f"{bill}<!---->".encode(), "bill-xml"),
    )

    assert (quick is None) == (plain is None)
    if quick is not None:
        assert (quick.events, quick.rejections) == (plain.events, plain.rejections)
