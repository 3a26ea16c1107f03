"""Code association XML 3.0 (关联关系): what a production line reports about a lot it has packed.

Each batch gives one activate event per package level, so that product, lot and dates hold for
units, cartons and cases alike; `product` is the relation's productCode on every level, although each
level has its own 7-digit prefix. Each parent gives one pack event with all its children, also where
a mixed case draws them from several batches. Package levels count from 1, the smallest unit.
The file has no time: parameter `event_time`, else the record time.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from tracesvc.domain.errors import Unreadable
from tracesvc.domain.vocabulary import Kind
from tracesvc.wire.reading import Draft, Reading
from tracesvc.wire.xml_rows import RowForm, parse_rows
from tracesvc.wire.xml_tree import attributes_of, children, local_name

_PARTLY_FILLED_OR_MIXED: Final = frozenset({"1", "2", "3"})


class _Code(NamedTuple):
    text: str
    level: str
    parent: str
    flag: str
    line: int


class _Packed(NamedTuple):
    """One container of the file: its level and flag as far as known, and its children."""

    codes: list[str]
    lines: list[int]


_FORM: Final = RowForm("code", "curcode", ("packlayer", "parentcode", "flag"))


def read_relation_xml(content: bytes, reading: Reading) -> Iterator[Draft]:
    """Yield activate drafts, then pack drafts. Raises Unreadable where it is no relation file."""
    file = parse_rows(content, _FORM)
    relations = children(file.root, "relation")
    if local_name(file.root) != "document" or not relations:
        raise Unreadable("no Document with a Relation", reason="xml_unexpected_root")
    event_time = reading.context.params.get("event_time", reading.context.record_time.isoformat())
    for relation in relations:
        head = attributes_of(relation)
        per_parent = _children_per_parent(head.get("cascade", ""))
        codes: list[_Code] = []
        for batch in children(relation, "batch"):
            found = [
                code
                for rows in file.rows(batch)
                for code in map(_Code, rows.codes, *rows.columns, rows.lines)
            ]
            codes += found
            for facts, lines in _activations(head, attributes_of(batch), found, reading):
                facts["event_time"] = event_time
                yield from reading.draft(facts, line=lines[0], lines=lines)
        yield from _packings(codes, per_parent, event_time, reading)


def _activations(
    relation: dict[str, str], batch: dict[str, str], codes: list[_Code], reading: Reading
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield the facts and lines of one activate event per package level, smallest first.

    A level with more codes than one event may hold becomes several events.
    """
    get = batch.get
    size = reading.limits.codes_per_event_max
    for level in sorted({code.level for code in codes}):
        same = [code for code in codes if code.level == level]
        for start in range(0, len(same), size):
            part = same[start : start + size]
            facts = {
                "kind": Kind.ACTIVATE,
                "product": relation.get("productcode"),
                "lot": get("batchno"),
                "made_on": get("madedate"),
                "expiry": get("validatedate"),
                "codes": [code.text for code in part],
                "attributes": {"package_level": int(level)} if level.isdecimal() else None,
            }
            yield facts, [code.line for code in part]


def _packings(
    codes: list[_Code], per_parent: dict[str, int], event_time: str, reading: Reading
) -> Iterator[Draft]:
    known = {code.text: code for code in codes}
    packed: dict[str, _Packed] = {}
    for code in codes:
        if code.parent:
            box = packed.get(code.parent)
            if box is None:
                box = packed[code.parent] = _Packed([], [])
            box.codes.append(code.text)
            box.lines.append(code.line)
    for parent, box in packed.items():
        head = known.get(parent)
        is_regular = head is not None and head.flag not in _PARTLY_FILLED_OR_MIXED
        facts = {
            "kind": Kind.PACK,
            "event_time": event_time,
            "parent": parent,
            "declared_count": per_parent.get(head.level) if head and is_regular else None,
            "codes": box.codes,
        }
        line = head.line if head else box.lines[0]
        yield from reading.draft(facts, line=line, lines=box.lines)


def _children_per_parent(cascade: str) -> dict[str, int]:
    """Turn ``1:4:40`` (cumulative, largest first) into children per parent by level: {3: 4, 2: 10}.

    Empty where the text is of another form: then nothing is declared.
    """
    totals = [int(part) if part.strip().isdecimal() else 0 for part in cascade.split(":")]
    if len(totals) < 2 or not all(totals):  # noqa: PLR2004 - a relation has two levels or more
        return {}
    steps = pairwise(totals)
    levels = range(len(totals), 1, -1)
    return {
        str(level): below // above
        for level, (above, below) in zip(levels, steps, strict=True)
        if below % above == 0
    }
