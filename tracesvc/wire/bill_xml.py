"""In and out bill XML, the form in which handheld scanners have exported bills for years.

One file may hold several bills. Its rows are grouped by event name, document, parties, product and
lot: each group is one event. Rows carry the time of their own scan; a bill that goods came in by
has the time of the first (from then on they are there), one they went out by that of the last.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from tracesvc.domain.errors import Unreadable
from tracesvc.domain.vocabulary import BillType, Kind, kind_for_xml
from tracesvc.wire.instant import parse_instant
from tracesvc.wire.reading import Draft, Reading
from tracesvc.wire.xml_rows import RowForm, Rows, parse_rows
from tracesvc.wire.xml_tree import attributes_of, children, local_name


class _Bill(NamedTuple):
    """What all rows of one event have in common, as the file says it."""

    document: str
    from_party: str
    to_party: str
    product: str
    lot: str
    made_on: str
    expiry: str


class _Rows(NamedTuple):
    codes: list[str]
    lines: list[int]
    times: set[str]
    operators: set[str]


_FORM: Final = RowForm(
    element="data",
    code="code",
    columns=(
        "corporderid",
        "fromcorpid",
        "tocorpid",
        "corpproductid",
        "corpbatchno",
        "producedate",
        "validatedate",
        "expiredate",
        "actdate",
        "actor",
    ),
)


def read_bill_xml(content: bytes, reading: Reading) -> Iterator[Draft]:
    """Yield one draft per bill. Raises Unreadable where the file is no bill XML."""
    file = parse_rows(content, _FORM)
    if local_name(file.root) != "document":
        raise Unreadable("the root element is not Document", reason="xml_unexpected_root")
    bills: dict[tuple[str, _Bill], _Rows] = {}
    for event in children(file.root, "event"):
        _collect(attributes_of(event).get("name", ""), file.rows(event), bills)
    for (name, bill), rows in bills.items():
        row = kind_for_xml(name)
        if row is not None:
            yield from reading.draft(_facts(bill, row, rows), line=rows.lines[0], lines=rows.lines)
            continue
        ordinal = reading.next_ordinal()
        reading.reject(
            "unknown_bill_type",
            name,
            ordinal=ordinal,
            pointer=f"/events/{ordinal}",
            detail=f"{len(rows.codes)} codes of document {bill.document}",
            line=rows.lines[0],
        )


def _collect(name: str, found: Iterable[Rows], bills: dict[tuple[str, _Bill], _Rows]) -> None:
    for columns, codes, lines in found:
        document, seller, buyer, product, lot, made_on, valid, expiry, time, operator = columns
        bill = _Bill(document, seller, buyer, product, lot, made_on, valid or expiry)
        rows = bills.get((name, bill))
        if rows is None:
            rows = bills[name, bill] = _Rows([], [], set(), set())
        rows.codes.extend(codes)
        rows.lines.extend(lines)
        rows.times.add(time)
        rows.operators.add(operator)


def _facts(bill: _Bill, row: BillType, rows: _Rows) -> dict[str, Any]:
    is_inbound = row.kind is Kind.RECEIVE
    return {
        "kind": row.kind,
        "reason": row.reason,
        "event_time": _time_of(rows.times, first=is_inbound),
        "actor": bill.to_party if is_inbound else bill.from_party,
        "from": bill.from_party,
        "to": bill.to_party,
        "document": {"number": bill.document} if bill.document else None,
        "product": bill.product,
        "lot": bill.lot,
        "made_on": bill.made_on,
        "expiry": bill.expiry,
        "codes": rows.codes,
        "attributes": _attributes(rows),
    }


def _time_of(times: set[str], *, first: bool) -> str:
    """Return the first or last of the times as written; one that cannot be read is passed on."""
    known = {}
    for text in times - {""}:
        moment = parse_instant(text)
        if moment is None:
            return text
        known[moment[0]] = text
    if not known:
        return ""
    return known[min(known) if first else max(known)]


def _attributes(rows: _Rows) -> dict[str, Any] | None:
    operators = sorted(rows.operators - {""})
    return {"operators": operators} if operators else None
