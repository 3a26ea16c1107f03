"""Facts written as the files of foreign trade systems: bill XML, relation XML, scanner text, CSV, JSON.

Nothing here is shared with the service's own decoders: the simulator stands for software that has
read the same specifications and nothing else.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from gzip import compress
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from orjson import dumps

from tracesvc.domain.vocabulary import Kind
from tracesvc.simulate.facts import Fact
from tracesvc.simulate.participants import Gs1Spelling, Participant, Software, XmlDress
from tracesvc.simulate.stock import Item, Pallet, Span, codes_of

XML_NAMES: Final[dict[tuple[Kind, str | None], tuple[str, str]]] = {
    (Kind.RECEIVE, "production"): ("ProduceWareHouseIn", "P_ProWHI"),
    (Kind.RECEIVE, "purchase"): ("PurchaseWareHouseIn", "P_PurWHI"),
    (Kind.RECEIVE, "return"): ("ReturnWareHouseIn", "P_RetWHI"),
    (Kind.RECEIVE, "transfer"): ("AllocateWareHouseIn", "P_AllWHI"),
    (Kind.SHIP, "sale"): ("SalesWareHouseOut", "P_SalWHO"),
    (Kind.SHIP, "return"): ("ReturnWareHouseOut", "P_RetWHO"),
    (Kind.SHIP, "transfer"): ("AllocateWareHouseOut", "P_AllWHO"),
    # The specification's own spelling, which scanners repeat.
    (Kind.DESTROY, "destruction"): ("DestoryWareHouseOut", "P_DesWHO"),
    (Kind.SAMPLE, "inspection"): ("CheckWareHouseOut", "P_CheWHO"),
}
"""Event name and file name prefix of the kinds that bill XML can say."""

CSV_NAMES: Final[dict[tuple[Kind, str | None], str]] = {
    (Kind.RECEIVE, "purchase"): "采购入库",
    (Kind.RECEIVE, "return"): "退货入库",
    (Kind.RECEIVE, "transfer"): "调拨入库",
    (Kind.RECEIVE, "supply"): "供应入库",
    (Kind.RECEIVE, "consumer_return"): "消费者退货入库",
    (Kind.SHIP, "sale"): "销售出库",
    (Kind.SHIP, "return"): "退货出库",
    (Kind.SHIP, "transfer"): "调拨出库",
    (Kind.SHIP, "supply"): "供应出库",
    (Kind.DESTROY, "destruction"): "销毁出库",
    (Kind.SAMPLE, "inspection"): "抽检出库",
    (Kind.ADJUST, "loss"): "盘亏出库",
    (Kind.DISPENSE, "retail"): "零售出库",
    (Kind.DISPENSE, "medical"): "医疗机构使用",
    (Kind.VACCINATE, "vaccination"): "疫苗接种",
}
"""Bill names that the simulated tables use."""

_KEEPER: Final = "张三"
_SHORT_TIME: Final = "%Y-%m-%d %H:%M:%S"


def relation_xml(fact: Fact) -> bytes:
    """Write an activation as a code association file 3.0, each container followed by its content."""
    lot = fact.lot
    if lot is None:
        raise ValueError("a relation file is about one lot")
    product = lot.product
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Document License="" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="关联关系XML Schema-3.0.xsd">'
        '<Events Version="3.0"><Event Name="RelationCreate">\n'
        f'<Relation productCode="{product.product_code}" subTypeNo="" cascade="{product.cascade}" '
        f'packageSpec="{product.unit_name}" comment="">'
        f'<Batch batchNo="{lot.number}" madeDate="{lot.made_on}" validateDate="{lot.expiry}" '
        'workshop="" lineName="" lineManager="">\n'
    )
    parts = [head]
    for item in fact.items:
        for span in item.spans():
            parts.extend(_relation_rows(span, parents=None))
    parts.append("</Batch></Relation></Event></Events></Document>")
    return "".join(parts).encode()


def _relation_rows(span: Span, parents: list[str] | None) -> Iterator[str]:
    """Yield the rows of packs and their content; `parents` are their containers' codes, in order."""
    codes = span.codes()
    if parents is None:
        yield _code_rows(codes, span.level, "")
    else:
        share = span.size // len(parents)
        for at, parent in enumerate(parents):
            yield _code_rows(codes[at * share : (at + 1) * share], span.level, parent)
    if span.level > 1:
        yield from _relation_rows(span.opened(), codes)


def _code_rows(codes: list[str], level: int, parent: str) -> str:
    end = f'" packLayer="{level}" parentCode="{parent}" flag="0"/>\n'
    return '<Code curCode="' + (end + '<Code curCode="').join(codes) + end


def bill_xml(facts: Iterable[Fact], dress: XmlDress) -> bytes:
    """Write bills into one file, each an Event element whose rows repeat the bill's header."""
    encoding = "GBK" if dress == "gbk" else "utf-8"
    bills = "".join(_bill(fact) for fact in facts)
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<Document SN="1" License="" Version="2.0"><Events>{bills}</Events></Document>'
    )
    match dress:
        case "plain":
            return text.encode()
        case "bom":
            return text.encode("utf-8-sig")
        case "gbk":
            return text.encode("gbk")
        case "base64":
            return b64encode(text.encode())
        case "gzip-base64":
            return b64encode(compress(text.encode(), compresslevel=6, mtime=0))


def _bill(fact: Fact) -> str:
    name, _ = XML_NAMES[fact.kind, fact.reason]
    is_inbound = fact.kind is Kind.RECEIVE
    sender = fact.sender or (None if is_inbound else fact.actor)
    receiver = fact.receiver or (fact.actor if is_inbound else None)
    header = "".join(
        f" {attribute}={quoteattr(value)}"
        for attribute, value in (
            ("CorpOrderID", fact.document),
            ("Actor", _KEEPER),
            ("ActDate", fact.at.strftime(_SHORT_TIME)),
            ("FromCorpID", sender and sender.party_id),
            ("ToCorpID", receiver and receiver.party_id),
        )
        if value
    )
    end = f'"{header}/>\n'
    rows = '<Data Code="' + (end + '<Data Code="').join(codes_of(fact.items)) + end
    action = "WareHouseIn" if is_inbound else "WareHouseOut"
    return f'<Event Name="{name}" MainAction="{action}"><DataField>\n{rows}</DataField></Event>'


def scanner_txt(fact: Fact) -> bytes:
    """Write a receipt as a scanner's text: whom it came from, the codes with their lots, an end mark."""
    sender = fact.sender.party_id if fact.sender else ""
    lines = [f"${sender},{fact.document or ''}"]
    for item in fact.items:
        end = _goods(item)
        lines.extend(f"{code}{end}" for code in item.codes())
    return "\r\n".join([*lines, "#", ""]).encode()


def _goods(item: Item) -> str:
    if isinstance(item, Pallet):
        return ",,,"
    lot = item.lot
    return f",{lot.product.name},{lot.number},{lot.made_on}"


def lots_of(fact: Fact) -> int:
    """Return into how many groups of equal product and lot a scanner's text falls."""
    return len({_goods(item) for item in fact.items})


def csv_table(facts: Iterable[Fact], software: Software) -> bytes:
    """Write a day's bills and sales as a table with Chinese headings, one code per row."""
    parts = ["追溯码,业务类型,时间,供应商,客户,单号,分单号\r\n"]
    for fact in facts:
        name = CSV_NAMES[fact.kind, fact.reason]
        sender, receiver = _party(fact.sender), _party(fact.receiver)
        tail = f",{sender},{receiver},{fact.document or ''},{fact.part or ''}\r\n"
        codes = [spelled(code, software.gs1) for code in codes_of(fact.items)]
        if not fact.every_s:
            end = f",{name},{fact.at:{_SHORT_TIME}}{tail}"
            parts.append(end.join(codes) + end)
            continue
        for code, at in zip(codes, _moments(fact), strict=True):
            parts.append(f"{code},{name},{at.isoformat(' ')[:19]}{tail}")
    encoding = "gbk" if software.xml_dress == "gbk" else "utf-8-sig"
    return "".join(parts).encode(encoding)


def _party(participant: Participant | None) -> str:
    return participant.party_id if participant else ""


def _moments(fact: Fact) -> Iterator[datetime]:
    step = timedelta(seconds=fact.every_s)
    at = fact.at
    for _ in range(fact.size):
        yield at
        at += step


VOID_MARK: Final = "to-be-voided"
"""Stands for the digest of the voided event until its receipt is there."""


def native_json(facts: Iterable[Fact], software: Software) -> bytes:
    """Write facts as native JSON events."""
    return dumps({"events": [event for fact in facts for event in _events(fact, software.gs1)]})


def _events(fact: Fact, spelling: Gs1Spelling) -> Iterator[dict[str, Any]]:
    if fact.is_production:
        yield from _production_events(fact, spelling)
        return
    codes = [spelled(code, spelling) for code in codes_of(fact.items)]
    head = _head(fact)
    if fact.every_s:
        for code, at in zip(codes, _moments(fact), strict=True):
            yield {**head, "event_time": at.isoformat(), "codes": [code]}
        return
    if fact.parent:
        head["parent"] = spelled(fact.parent, spelling)
    if fact.replacements:
        head["replacements"] = [spelled(code, spelling) for code in codes_of(fact.replacements)]
    if codes:
        head["codes"] = codes
        head["declared_count"] = len(codes)
    yield head


def _head(fact: Fact) -> dict[str, Any]:
    head: dict[str, Any] = {"kind": fact.kind.value, "event_time": fact.at.isoformat()}
    for field, party in (("from", fact.sender), ("to", fact.receiver), ("carrier", fact.carrier)):
        if party is not None:
            head[field] = party.party_id
    if fact.reason is not None:
        head["reason"] = fact.reason
    if fact.document is not None:
        head["document"] = {"number": fact.document}
        if fact.part is not None:
            head["document"]["part"] = str(fact.part)
    if fact.lot is not None:
        head |= _lot_fields(fact)
    if fact.portion is not None:
        head["portion"] = {"numerator": fact.portion[0], "denominator": fact.portion[1]}
    if fact.attributes is not None:
        head["attributes"] = dict(fact.attributes)
    if fact.voids is not None:
        head["voids"] = VOID_MARK
    return head


def _lot_fields(fact: Fact) -> dict[str, str]:
    if fact.lot is None:
        return {}
    return {
        "product": fact.lot.product.product_code,
        "lot": fact.lot.number,
        "made_on": fact.lot.made_on.isoformat(),
        "expiry": fact.lot.expiry.isoformat(),
    }


def _production_events(fact: Fact, spelling: Gs1Spelling) -> Iterator[dict[str, Any]]:
    """Yield one activation per package level, then one packing per container."""
    packings: list[dict[str, Any]] = []
    spans = [span for item in fact.items for span in item.spans()]
    parents: list[str] = []
    while spans:
        codes = [spelled(code, spelling) for code in codes_of(spans)]
        yield {**_head(fact), "codes": codes, "declared_count": len(codes)}
        share = len(codes) // len(parents) if parents else 0
        packings.extend(
            {
                "kind": Kind.PACK.value,
                "event_time": fact.at.isoformat(),
                "parent": parent,
                "codes": codes[at * share : (at + 1) * share],
            }
            for at, parent in enumerate(parents)
        )
        parents = codes
        spans = [span.opened() for span in spans if span.level > 1]
    yield from packings


def spelled(code: str, spelling: Gs1Spelling) -> str:
    """Return a canonical code as this software spells it; only GS1 keys have several spellings."""
    if spelling == "bracketed" or not code.startswith("("):
        return code
    if code.startswith("(00)"):
        digits = code[4:]
        if spelling == "digital-link":
            return f"https://id.gs1.org/00/{digits}"
        return f"urn:epc:id:sscc:{digits[1:8]}.{digits[0]}{digits[8:17]}"
    gtin, serial = code[4:18], code[22:]
    if spelling == "digital-link":
        return f"https://id.gs1.org/01/{gtin}/21/{serial}"
    return f"urn:epc:id:sgtin:{gtin[1:8]}.{gtin[0]}{gtin[8:13]}.{serial}"
