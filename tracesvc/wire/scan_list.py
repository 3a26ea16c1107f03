"""The scans of one event: canonical, each once, with what was wrong or worth keeping about them."""

from typing import Final, NamedTuple

from tracesvc.domain.codes import all_cn20, is_cn20
from tracesvc.wire.reading import Draft, Reading, pointer_to
from tracesvc.wire.scan_text import Scan, read_scan


class ScanList(NamedTuple):
    """Codes in the order scanned and each once; for a relabel, `replacements` beside them.

    `repeated` and `inferred` are sorted. `raw` maps a code to what was really scanned, where that
    says more or other than the code.
    """

    codes: tuple[str, ...]
    replacements: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    raw: dict[str, str] | None = None


_NOTHING: Final = ScanList(())


def read_scans(draft: Draft, reading: Reading) -> ScanList:
    """Read the codes of an event; bad ones become rejections. Raises TooLarge beyond the limits."""
    codes = draft.facts.get("codes")
    if not codes:
        return _NOTHING
    reading.count_codes(len(codes))
    if draft.facts.get("replacements"):
        return _read_pairs(draft, reading)
    # Nearly every list is clean and without repetition; then there is nothing left to do.
    if is_cn20(codes[0]) and (
        len(codes) == 1 or (all_cn20(codes) and len(set(codes)) == len(codes))
    ):
        return ScanList(tuple(codes))
    seen: dict[str, Scan] = {}
    repeated = set()
    for index, text in enumerate(codes):
        scan = _read_one(draft, reading, "codes", index, text)
        if scan is None:
            continue
        earlier = seen.setdefault(scan.trace_code, scan)
        if earlier is not scan:
            repeated.add(scan.trace_code)
            seen[scan.trace_code] = min(earlier, scan, key=_by_raw)
    return _listed(tuple(seen), seen)._replace(repeated=tuple(sorted(repeated)))


def read_parent(draft: Draft, reading: Reading) -> str | None:
    """Read the container of a pack or unpack; None where there is none or it was rejected."""
    text = draft.facts.get("parent")
    if not text:
        return None
    scan = read_scan(text)
    if isinstance(scan, Scan):
        return scan.trace_code
    reading.reject(
        scan.error_code,
        text,
        ordinal=draft.ordinal,
        pointer=pointer_to(draft.pointer, "parent"),
        detail=scan.detail,
        line=draft.line,
    )
    return None


def _by_raw(scan: Scan) -> str:
    # Of two spellings of one pack the same is kept whichever came first.
    return scan.raw or ""


def _listed(codes: tuple[str, ...], seen: dict[str, Scan]) -> ScanList:
    """Return codes with what their scans are worth keeping for."""
    raw = {code: scan.raw for code, scan in seen.items() if scan.raw is not None}
    inferred = tuple(sorted(code for code, scan in seen.items() if scan.inferred))
    return ScanList(codes, inferred=inferred, raw=raw or None)


def _read_pairs(draft: Draft, reading: Reading) -> ScanList:
    """Read old and new codes of a relabel; a pair of which either is bad is left out."""
    old, new = draft.facts["codes"], draft.facts["replacements"]
    pairs: dict[str, str] = {}
    seen: dict[str, Scan] = {}
    for index, (old_text, new_text) in enumerate(zip(old, new, strict=True)):
        before = _read_one(draft, reading, "codes", index, old_text)
        after = _read_one(draft, reading, "replacements", index, new_text)
        if before is None or after is None:
            continue
        if before.trace_code in seen or after.trace_code in seen or before[0] == after[0]:
            reading.reject(
                "repeated_in_relabel",
                old_text,
                ordinal=draft.ordinal,
                pointer=pointer_to(draft.pointer, "codes", index),
                line=draft.line,
            )
            continue
        pairs[before.trace_code] = after.trace_code
        seen[before.trace_code], seen[after.trace_code] = before, after
    return _listed(tuple(pairs), seen)._replace(replacements=tuple(pairs.values()))


def _read_one(draft: Draft, reading: Reading, field: str, index: int, text: str) -> Scan | None:
    scan = read_scan(text)
    if isinstance(scan, Scan):
        return scan
    place = draft.places[index] if draft.places and field == "codes" else index
    reading.reject(
        scan.error_code,
        text,
        ordinal=draft.ordinal,
        pointer=pointer_to(draft.pointer, field, place),
        detail=scan.detail,
        line=draft.lines[index] if draft.lines else draft.line,
    )
    return None
