"""Figures: what was measured, how often, against which target, and how that is printed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity: a sample per repetition, and the target its median has to meet, if any."""

    scenario: str
    name: str
    unit: str
    samples: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the median meets the target; None where there is none."""
        if self.at_least is not None:
            return self.median >= self.at_least
        if self.at_most is not None:
            return self.median <= self.at_most
        return None

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {_number(self.at_least)}"
        if self.at_most is not None:
            return f"< {_number(self.at_most)}"
        return ""

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "samples": self.samples,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "is_met": self.is_met,
        }


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures in columns; a missed target is written out."""
    lines: list[tuple[str, ...]] = [("", "median", "lowest", "highest", "n", "target", "")]
    for scenario in dict.fromkeys(figure.scenario for figure in figures):
        lines.append((f"{scenario}:", "", "", "", "", "", ""))
        lines += [_line(figure) for figure in figures if figure.scenario == scenario]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in {0, 5, 6} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(figure: Figure) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[figure.is_met]
    return (
        f"  {figure.name} [{figure.unit}]",
        _number(figure.median),
        _number(min(figure.samples)),
        _number(max(figure.samples)),
        str(len(figure.samples)),
        figure.target,
        verdict,
    )


_WHOLE_FROM = 100


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.2f}"
