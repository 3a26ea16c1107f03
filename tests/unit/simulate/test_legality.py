"""A clean run is lawful: read back by a reader and a ledger that share nothing with the product."""

import base64
import csv
import gzip
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from tracesvc.simulate.plan import demo_plan, evening_plan, province_plan
from tracesvc.simulate.simulation import Simulation

DAY = date(2026, 1, 20)
CHINA = timezone(timedelta(hours=8))
RANKS = ["activate", "relabel", "pack", "ship", "receive", "refuse", "adjust", "unpack"]
BILLS = {
    "ProduceWareHouseIn": ("receive", "production"),
    "PurchaseWareHouseIn": ("receive", "purchase"),
    "ReturnWareHouseIn": ("receive", "return"),
    "AllocateWareHouseIn": ("receive", "transfer"),
    "SalesWareHouseOut": ("ship", "sale"),
    "ReturnWareHouseOut": ("ship", "return"),
    "AllocateWareHouseOut": ("ship", "transfer"),
    "DestoryWareHouseOut": ("destroy", "destruction"),
    "CheckWareHouseOut": ("sample", "inspection"),
    "采购入库": ("receive", "purchase"),
    "退货入库": ("receive", "return"),
    "调拨入库": ("receive", "transfer"),
    "供应入库": ("receive", "supply"),
    "消费者退货入库": ("receive", "consumer_return"),
    "销售出库": ("ship", "sale"),
    "退货出库": ("ship", "return"),
    "供应出库": ("ship", "supply"),
    "销毁出库": ("destroy", "destruction"),
    "抽检出库": ("sample", "inspection"),
    "盘亏出库": ("adjust", "loss"),
    "零售出库": ("dispense", "retail"),
    "医疗机构使用": ("dispense", "medical"),
    "疫苗接种": ("vaccinate", "vaccination"),
}


@dataclass
class Seen:
    """One event as read back from a payload."""

    kind: str
    reason: str
    at: datetime
    actor: str
    codes: list[str]
    sender: str = ""
    receiver: str = ""
    parent: str = ""
    replacements: list[str] = field(default_factory=list)
    portion: Fraction = Fraction(0)
    document: tuple[str, str] | None = None


def key_of(code):
    """Return one text per pack: GS1 spellings without their check digits, other codes as they are."""
    if found := re.fullmatch(r"\(01\)(\d{13})\d\(21\)(\w+)", code):
        return f"{found[1]}/{found[2]}"
    if found := re.fullmatch(r"https://id.gs1.org/01/(\d{13})\d/21/(\w+)", code):
        return f"{found[1]}/{found[2]}"
    if found := re.fullmatch(r"urn:epc:id:sgtin:(\d{7})\.(\d)(\d{5})\.(\w+)", code):
        return f"{found[2]}{found[1]}{found[3]}/{found[4]}"
    if found := re.fullmatch(r"(?:\(00\)|https://id.gs1.org/00/)(\d{17})\d", code):
        return found[1]
    if found := re.fullmatch(r"urn:epc:id:sscc:(\d{7})\.(\d)(\d{9})", code):
        return found[2] + found[1] + found[3]
    assert re.fullmatch(r"8\d{19}", code), code
    return code


def local(text):
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def read(upload):
    return {
        "json": read_json,
        "bill-xml": read_bills,
        "relation-xml": read_relation,
        "scanner-txt": read_txt,
        "csv": read_csv,
    }[upload.format](upload)


def read_json(upload):
    for event in json.loads(upload.payload)["events"]:
        document = event.get("document")
        yield Seen(
            event["kind"],
            event.get("reason", ""),
            local(event["event_time"]),
            upload.party_id,
            [key_of(code) for code in event.get("codes", [])],
            event.get("from", ""),
            event.get("to", ""),
            key_of(event["parent"]) if "parent" in event else "",
            [key_of(code) for code in event.get("replacements", [])],
            Fraction(*event["portion"].values()) if "portion" in event else Fraction(0),
            (document["number"], document.get("part", "")) if document else None,
        )


def unwrapped(payload):
    if not payload.lstrip(b"\xef\xbb\xbf").startswith(b"<"):
        payload = base64.b64decode(payload, validate=True)
    if payload.startswith(b"\x1f\x8b"):
        payload = gzip.decompress(payload)
    if b'encoding="GBK"' in payload[:60]:
        return payload.decode("gbk").replace('encoding="GBK"', 'encoding="utf-8"').encode()
    return payload


def read_bills(upload):
    root = ET.fromstring(unwrapped(upload.payload))  # noqa: S314 - our own file
    for event in root.iter("Event"):
        rows = [row.attrib for row in event.iter("Data")]
        kind, reason = BILLS[event.attrib["Name"]]
        heads = {tuple(sorted((k, v) for k, v in row.items() if k != "Code")) for row in rows}
        assert len(heads) == 1, "every row repeats its bill's header"
        head = rows[0]
        codes = [key_of(row["Code"]) for row in rows]
        document = (head["CorpOrderID"], upload.params.get("part", ""))
        yield Seen(
            kind, reason, local(head["ActDate"]), upload.party_id, codes,
            head.get("FromCorpID", ""), head.get("ToCorpID", ""), document=document,
        )  # fmt: skip


def read_relation(upload):
    relation = ET.fromstring(upload.payload).find(".//Relation")  # noqa: S314 - our own file
    rows = [row.attrib for row in relation.iter("Code")]
    at = local(upload.params["event_time"])
    levels = relation.attrib["cascade"].split(":")
    tops = sum(not row["parentCode"] for row in rows)
    counts = Counter(int(row["packLayer"]) for row in rows)
    assert [counts[len(levels) - n] for n in range(len(levels))] == [tops * int(n) for n in levels]
    codes = [key_of(row["curCode"]) for row in rows]
    yield Seen("activate", "", at, upload.party_id, codes)
    for parent in dict.fromkeys(row["parentCode"] for row in rows if row["parentCode"]):
        inside = [key_of(row["curCode"]) for row in rows if row["parentCode"] == parent]
        yield Seen("pack", "", at, upload.party_id, inside, parent=key_of(parent))


def read_txt(upload):
    head, *rows, end = upload.payload.decode().split("\r\n")[:-1]
    assert end == "#"
    sender, document = head.removeprefix("$").split(",")
    params = upload.params
    yield Seen(
        params["kind"], params["reason"], local(params["event_time"]), upload.party_id,
        [key_of(row.split(",")[0]) for row in rows], sender, upload.party_id,
        document=(document, params.get("part", "")),
    )  # fmt: skip


def read_csv(upload):
    try:
        text = upload.payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = upload.payload.decode("gbk")
    groups = {}
    for row in csv.DictReader(io.StringIO(text)):
        code = row.pop("追溯码")
        groups.setdefault(tuple(row.values()), []).append(key_of(code))
    for (name, at, sender, receiver, number, part), codes in groups.items():
        document = (number, part) if number else None
        yield Seen(
            *BILLS[name], local(at), upload.party_id, codes, sender, receiver, document=document
        )


@dataclass
class Pack:
    """What the checker knows of one code."""

    status: str
    holder: str
    route: tuple[str, str] = ("", "")
    parent: str = ""
    inside: set[str] = field(default_factory=set)
    used: Fraction = Fraction(0)
    last: datetime | None = None


class Checker:
    """Moves every pack with everything in it, and objects to whatever cannot lawfully happen."""

    def __init__(self):
        self.packs = {}

    def take(self, event):
        for code in (*event.codes, *([event.parent] if event.parent else [])):
            pack = self.packs.get(code)
            together = event.kind in {"activate", "pack"}
            if pack is not None and pack.last is not None and not together:
                assert pack.last < event.at, f"{code} {event.kind}: times do not increase"
        getattr(self, event.kind)(event)
        for code in event.codes:
            self.packs[code].last = event.at

    def held(self, code, event, *statuses):
        pack = self.packs[code]
        assert (pack.holder, pack.status) in {(event.actor, s) for s in statuses}, (
            f"{code}: {event.kind} by {event.actor}, but {pack.status} at {pack.holder}"
        )

    def move(self, code, event, status, holder, route=("", "")):
        pack = self.packs[code]
        if pack.parent and pack.parent not in event.codes:
            self.packs[pack.parent].inside.discard(code)
            pack.parent = ""
        self.set(code, status, holder, route)

    def set(self, code, status, holder, route):
        pack = self.packs[code]
        pack.status, pack.holder, pack.route = status, holder, route
        for inner in pack.inside:
            self.set(inner, status, holder, route)

    def activate(self, event):
        for code in event.codes:
            assert code not in self.packs, f"{code} activated twice"
            self.packs[code] = Pack("stock", event.actor)

    def pack(self, event):
        parent = self.packs.setdefault(event.parent, Pack("stock", event.actor))
        for code in event.codes:
            self.held(code, event, "stock")
            assert not self.packs[code].parent, f"{code} stands in two containers"
            self.packs[code].parent = event.parent
            parent.inside.add(code)

    def unpack(self, event):
        self.held(event.parent, event, "stock")
        for code in event.codes:
            assert self.packs[code].parent == event.parent
            self.move(code, event, "stock", event.actor)

    def ship(self, event):
        assert event.sender in {"", event.actor}
        for code in event.codes:
            self.held(code, event, "stock")
            self.move(code, event, "transit", event.actor, (event.actor, event.receiver))

    def receive(self, event):
        for code in event.codes:
            if event.reason == "production":
                self.held(code, event, "stock")
            elif event.reason == "consumer_return":
                self.held(code, event, "used")
            else:
                route = (event.sender, event.actor)
                pack = self.packs[code]
                assert (pack.status, pack.route) == ("transit", route), f"{code} was not shipped"
            status = "quarantine" if event.reason == "consumer_return" else "stock"
            self.move(code, event, status, event.actor)

    def refuse(self, event):
        for code in event.codes:
            assert self.packs[code].route == (event.sender, event.actor)
            self.move(code, event, "transit", event.sender, (event.actor, event.sender))

    def adjust(self, event):
        for code in event.codes:
            if event.reason == "opening":
                assert code not in self.packs
                self.packs[code] = Pack("stock", event.actor)
            else:
                self.held(code, event, "stock")
                self.move(code, event, "gone", event.actor)

    def quarantine(self, event):
        self.change(event, "quarantine", "stock")

    def release(self, event):
        self.change(event, "stock", "quarantine")

    def sample(self, event):
        self.change(event, "gone", "stock")

    def destroy(self, event):
        self.change(event, "gone", "stock", "quarantine")

    def dispense(self, event):
        self.change(event, "used", "stock")

    vaccinate = dispense

    def dispense_partial(self, event):
        self.change(event, "open", "stock", "open")
        for code in event.codes:
            self.packs[code].used += event.portion
            assert self.packs[code].used <= 1

    def relabel(self, event):
        self.change(event, "cancelled", "stock")
        for code in event.replacements:
            assert code not in self.packs
            self.packs[code] = Pack("stock", event.actor, last=event.at)

    def change(self, event, status, *before):
        for code in event.codes:
            self.held(code, event, *before)
            self.move(code, event, status, event.actor)


def in_order(uploads):
    """Return the events that count, by time; those that a later upload voids are left out."""
    by_upload = {}
    voided = set()
    for upload in uploads:
        if upload.is_repeat:
            continue
        by_upload[upload.idempotency_key] = events = list(read(upload))
        assert all(event.at < upload.upload_time for event in events), upload.filename
        if upload.awaits is not None:
            voided.add((upload.awaits.idempotency_key, upload.awaits.ordinal))
    assert voided <= {(key, n) for key, events in by_upload.items() for n in range(len(events))}
    counting = [
        event
        for key, events in by_upload.items()
        for ordinal, event in enumerate(events)
        if (key, ordinal) not in voided and event.kind not in {"void", "correct"}
    ]
    return sorted(counting, key=lambda e: (e.at, RANKS.index(e.kind) if e.kind in RANKS else 99))


PLANS = {
    "demo": demo_plan(DAY),
    "another demo": demo_plan(DAY, seed=8),
    "province": province_plan(DAY, days=8, parties=40, codes=8_000),
    "evening": evening_plan(DAY, bills=4, codes_min=100, codes_max=300),
}


@pytest.fixture(scope="module", params=PLANS, ids=str)
def run(request):
    simulation = Simulation(PLANS[request.param])
    uploads = list(simulation.uploads())
    return uploads, simulation.truth()


def test_nobody_moves_what_they_do_not_hold(run):
    """Every code is with whoever ships, uses or destroys it, every receipt follows its shipment."""
    uploads, _ = run
    checker = Checker()

    for event in in_order(uploads):
        checker.take(event)

    assert not [code for code, pack in checker.packs.items() if pack.status == "transit"]


def test_a_document_number_is_used_once(run):
    """One party's number and part stand for one event, or for lots of one receipt."""
    uploads, _ = run

    numbers = Counter(
        (event.actor, event.kind, event.document)
        for event in in_order(uploads)
        if event.document is not None
    )

    assert max(numbers.values()) == 1


def test_the_samples_end_where_the_truth_says(run):
    """A sample of the truth has the holder that the independent ledger finds."""
    uploads, truth = run
    checker = Checker()
    for event in in_order(uploads):
        checker.take(event)

    found = {sample["unit"]: checker.packs[key_of(sample["unit"])] for sample in truth["samples"]}

    assert found
    for sample in truth["samples"]:
        assert found[sample["unit"]].holder == sample["holder"]
        assert (
            found[sample["unit"]].status
            == {
                "activated": "stock",
                "in_stock": "stock",
                "dispensed": "used",
                "vaccinated": "used",
                "quarantined": "quarantine",
            }[sample["status"]]
        )


def test_the_truth_counts_what_was_uploaded(run):
    """Events per kind, codes and units of the truth are those of the uploads."""
    uploads, truth = run
    events = [event for u in uploads if not u.is_repeat for event in read(u)]
    counts = truth["counts"]

    kinds = Counter(event.kind for event in events)

    assert kinds["ship"] == counts["events"]["ship"]
    assert kinds["pack"] == counts["events"].get("pack", 0)
    assert kinds["dispense"] == counts["events"].get("dispense", 0)
    assert counts["codes_activated"] == sum(
        len(event.codes) for event in events if event.kind == "activate"
    )
    assert counts["uploads"] == len(uploads)
