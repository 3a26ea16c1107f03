"""Rows of XML files: elements that say in attributes all they have to say, thousands of them alike.

The XML parser and its tree take some 4 µs for such a row, three times what comes after. So rows spelled
the plain way are taken out of the text before it is parsed, and an element that says which run of
rows it stands for is put in the place of each run. The small document that is left is parsed like
any other, and tells where the rows belong. Rows in another spelling stay in it; a file with
comments, CDATA or anything else unusual is parsed as it is. What is read is the same both ways.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from lxml import etree

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.xml_tree import attributes_of, children, line_of, parse_text, xml_text

Columns = tuple[str, ...]
Rows = tuple[Columns, list[str], list[int]]
"""Rows that follow each other and differ in the code only: their columns, their codes, their lines.

What a row does not say is empty, also its code. Lines count from 1.
"""


@dataclass(frozen=True, slots=True)
class RowForm:
    """How the rows of a format look: their element, the attribute of the code, and two or more others.

    All names are in lower case, because writers differ in CurCode, curCode and curcode.
    """

    element: str
    code: str
    columns: tuple[str, ...]


class RowFile:
    """A parsed file. `root` is for everything but the rows, not all of which are in the tree."""

    def __init__(
        self, root: etree._Element, form: RowForm, runs: Sequence[Sequence[Rows]] = ()
    ) -> None:
        self.root = root
        self._form = form
        self._runs = runs

    def rows(self, element: etree._Element) -> Iterator[Rows]:
        """Yield the rows below an element in document order."""
        form = self._form
        for item in children(element, form.element):
            first, run = line_of(item), item.get(_RUN)
            if run is None:
                get = attributes_of(item).get
                yield tuple(get(name, "") for name in form.columns), [get(form.code, "")], [first]
                continue
            for columns, codes, lines in self._runs[int(run)]:
                yield columns, codes, [first + line for line in lines]


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
# Rows end where the next tag begins; that only blanks stand there, `_picker` looks at.
_ROWS: Final = r"(?:<(?i:{})\x20[^<]++)++"
_FRAME: Final = r"(?i:{})(?:\x20+[A-Za-z_][A-Za-z0-9_.-]*=\"\")+\x20*/>[ \t\r\n]*"
_NAME: Final = re.compile(r"([A-Za-z0-9_.-]+)=")
_Picker = Callable[[Sequence[str]], Columns]


class _Folder:
    """Takes the rows out of a text, and keeps them run by run; lines count from the run's first."""

    def __init__(self, form: RowForm) -> None:
        self._form = form
        self._pickers: dict[tuple[str, ...], _Picker] = {}
        self.runs: list[list[Rows]] = []

    def folded(self, text: str) -> str:
        """Return the text with an element for each run of rows. Raises _Unusual."""
        if "<!" in text or _RUN in text:
            raise _Unusual
        return re.sub(_ROWS.format(self._form.element), self._take, text)

    def _take(self, found: re.Match[str]) -> str:
        run = found[0]
        # Only the parser knows what an entity means.
        if "&" in run or run.count(">") != run.count("<"):
            raise _Unusual
        self.runs.append(self._alike(run) or self._one_by_one(run))
        # As many lines as before: the parser counts them for all elements that follow.
        return f'<{self._form.element} {_RUN}="{len(self.runs) - 1}"/>' + "\n" * run.count("\n")

    def _alike(self, run: str) -> list[Rows] | None:
        """Read a run whose rows all differ in the code only; None where they do not.

        Many bills are one such run, and are read in half the time that one by one takes.
        """
        before, _, rest = run[1:].partition("<")[0].partition('"')
        after = rest.partition('"')[2]
        start, end = f'<{before}"', f'"{after}'
        if not run.endswith(end):
            return None
        codes = run.removeprefix(start).removesuffix(end).split(end + start)
        if '"' in "".join(codes):
            return None
        step = after.count("\n")
        lines = [index * step for index in range(len(codes))]
        _check_printable(codes)
        return [(self._columns(before, after), [code.strip() for code in codes], lines)]

    def _one_by_one(self, run: str) -> list[Rows]:
        rows: list[Rows] = []
        around, codes, lines = ("", ""), [""], [0]
        line = step = 0
        for row in run.split("<")[1:]:
            before, _, rest = row.partition('"')
            code, _, after = rest.partition('"')
            if (before, after) != around:
                around, step = (before, after), after.count("\n")
                codes, lines = [], []
                rows.append((self._columns(before, after), codes, lines))
            _check_printable(code)
            codes.append(code.strip())
            lines.append(line)
            line += step
        return rows

    def _columns(self, before: str, after: str) -> Columns:
        """Return the columns of a row that has this before and after its code. Raises _Unusual."""
        parts = after.split('"')
        frame = (before, *parts[::2])
        pick = self._pickers.get(frame)
        if pick is None:
            pick = self._pickers[frame] = self._picker(frame)
        _check_printable(parts[1::2])
        parts.append("")
        return tuple(map(str.strip, pick(parts)))

    def _picker(self, frame: tuple[str, ...]) -> _Picker:
        """Return what picks the columns out of the parts of a row, and of an empty one at the end.

        `frame` is what stands around the values. Raises _Unusual unless it is of the plain form:
        the code comes first, and no attribute is there twice, in any case.
        """
        if not re.fullmatch(_FRAME.format(self._form.element), '""'.join(frame)):
            raise _Unusual
        names = [name.lower() for name in _NAME.findall("".join(frame))]
        if names[0] != self._form.code or len(set(names)) != len(names):
            raise _Unusual
        places = {name: 2 * index - 1 for index, name in enumerate(names)}
        return itemgetter(*(places.get(name, -1) for name in self._form.columns))


def _check_printable(values: Sequence[str]) -> None:
    """Raise _Unusual where there are line ends or such, which the parser may change or refuse."""
    if not "".join(values).isprintable():
        raise _Unusual
