"""Rows of XML files: elements that say in attributes all they have to say, thousands of them alike.

The XML parser and its tree take some 4 µs for such a row, three times what comes after. So runs of
rows are taken out of the text before it is parsed, and in the place of each run an element is put that
says which run it was. The small document that is left is parsed like any other, and tells where the
rows belong. A file with comments, CDATA, entities in its rows or anything else unusual is parsed as
it is. What is read is the same both ways.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from lxml import etree

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.xml_tree import attributes_of, children, line_of, parse_text, xml_text


@dataclass(frozen=True, slots=True)
class RowForm:
    """How the rows of a format look: their element, the attribute of the code, and the others read.

    All names are in lower case, because writers differ in CurCode, curCode and curcode.
    """

    element: str
    code: str
    columns: tuple[str, ...]


class Rows(NamedTuple):
    """Rows that follow one another: their codes, their lines (from 1), and the form's columns.

    All lists are of one length. What a row does not say is empty, also its code.
    """

    codes: list[str]
    lines: list[int]
    columns: list[list[str]]


class RowFile:
    """A parsed file. `root` is for everything but the rows, not all of which are in the tree."""

    def __init__(self, root: etree._Element, form: RowForm, runs: Sequence[Rows] = ()) -> None:
        self.root = root
        self._form = form
        self._runs = runs

    def rows(self, element: etree._Element) -> Iterator[Rows]:
        """Yield the rows below an element in document order."""
        rows = children(element, self._form.element)
        for run, items in groupby(rows, key=lambda item: item.get(_RUN)):
            if run is None:
                yield self._parsed(list(items))
                continue
            codes, lines, columns = self._runs[int(run)]
            first = line_of(next(items))
            yield Rows(codes, [first + line for line in lines], columns)

    def _parsed(self, items: list[etree._Element]) -> Rows:
        code, columns = self._form.code, self._form.columns
        said = [attributes_of(item) for item in items]
        return Rows(
            [one.get(code, "") for one in said],
            [line_of(item) for item in items],
            [[one.get(name, "") for one in said] for name in columns],
        )


def parse_rows(content: bytes, form: RowForm) -> RowFile:
    """Parse a file of rows. Raises Unreadable as `xml_text` and `parse_text` do."""
    text = xml_text(content)
    # What is wrong with a file is told of the file as it was sent.
    with suppress(_Unusual, Unreadable):
        folder = _Folder(form)
        root = parse_text(folder.folded(text))
        return RowFile(root, form, folder.runs)
    return RowFile(parse_text(text), form)


class _Unusual(Exception):
    """Control flow of this module only: the file is left to the XML parser."""


_RUN: Final = "tracesvc-run"
_BLANKS: Final = " \t\r\n"
_ROWS: Final = r"(?:<(?i:{})\x20[^<]++)++"
# A row without its values.
_FRAME: Final = r"<(?i:{})(?:\x20+[A-Za-z_][A-Za-z0-9_.-]*=\"\")+\x20*/>"
_NAME: Final = re.compile(r"([A-Za-z0-9_.-]+)=")


class _Folder:
    """Takes the rows out of a text and keeps them run by run; lines count from the run's first."""

    def __init__(self, form: RowForm) -> None:
        self._form = form
        self.runs: list[Rows] = []

    def folded(self, text: str) -> str:
        """Return the text with an element for each run of rows. Raises _Unusual."""
        if "<!" in text or _RUN in text:
            raise _Unusual
        return re.sub(_ROWS.format(self._form.element), self._take, text)

    def _take(self, found: re.Match[str]) -> str:
        self.runs.append(self._rows(found[0].rstrip(_BLANKS)))
        # As many lines as before: the parser counts them for all elements that follow.
        lines = "\n" * found[0].count("\n")
        return f'<{self._form.element} {_RUN}="{len(self.runs) - 1}"/>{lines}'

    def _rows(self, run: str) -> Rows:
        # Only the parser knows what an entity means; a row has no ">" but the one at its end.
        if "&" in run or run.count(">") != run.count("<"):
            raise _Unusual
        end = run.index(">") + 1
        first, gap = run[:end], run[end:].partition("<")[0]
        names = self._names(first.split('"')[::2])
        codes, *others = _alike(run, first, gap) or _in_columns(run, first, gap)
        step = gap.count("\n")
        lines = [index * step for index in range(len(codes))]
        said = dict(zip(names[1:], others, strict=True))
        silent = [""] * len(codes)
        return Rows(codes, lines, [said.get(name, silent) for name in self._form.columns])

    def _names(self, frame: list[str]) -> list[str]:
        """Return the attributes of a row: the code first, and none twice in any case."""
        if not re.fullmatch(_FRAME.format(self._form.element), '""'.join(frame)):
            raise _Unusual
        names = [name.lower() for name in _NAME.findall("".join(frame))]
        if names[0] != self._form.code or len(set(names)) != len(names):
            raise _Unusual
        return names


def _alike(run: str, first: str, gap: str) -> list[list[str]] | None:
    """Return the columns of rows that all differ in the code only, as in many bills; else None.

    Nothing is looked at row by row, which takes a third of the time of `_in_columns`.
    """
    before, _, rest = first.partition('"')
    after = rest.partition('"')[2]
    start, end = f'{before}"', f'"{after}'
    codes = run.removeprefix(start).removesuffix(end).split(end + gap + start)
    if not run.endswith(end) or '"' in "".join(codes):
        return None
    values = after.split('"')[1::2]
    _check_printable([*codes, *values])
    return [[code.strip() for code in codes], *([text.strip()] * len(codes) for text in values)]


def _in_columns(run: str, first: str, gap: str) -> list[list[str]]:
    """Return the columns of rows that have the same attributes. Raises _Unusual where they do not."""
    parts, frame = run.split('"'), first.split('"')[::2]
    width = 2 * (len(frame) - 1)
    between = [frame[-1] + gap + frame[0], *frame[1:-1]]
    found = [set(parts[width:-1:width]), *(set(parts[i::width]) for i in range(2, width, 2))]
    if len(parts) % width != 1 or parts[-1] != frame[-1] or found != [{text} for text in between]:
        raise _Unusual
    _check_printable(parts[1::2])
    return [[text.strip() for text in parts[i::width]] for i in range(1, width, 2)]


def _check_printable(values: Sequence[str]) -> None:
    """Raise _Unusual where there are line ends or such, which the parser would change or refuse."""
    if not "".join(values).isprintable():
        raise _Unusual
