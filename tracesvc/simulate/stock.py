"""Goods as ranges: a thousand cases of one lot on a shelf are one span, whatever is inside them."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tracesvc.simulate.products import Lot, Product


class Span(NamedTuple):
    """`size` packs of one level of a lot, from the index `first` on."""

    lot: Lot
    level: int
    first: int
    size: int

    def codes(self) -> list[str]:
        return self.lot.codes(self.level, self.first, self.size)

    def spans(self) -> "tuple[Span, ...]":
        return (self,)

    def part(self, start: int, stop: int) -> "Span":
        return self._replace(first=self.first + start, size=stop - start)

    def opened(self) -> "Span":
        """Return the content, one level down."""
        ratio = self.lot.product.ratios[self.level - 2]
        return Span(self.lot, self.level - 1, self.first * ratio, self.size * ratio)

    def covers(self, unit: int) -> bool:
        """Say whether the unit of that index is in one of these packs."""
        return (
            self.first <= unit // self.lot.product.units_per(self.level) < self.first + self.size
        )


class Pallet(NamedTuple):
    """A wholesaler's own pallet: one SSCC on top of packs that keep their codes."""

    code: str
    content: tuple[Span, ...]
    size: int = 1

    def codes(self) -> list[str]:
        return [self.code]

    def spans(self) -> tuple[Span, ...]:
        return self.content

    def part(self, _start: int, _stop: int) -> "Pallet":
        return self


Item = Span | Pallet


def size_of(items: Iterable[Item]) -> int:
    """Return how many codes are scanned for these items."""
    return sum(item.size for item in items)


def codes_of(items: Iterable[Item]) -> list[str]:
    return [code for item in items for code in item.codes()]


def cut(items: Iterable[Item], start: int, stop: int) -> tuple[Item, ...]:
    """Return what lies between two positions of the scanned codes."""
    found: list[Item] = []
    at = 0
    for item in items:
        low, high = max(start - at, 0), min(stop - at, item.size)
        if low < high:
            found.append(item.part(low, high))
        at += item.size
    return tuple(found)


def deal(items: tuple[Item, ...], weights: list[int]) -> Iterator[tuple[Item, ...]]:
    """Share items out in the given proportions, in order; a share may be empty."""
    total, weight_total = size_of(items), sum(weights)
    given = passed = 0
    for weight in weights:
        passed += weight
        until = total * passed // weight_total
        yield cut(items, given, until)
        given = until


class Shelf:
    """The goods one participant holds, per product, oldest first."""

    def __init__(self) -> None:
        self._spans: dict[Product, deque[Span]] = {}

    def __bool__(self) -> bool:
        return any(self._spans.values())

    def products(self) -> tuple[Product, ...]:
        """Return what is there, in the order in which it first came."""
        return tuple(product for product, spans in self._spans.items() if spans)

    def put(self, items: Iterable[Item]) -> None:
        for item in items:
            for span in item.spans():
                self._spans.setdefault(span.lot.product, deque()).append(span)

    def units(self, product: Product) -> int:
        spans = self._spans.get(product, ())
        return sum(span.size * product.units_per(span.level) for span in spans)

    def take(self, product: Product, level: int, size: int) -> tuple[Span, ...]:
        """Take up to `size` packs of one level, opening larger ones as needed, not smaller ones."""
        taken: list[Span] = []
        passed_over: list[Span] = []
        spans = self._spans.get(product, deque())
        while size > 0 and spans:
            span = spans.popleft()
            if span.level < level:
                passed_over.append(span)
                continue
            if span.level > level:
                spans.extendleft(reversed(_open_one(span)))
                continue
            if span.size > size:
                spans.appendleft(span.part(size, span.size))
                span = span.part(0, size)
            taken.append(span)
            size -= span.size
        spans.extendleft(reversed(passed_over))
        return tuple(taken)

    def take_all(self, product: Product, level: int, *, keep: float) -> tuple[Span, ...]:
        """Take everything in packs of at most `level`, but for the share `keep` of the packs."""
        packs = [
            _opened_to(span, level) if span.level > level else span
            for span in self._spans.pop(product, ())
        ]
        total = size_of(packs)
        held = int(total * keep)
        self.put(cut(packs, total - held, total))
        return tuple(span for item in cut(packs, 0, total - held) for span in item.spans())


def _open_one(span: Span) -> tuple[Span, ...]:
    """Return the content of the first pack, and the packs that stay closed."""
    content = span.part(0, 1).opened()
    return (content,) if span.size == 1 else (content, span.part(1, span.size))


def _opened_to(span: Span, level: int) -> Span:
    while span.level > level:
        span = span.opened()
    return span
