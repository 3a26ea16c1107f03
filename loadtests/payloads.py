"""What the clients send: bills as scanners write them, a day's single sales, and codes for both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import orjson

PARTY = "BENCH-WHOLESALER"
BUYER = "BENCH-PHARMACY"
BILL_CODES = 3500
SMALL_EVENTS = 1000

_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_PREFIX = "8170011"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One upload, ready to be sent. `scans` is what the receipt has to count."""

    format: str
    body: bytes
    scans: int


class Goods:
    """Codes that nobody has scanned, numbered like those of a production line."""

    def __init__(self) -> None:
        self._next = 1
        self._documents = count(1)

    def take(self, size: int) -> list[str]:
        """Return consecutive codes; their last four digits look as arbitrary as the real ones."""
        serials = range(self._next, self._next + size)
        self._next += size
        return [
            f"{_PREFIX}{serial:09d}{(serial * 2654435761 >> 12) % 10000:04d}" for serial in serials
        ]

    def document(self) -> str:
        return f"CK{next(self._documents):010d}"


Maker = Callable[[Goods], Payload]


def json_bill(goods: Goods, size: int = BILL_CODES) -> Payload:
    """Return one shipment as native JSON."""
    number = goods.document()
    bill = {
        "kind": "ship",
        "reason": "sale",
        "event_time": _moment(number).isoformat(),
        "from": PARTY,
        "to": BUYER,
        "document": {"number": number},
        "declared_count": size,
        "codes": goods.take(size),
    }
    return Payload(format="json", body=orjson.dumps({"events": [bill]}), scans=size)


def xml_bill(goods: Goods, size: int = BILL_CODES) -> Payload:
    """Return one shipment as bill XML, where each row repeats the head of the bill."""
    number = goods.document()
    moment = _moment(number).strftime("%Y-%m-%d %H:%M:%S")
    end = (
        f'" CorpOrderID="{number}" Actor="张三" ActDate="{moment}" FromCorpID="{PARTY}"'
        f' ToCorpID="{BUYER}"/>\n'
    )
    rows = "".join(f'<Data Code="{code}{end}' for code in goods.take(size))
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Document SN="1" License="" Version="2.0"><Events>'
        f'<Event Name="SalesWareHouseOut" MainAction="WareHouseOut"><DataField>\n{rows}'
        "</DataField></Event></Events></Document>"
    )
    return Payload(format="bill-xml", body=text.encode(), scans=size)


def single_sales(goods: Goods, size: int = SMALL_EVENTS) -> Payload:
    """Return a shop's day: events of one code each, some seconds apart."""
    start = _moment(goods.document())
    events = [
        {
            "kind": "dispense",
            "reason": "retail",
            "event_time": (start + timedelta(seconds=7 * number)).isoformat(),
            "codes": [code],
        }
        for number, code in enumerate(goods.take(size))
    ]
    return Payload(format="json", body=orjson.dumps({"events": events}), scans=size)


def _moment(document: str) -> datetime:
    return _START + timedelta(minutes=int(document[2:]))
