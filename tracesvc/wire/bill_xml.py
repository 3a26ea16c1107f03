"""In and out bill XML, the form in which handheld scanners have exported bills for years.

One file may hold several bills. Its rows are grouped by event name, document, parties, product and
lot: each group is one event. Rows carry the time of their own scan; a bill that goods came in by
has the time of the first (from then on they are there), one they went out by that of the last.
"""

from collections.abc import Iterator
from itertools import groupby
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


class _Said(NamedTuple):
    """What the rows of one event say beside that."""

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
    bills: dict[tuple[str, _Bill], _Said] = {}
    for event in children(file.root, "event"):
        name = attributes_of(event).get("name", "")
        for rows in file.rows(event):
            _collect(name, rows, bills)
    for (name, bill), said in bills.items():
        row = kind_for_xml(name)
        if row is not None:
            yield from reading.draft(_facts(bill, row, said), line=said.lines[0], lines=said.lines)
            continue
        ordinal = reading.next_ordinal()
        reading.reject(
            "unknown_bill_type",
            name,
            ordinal=ordinal,
            pointer=f"/events/{ordinal}",
            detail=f"{len(said.codes)} codes of document {bill.document}",
            line=said.lines[0],
        )


def _collect(name: str, rows: Rows, bills: dict[tuple[str, _Bill], _Said]) -> None:
    """Put rows to their bills; those of one bill mostly follow each other."""
    *goods, times, operators = rows.columns
    end = 0
    for head, same in groupby(zip(*goods, strict=True)):
        document, seller, buyer, product, lot, made_on, valid, expires = head
        bill = name, _Bill(document, seller, buyer, product, lot, made_on, valid or expires)
        if bill not in bills:
            bills[bill] = _Said([], [], set(), set())
        start, end = end, end + sum(1 for _ in same)
        said = bills[bill]
        said.codes.extend(rows.codes[start:end])
        said.lines.extend(rows.lines[start:end])
        said.times.update(times[start:end])
        said.operators.update(operators[start:end])


def _facts(bill: _Bill, row: BillType, said: _Said) -> dict[str, Any]:
    is_inbound = row.kind is Kind.RECEIVE
    return {
        "kind": row.kind,
        "reason": row.reason,
        "event_time": _time_of(said.times, first=is_inbound),
        "actor": bill.to_party if is_inbound else bill.from_party,
        "from": bill.from_party,
        "to": bill.to_party,
        "document": {"number": bill.document} if bill.document else None,
        "product": bill.product,
        "lot": bill.lot,
        "made_on": bill.made_on,
        "expiry": bill.expiry,
        "codes": said.codes,
        "attributes": _attributes(said.operators),
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


def _attributes(operators: set[str]) -> dict[str, Any] | None:
    named = sorted(operators - {""})
    return {"operators": named} if named else None
