"""Files of trade systems: bill XML, relation XML, scanner text and CSV."""

import json
from datetime import UTC, date, datetime

import pytest

from tracesvc.domain.errors import TooLarge, Unreadable
from tracesvc.domain.vocabulary import Kind
from tracesvc.wire.decode import WireLimits, guess_format

CODE, OTHER, CASE = "84103910003280448792", "84103910003280455902", "84103920003280320118"
SELLER, BUYER = "91140105MA00020043", "91140106MA00030046"
AT = "2026-02-03T17:00:00+08:00"


def faults(decoded):
    return [(fault.error_code, fault.pointer, fault.line) for fault in decoded.rejections]


def bill(rows, *, name="SalesWareHouseOut", head='<?xml version="1.0" encoding="utf-8"?>'):
    return (
        f'{head}\n<Document SN="1"><Events><Event Name="{name}" MainAction="x"><DataField>\n'
        + "\n".join(rows)
        + "</DataField></Event></Events></Document>"
    )


def row(code=CODE, **attributes):
    given = {
        "CorpOrderID": "CK1",
        "Actor": "张三",
        "ActDate": "2026-02-03 08:30:00",
        "ToCorpID": BUYER,
    } | attributes
    return f'<Data Code="{code}" ' + " ".join(f'{k}="{v}"' for k, v in given.items()) + "/>"


def test_bill(read):
    """Rows of one bill are one event; a time without zone is Chinese time."""
    decoded = read(bill([row(), row(OTHER)]))
    (scanned,) = decoded.events
    event = scanned.event

    assert decoded.format == "bill-xml"
    assert (event.kind, event.reason, event.bill_type) == (Kind.SHIP, "sale", 201)
    assert (event.actor, event.from_party, event.to_party) == (SELLER, SELLER, BUYER)
    assert event.event_time == datetime(2026, 2, 3, 0, 30, tzinfo=UTC)
    assert event.document_number == "CK1"
    assert scanned.codes == (CODE, OTHER)
    assert scanned.attributes == {"operators": ["张三"]}


def test_several_bills_in_one_file(read):
    """Rows are grouped by document, parties, product and lot, in order of first appearance."""
    rows = [
        row(CorpOrderID="CK1", CorpBatchNo="A"),
        row(OTHER, CorpOrderID="CK2"),
        row(CASE, CorpOrderID="CK1", CorpBatchNo="B"),
    ]
    events = [scanned.event for scanned in read(bill(rows)).events]

    assert [(e.document_number, e.lot) for e in events] == [
        ("CK1", "A"),
        ("CK2", None),
        ("CK1", "B"),
    ]


@pytest.mark.parametrize(
    ("name", "instant"), [("SalesWareHouseOut", 9), ("PurchaseWareHouseIn", 8)]
)
def test_scan_times_within_a_bill(read, name, instant):
    """Goods are there from the first scan of an inbound bill, and gone with the last of an outbound."""
    rows = [row(ActDate="2026-02-03 16:00:00"), row(OTHER, ActDate="2026-02-03 17:00:00")]
    (scanned,) = read(bill(rows, name=name)).events

    assert scanned.event.event_time.hour == instant


def test_receipt_bill(read):
    """The receiver of an inbound bill is its actor, the uploader where none is named."""
    inbound = row(ToCorpID="", FromCorpID=SELLER)
    (scanned,) = read(bill([inbound], name="PurchaseWareHouseIn"), party=BUYER).events
    event = scanned.event

    assert (event.kind, event.bill_type) == (Kind.RECEIVE, 102)
    assert (event.actor, event.from_party, event.to_party) == (BUYER, SELLER, BUYER)


@pytest.mark.parametrize("name", ["DestoryWareHouseOut", "DestroyWareHouseOut"])
def test_official_misspelling(read, name):
    """Destruction is understood in the official wrong spelling and in the right one."""
    (scanned,) = read(bill([row()], name=name)).events

    assert (scanned.event.kind, scanned.event.bill_type) == (Kind.DESTROY, 205)


def test_date_alone_and_lower_case(read):
    """A date without time and attributes in lower case are understood."""
    payload = bill([row(ActDate="2026-02-03")]).replace("Code=", "code=").replace("Act", "act")
    (scanned,) = read(payload.replace("Name=", "name=")).events

    assert scanned.event.event_time == datetime(2026, 2, 2, 16, 0, tzinfo=UTC)


def test_unknown_event_name(read):
    """An event name nobody knows is rejected as a whole bill, never taken for 'other'."""
    decoded = read(bill([row(), row(OTHER)], name="MagicWareHouseOut"))

    assert decoded.events == []
    assert faults(decoded) == [("unknown_bill_type", "/events/0", 3)]


def test_bad_code_in_a_bill(read):
    """A bad code is told with its place and the line of the file."""
    decoded = read(bill([row(), row("6901234567892"), row(OTHER)]))

    assert decoded.events[0].codes == (CODE, OTHER)
    assert faults(decoded) == [("product_barcode", "/events/0/codes/1", 4)]


@pytest.mark.parametrize(
    "unusual",
    [
        "<!-- c -->",
        "<Other/>",
        f"<Data Code='{CASE}' CorpOrderID='CK2' ToCorpID='X'/>",
        '<Data Code="&#56;" CorpOrderID="CK2" ToCorpID="X"/>',
        f'<Data CorpOrderID="CK2" Code="{CASE}" ToCorpID="X"/>',
    ],
)
def test_lines_in_a_bill_with_anything_unusual(read, unusual):
    """Rows keep their bill, order and line, whatever stands between them."""
    decoded = read(bill([row(), row("1"), unusual, row(OTHER), row("2")]))

    assert decoded.events[0].codes == (CODE, OTHER)
    places = [place for place in faults(decoded) if place[1].startswith("/events/0")]
    assert places == [
        ("bad_length", "/events/0/codes/1", 4),
        ("bad_length", "/events/0/codes/3", 7),
    ]


@pytest.mark.parametrize("broken", ['Code="1"', "&nbsp;", "<", "\x01"])
def test_broken_rows(read, broken):
    """What is not well formed in one row makes the file unreadable, and the parser says where."""
    with pytest.raises(Unreadable, match="line 4") as caught:
        read(bill([row(), row(CorpBatchNo="A").replace('"A"', f'"A{broken}"'), row(OTHER)]))

    assert caught.value.extra["reason"] == "xml_broken"


@pytest.mark.parametrize("encoding", ["gbk", "gb2312", "GB18030", "utf-8", "utf-16"])
def test_bill_encodings(read, encoding):
    """A bill is read in the encoding it declares, with or without a mark."""
    payload = bill([row()], head=f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)

    assert read(payload).events[0].attributes == {"operators": ["张三"]}
    assert read(bill([row()]).encode("utf-8-sig")).events[0].codes == (CODE,)


def test_undeclared_gbk(read):
    """A file that says nothing, or says UTF-8 and is GBK, is read all the same."""
    payload = bill([row(Actor="复方测试片")]).encode("gbk")

    assert read(payload).events[0].attributes == {"operators": ["复方测试片"]}


def test_parameters_fill_what_a_bill_lacks(read):
    """Parameters complete a bill and never overrule it."""
    rows = [row(ToCorpID="", ActDate="", CorpOrderID="CK9")]
    params = {"to": BUYER, "event_time": AT, "document": "X", "part": "2", "kind": "receive"}
    (scanned,) = read(bill(rows), params=params).events
    event = scanned.event

    assert (event.kind, event.to_party) == (Kind.SHIP, BUYER)
    assert event.event_time == datetime(2026, 2, 3, 9, 0, tzinfo=UTC)
    assert (event.document_number, event.document_part) == ("CK9", "2")


RELATION = f"""<Document License=""><Events Version="3.0"><Event Name="RelationCreate">
<Relation productCode="8410391" cascade="1:2:4">
<Batch batchNo="A" madeDate="2026-01-05" validateDate="2027-12-31">
<Code curCode="84103930000000000001" packLayer="3" parentCode="" flag="0"/>
<Code curCode="{CASE}" packLayer="2" parentCode="84103930000000000001" flag="0"/>
<Code curCode="84103920000000000002" packLayer="2" parentCode="84103930000000000001" flag="2"/>
<Code curCode="{CODE}" packLayer="1" parentCode="{CASE}" flag="0"/>
<Code curCode="{OTHER}" packLayer="1" parentCode="{CASE}" flag="0"/>
<Code curCode="84103910000000000003" packLayer="1" parentCode="84103920000000000002" flag="0"/>
</Batch></Relation></Event></Events></Document>"""


def test_relation(read):
    """A lot is activated level by level with its dates, then packed parent by parent."""
    decoded = read(RELATION, params={"event_time": AT})
    activated = [s for s in decoded.events if s.event.kind is Kind.ACTIVATE]
    packed = {s.event.parent: s for s in decoded.events if s.event.kind is Kind.PACK}

    assert decoded.format == "relation-xml"
    assert [(s.attributes["package_level"], len(s.codes)) for s in activated] == [
        (1, 3),
        (2, 2),
        (3, 1),
    ]
    assert {(s.event.product, s.event.lot, s.event.expiry) for s in activated} == {
        ("8410391", "A", date(2027, 12, 31))
    }
    assert packed[CASE].codes == (CODE, OTHER)
    assert {parent: s.event.declared_count for parent, s in packed.items()} == {
        "84103930000000000001": 2,
        CASE: 2,
        "84103920000000000002": None,
    }


def test_relation_without_time(read):
    """Without a parameter the relation happened when it was recorded."""
    times = {scanned.event.event_time for scanned in read(RELATION).events}

    assert times == {datetime(2026, 3, 1, 12, 0, tzinfo=UTC)}


def test_large_relation_is_split(read):
    """A level with more codes than one event may hold becomes several events."""
    decoded = read(RELATION, limits=WireLimits(codes_per_event_max=2))

    assert [len(s.codes) for s in decoded.events if s.event.kind is Kind.ACTIVATE] == [2, 1, 2, 1]


def test_mixed_case_over_two_batches(read):
    """A case with units of two lots is packed once, and declares no count."""
    second = (
        '<Batch batchNo="B"><Code curCode="84103910000000000009" packLayer="1" '
        f'parentCode="{CASE}" flag="0"/></Batch></Relation>'
    )
    payload = RELATION.replace("</Relation>", second).replace(
        f'{CASE}" packLayer="2" parentCode="84103930000000000001" flag="0"',
        f'{CASE}" packLayer="2" parentCode="84103930000000000001" flag="1"',
    )
    decoded = read(payload)
    (packed,) = [s for s in decoded.events if s.event.parent == CASE]

    assert packed.codes == (CODE, OTHER, "84103910000000000009")
    assert packed.event.declared_count is None


RECEIPT = {"kind": "receive", "reason": "purchase", "event_time": AT}


def test_scanner_text(read):
    """A block is a receipt from its party; lots are told apart; blanks are of no account."""
    payload = f"${SELLER},RK1\n {CODE}\t,药,A,2026-01-05\r\n{OTHER},药,B,2026-01-05\n\n#\n"
    decoded = read(payload, party=BUYER, params=RECEIPT)
    events = [scanned.event for scanned in decoded.events]

    assert decoded.format == "scanner-txt"
    assert [(e.lot, e.made_on, e.from_party, e.to_party) for e in events] == [
        ("A", date(2026, 1, 5), SELLER, BUYER),
        ("B", date(2026, 1, 5), SELLER, BUYER),
    ]
    assert {e.document_number for e in events} == {"RK1"}


def test_scanner_text_of_a_shipment(read):
    """For a shipment the party of the block is whom goods go to; several blocks are several bills."""
    payload = f"${BUYER}，CK1\n{CODE}\n#\n$X,CK2\n{OTHER}\n#".encode("gbk")
    decoded = read(payload, params={"bill_type": "201", "event_time": AT})

    assert [(s.event.to_party, s.event.document_number) for s in decoded.events] == [
        (BUYER, "CK1"),
        ("X", "CK2"),
    ]


def test_scanner_text_without_kind_or_end(read):
    """A file without kind, with a stray line or without its end is told so, line by line."""
    no_kind = read(f"$X,1\n{CODE}\n#", params={"event_time": AT})
    cut_off = read(f"stray\n$X,1\n{CODE}\nbad\n", form="scanner-txt", params=RECEIPT)

    assert faults(no_kind) == [("no_kind", "/events/0/kind", 1)]
    assert faults(cut_off) == [
        ("line_outside_block", "", 1),
        ("unsupported_code", "/events/0/codes/1", 4),
        ("no_end_line", "", 2),
    ]
    assert len(cut_off.events) == 1


def test_gs1_scans_in_scanner_text(read):
    """The group separators inside a GS1 scan are not line ends."""
    payload = f"$X,1\n010950400005910121ABC\x1d10L1\n{CODE}\n#"

    assert read(payload, params=RECEIPT).events[0].codes == ("(01)09504000059101(21)ABC", CODE)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("追溯码,单据类型,单据号,时间,收货单位,批号", f"{CODE},201,CK1,2026/2/3 8:30,{BUYER},A"),
        ("追溯码;单据类型;单号;时间;去向;批号", f"{CODE};销售出库;CK1;2026-02-03 08:30;{BUYER};A"),
        (
            "Trace Code\tKind\tReason\tDocument\tEvent Time\tTo\tLot No",
            f"{CODE}\tship\tsale\tCK1\t2026-02-03T08:30:00+08:00\t{BUYER}\tA",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_csv(read, header, line, encoding):
    """Headers in both languages, four delimiters and the usual encodings are understood."""
    decoded = read(f"{header}\r\n{line}\r\n".encode(encoding))
    (scanned,) = decoded.events
    event = scanned.event

    assert decoded.format == "csv"
    assert (event.kind, event.bill_type, event.to_party) == (Kind.SHIP, 201, BUYER)
    assert (event.document_number, event.lot) == ("CK1", "A")
    assert event.event_time == datetime(2026, 2, 3, 0, 30, tzinfo=UTC)


def test_csv_groups(read):
    """Rows that agree are one event; empty rows and foreign columns do not matter."""
    payload = f"code,document,remark\n{CODE},1,\n\n{OTHER},2,x\n{CASE},1,y\n6901234567892,1,\n"
    decoded = read(payload, params={**RECEIPT, "from": SELLER})

    assert [(s.event.document_number, s.codes) for s in decoded.events] == [
        ("1", (CODE, CASE)),
        ("2", (OTHER,)),
    ]
    assert faults(decoded) == [("product_barcode", "/events/0/codes/2", 6)]


def test_csv_kinds_and_numbers_that_are_unknown(read):
    """Words and numbers of the type column that nobody knows are rejected."""
    decoded = read(f"code,type,time,to\n{CODE},105,{AT},X\n{OTHER},magic,{AT},X\n")

    assert [fault.error_code for fault in decoded.rejections] == [
        "unknown_bill_type",
        "unknown_kind",
    ]


def test_csv_ruined_by_a_spreadsheet(read):
    """Codes rounded to fifteen digits are recognised when a table is full of them."""
    ruined = [f"8410391000{n:05d}00000" for n in range(1, 4)]
    table = "code\n" + "\n".join([CODE, *ruined])
    one = f"code\n{CODE}\n{ruined[0]}\n"

    assert [f.error_code for f in read(table, params=RECEIPT).rejections] == [
        "scientific_notation"
    ] * 3
    assert read(one, params=RECEIPT).rejections == []


@pytest.mark.parametrize(
    ("payload", "form", "reason"),
    [
        ("name,lot\nx,y\n", "csv", "csv_without_header"),
        ("hello", None, "format_unknown"),
        ("hello", "scanner-txt", "txt_without_header"),
        ("hello", "xlsx", "format_unknown"),
        ("<a/>", "bill-xml", "xml_unexpected_root"),
        ("<Document/>", "relation-xml", "xml_unexpected_root"),
        ("<Document/>", "bill-xml", "upload_empty"),
        ("<Document>", None, "xml_broken"),
        (b"\x81\x00\xff\xff", None, "encoding_unknown"),
    ],
)
def test_unreadable(read, payload, form, reason):
    """A file that is not what it should be is refused with the reason."""
    with pytest.raises(Unreadable) as caught:
        read(payload, form=form)

    assert caught.value.extra["reason"] == reason


@pytest.mark.parametrize("event", ["many", "codes"])
def test_limits_of_files(read, event):
    """Files are bound by the same limits as JSON."""
    rows = [row(f"8410391000328{n:07d}", CorpOrderID=str(n)) for n in range(5)]
    limits = (
        WireLimits(events_per_capture_max=3)
        if event == "many"
        else WireLimits(codes_per_capture_max=3)
    )

    with pytest.raises(TooLarge):
        read(bill(rows), limits=limits)


@pytest.mark.parametrize("story", ["story-clean", "story-missing-receipt"])
def test_stories(read, corpora, story):
    """Every file of the stories is read without a rejection, its format guessed or given."""
    expected = json.loads((corpora / story / "expected.json").read_text(encoding="utf-8"))

    for upload in expected["uploads"]:
        payload = (corpora / story / upload["file"]).read_bytes()
        given, guessed = (
            read(payload, form=form, party=upload["party"], params=upload.get("params"))
            for form in (upload["format"], None)
        )

        assert given == guessed
        assert given.rejections == []
        assert {scanned.event.actor for scanned in given.events} == {upload["party"]}


def test_guesses():
    """The format is told from the beginning, whatever comes before it."""
    assert guess_format(b" \n[{") == "json"
    assert guess_format("＄供应商,1".encode()) == "scanner-txt"
    assert guess_format(b"<?xml version='1.0'?><Document/>") == "bill-xml"
