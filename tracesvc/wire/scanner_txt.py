"""Text export of a scanner: blocks of ``$supplier,document``, lines of codes, and a closing ``#``.

A line is ``code,name,lot,production date``; the file has neither kind nor time, which come from the
upload's parameters. The ``$`` party is whom goods come from, or for a shipment whom they go to.
Lines of one block that differ in name, lot or date become events of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tracesvc.domain.errors import Unreadable
from tracesvc.domain.vocabulary import Kind, kind_for_bill
from tracesvc.wire.reading import Draft, Reading
from tracesvc.wire.text import decode_text


class _Goods(NamedTuple):
    name: str
    lot: str
    made_on: str


@dataclass(slots=True)
class _Rows:
    codes: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Block:
    party: str
    document: str
    line: int
    goods: dict[_Goods, _Rows] = field(default_factory=dict)


# Not str.splitlines: that would also split at the group separators inside GS1 scans.
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_FULL_WIDTH: Final = str.maketrans({"，": ",", "＄": "$", "＃": "#"})


def read_scanner_txt(content: bytes, reading: Reading) -> Iterator[Draft]:
    """Yield one draft per block and lot. Raises Unreadable where no block begins.

    Lines outside a block are rejected, and so is the missing end of the last one: the file may have
    been cut off.
    """
    block: _Block | None = None
    has_block = False
    for number, text in enumerate(_LINE_END.split(decode_text(content)), start=1):
        line = text.translate(_FULL_WIDTH).strip()
        if line.startswith(("$", "#")):
            if block is not None:
                yield from _drafts(block, reading)
            block = _begun(line, number) if line.startswith("$") else None
            has_block = has_block or block is not None
        elif line and block is not None:
            _add(block, line, number)
        elif line:
            _reject_line("line_outside_block", text, number, reading)
    if not has_block:
        raise Unreadable("no line begins with $", reason="txt_without_header")
    if block is not None:
        yield from _drafts(block, reading)
        _reject_line("no_end_line", f"${block.party},{block.document}", block.line, reading)


def _begun(line: str, number: int) -> _Block:
    party, _, document = line[1:].partition(",")
    return _Block(party.strip(), document.strip(), number)


def _add(block: _Block, line: str, number: int) -> None:
    code, name, lot, made_on, *_ = [*(part.strip() for part in line.split(",")), "", "", ""]
    rows = block.goods.setdefault(_Goods(name, lot, made_on), _Rows())
    rows.codes.append(code)
    rows.lines.append(number)


def _drafts(block: _Block, reading: Reading) -> Iterator[Draft]:
    for goods, rows in block.goods.items():
        facts: dict[str, Any] = {
            "document": {"number": block.document} if block.document else None,
            "lot": goods.lot,
            "made_on": goods.made_on,
            "codes": rows.codes,
            "attributes": {"product_name": goods.name} if goods.name else None,
        }
        if side := _side(reading):
            facts[side] = block.party
        yield from reading.draft(facts, line=block.line, lines=rows.lines)


def _side(reading: Reading) -> str | None:
    """Say what the ``$`` party is to the event: where goods come from, go to, or nothing."""
    params = reading.context.params
    kind: str | None = params.get("kind")
    if kind is None and (number := params.get("bill_type", "")).isdecimal():
        bill = kind_for_bill(int(number))
        kind = bill.kind if bill else None
    if kind in {Kind.RECEIVE, Kind.REFUSE}:
        return "from"
    return "to" if kind == Kind.SHIP else None


def _reject_line(error_code: str, text: str, line: int, reading: Reading) -> None:
    reading.reject(error_code, text, ordinal=None, pointer="", line=line)
