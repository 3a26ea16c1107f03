"""Tables as spreadsheets and trade systems export them: one code per row, a header in either language.

Delimiter and encoding are guessed. Rows that agree in kind, document, time, parties, lot, product and
the other columns become one event. What the table lacks comes from the upload's parameters. Columns
of other names are ignored: an export may hold any number of them.
"""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

from tracesvc.domain.errors import Unreadable
from tracesvc.domain.vocabulary import BILL_TYPES, Kind
from tracesvc.wire.reading import Draft, Reading
from tracesvc.wire.text import decode_text

_ALIASES: Final = {
    "code": "code trace_code tracecode barcode 追溯码 药品追溯码 监管码 药品电子监管码 电子监管码 条码",
    "kind": "kind event type 类型 事件 事件类型 业务类型 操作类型 操作",
    "bill_type": "bill_type billtype 单据类型",
    "reason": "reason 原因",
    "event_time": "event_time eventtime time bill_time billtime 时间 业务时间 单据时间 扫码时间 "
    "操作时间 单据日期 日期",
    "document": "document document_number bill_code billcode bill_no 单号 单据号 单据编号 单据编码",
    "part": "part part_no 分单号",
    "from": "from from_party from_user_id 来源 供应商 供货单位 发货单位 发货方",
    "to": "to to_party to_user_id 去向 客户 购货单位 收货单位 收货方",
    "actor": "actor 操作单位 上传单位",
    "owner": "owner 货主",
    "carrier": "carrier 承运商 承运单位",
    "location": "location warehouse 仓库 地点",
    "product": "product product_code productcode 产品编码 商品编码 药品标识码",
    "lot": "lot lot_no batch batch_no batchno 批号 生产批号 产品批号",
    "made_on": "made_on made_date produce_date 生产日期",
    "expiry": "expiry expiry_date expire_date valid_date 有效期 有效期至 效期",
    "parent": "parent parent_code 父码 上级码 箱码",
    "declared_count": "declared_count declared 应收数量 应发数量",
}
_COLUMNS: Final = {
    alias: column for column, aliases in _ALIASES.items() for alias in aliases.split()
}
_KINDS: Final[dict[str, tuple[Kind, str | None]]] = {
    **{row.label_zh: (row.kind, row.reason) for row in BILL_TYPES},
    **{row.label_en: (row.kind, row.reason) for row in BILL_TYPES},
    **{kind.value: (kind, None) for kind in Kind},
    "激活": (Kind.ACTIVATE, None),
    "赋码": (Kind.ACTIVATE, None),
    "装箱": (Kind.PACK, None),
    "拆箱": (Kind.UNPACK, None),
    "出库": (Kind.SHIP, None),
    "入库": (Kind.RECEIVE, None),
    "拒收": (Kind.REFUSE, None),
    "零售": (Kind.DISPENSE, "retail"),
    "拆零": (Kind.DISPENSE_PARTIAL, None),
    "接种": (Kind.VACCINATE, None),
    "抽检": (Kind.SAMPLE, None),
    "销毁": (Kind.DESTROY, None),
    "隔离": (Kind.QUARANTINE, None),
    "解除隔离": (Kind.RELEASE, None),
}
"""Words of the kind column: our kinds, the names of bill types in both languages, everyday words."""

_DELIMITERS: Final = "\t;|,"
_DIGITS_LOST: Final = re.compile(r"8[0-9]{14}00000")
_DIGITS_LOST_MIN: Final = 3


@dataclass(slots=True)
class _Rows:
    codes: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


_Key = tuple[tuple[str, str], ...]


def read_csv(content: bytes, reading: Reading) -> Iterator[Draft]:
    """Yield one draft per group of rows. Raises Unreadable where there is no column of codes."""
    rows = _table(decode_text(content))
    columns = _header(next(rows, (1, []))[1])
    if "code" not in columns:
        raise Unreadable("the first row names no column of codes", reason="csv_without_header")
    groups: dict[_Key, _Rows] = {}
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
        code = values.pop("code", "")
        group = groups.setdefault(tuple(sorted(values.items())), _Rows())
        group.codes.append(code)
        group.lines.append(line)
    _mark_lost_digits(groups.values())
    for key, group in groups.items():
        yield from _draft(dict(key), group, reading)


def is_csv_header(line: str) -> bool:
    """Tell whether the first line of a text names a column of codes."""
    rows = _table(line)
    return "code" in _header(next(rows, (1, []))[1])


def _table(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and cells. The delimiter is the one the first line has most of."""
    head = re.split(r"[\r\n]", text.replace("，", ",", 50), maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    if "，" in text[: len(head)]:
        text = text.replace("，", ",")
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise Unreadable(f"CSV: {error}", reason="csv_broken") from error


def _header(cells: list[str]) -> list[str]:
    """Return our name of each column, empty where it is none of ours or a second of the same name."""
    names: list[str] = []
    for cell in cells:
        word = re.sub(r"[\s*（(].*", "", cell.strip().lower().replace(" ", "_").replace("-", "_"))
        name = _COLUMNS.get(word, "")
        names.append("" if name in names else name)
    return names


def _draft(values: dict[str, str], group: _Rows, reading: Reading) -> Iterator[Draft]:
    facts: dict[str, Any] = {name: value for name, value in values.items() if value}
    number, part = facts.pop("document", None), facts.pop("part", None)
    if number:
        facts["document"] = {"number": number, "part": part}
    # The column of bill types holds numbers in one system and names in the next.
    word = facts.pop("bill_type", None) or facts.get("kind", "")
    if word.isdecimal():
        facts.pop("kind", None)
        facts["bill_type"] = word
    elif word:
        kind, reason = _KINDS.get(word.lower(), (word, None))
        facts["kind"] = kind
        if reason is not None:
            facts.setdefault("reason", reason)
    facts["codes"] = group.codes
    yield from reading.draft(facts, line=group.lines[0], lines=group.lines)


def _mark_lost_digits(groups: Collection[_Rows]) -> None:
    """Make codes that a spreadsheet has rounded to 15 digits readable as what they are.

    One code in a hundred thousand ends in 00000 by right. Three in one table, and a tenth of it, are a
    spreadsheet's work: they are then shown as the numbers they have become, and rejected as such.
    """
    total = sum(len(group.codes) for group in groups)
    lost = sum(1 for group in groups for code in group.codes if _DIGITS_LOST.fullmatch(code))
    if lost < max(_DIGITS_LOST_MIN, total / 10):
        return
    for group in groups:
        group.codes[:] = [f"{c}.0" if _DIGITS_LOST.fullmatch(c) else c for c in group.codes]
