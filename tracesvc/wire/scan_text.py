"""One raw scan to one canonical trace code, or to the reason why not.

What scanners and spreadsheets really send: blanks, byte-order marks,
full-width digits, product barcodes, numbers ruined by a spreadsheet, and four spellings of one GS1
pack. All spellings of a pack give one text; every wrong thing gets its own error code.
"""

import re
import unicodedata
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import unquote

from tracesvc.domain.codes import (
    CodeScheme,
    TraceCode,
    gs1_check_digit,
    has_check_digit,
    is_cn20,
    is_serial,
    parse_canonical,
)
from tracesvc.wire.gs1 import (
    GS,
    AmbiguousElements,
    Elements,
    expiry_of,
    read_bracketed,
    read_digital_link,
    read_raw,
)

RAW_LENGTH_MAX: Final = 2000
"""Longest text looked at; no carrier holds more."""


class Scan(NamedTuple):
    """A scan that was understood.

    `raw` is the text as sent where it says more or other than the canonical code (None where only
    blanks, marks or full-width forms differ). `inferred` marks a GS1 scan that had lost its
    separators. Lot and dates are those the pack itself carries.
    """

    trace_code: str
    scheme: CodeScheme
    raw: str | None = None
    inferred: bool = False
    lot: str | None = None
    made_on: date | None = None
    expiry: date | None = None


class ScanFault(NamedTuple):
    """A scan that is no trace code: an error code of `wire.messages` and what was seen."""

    error_code: str
    detail: str = ""


def read_scan(raw: str) -> Scan | ScanFault:
    """Read one scan. Never raises, whatever the text."""
    if is_cn20(raw):
        return Scan(raw, CodeScheme.CN20)
    if len(raw) > RAW_LENGTH_MAX:
        return ScanFault("bad_length", f"{len(raw)} characters")
    text = clean(raw)
    if not text:
        return ScanFault("empty")
    found = _read_clean(text)
    if isinstance(found, Scan) and found.trace_code != text:
        return found._replace(raw=raw)
    return found


_INVISIBLE: Final = re.compile("[\ufeff\u200b-\u200f\u2060\u00ad]")
# How some scanners show the unprintable group separator.
_SHOWN_GS: Final = re.compile(r"<GS>|\{GS\}|␝|<FNC1>|\{FNC1\}|\\x1d|\\u001d", re.IGNORECASE)
_SPREADSHEET_TEXT: Final = re.compile(r"""="([^"]*)"|'(.*)""", re.DOTALL)


def clean(raw: str) -> str:
    """Drop blanks, marks and a spreadsheet's text guard; turn full-width forms into plain ones."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", raw)).strip()
    if guarded := _SPREADSHEET_TEXT.fullmatch(text):
        text = (guarded[1] or guarded[2] or "").strip()
    return text


_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[0-9]{15,}[.,]0*")
_INNER_BLANKS: Final = re.compile(r"[\s-]+")
_SYMBOLOGY: Final = re.compile(r"\][A-Za-z][0-9]")
_WRAPPED: Final = re.compile(r"(?<![0-9])8[0-9]{19}(?![0-9])")


def _read_clean(text: str) -> Scan | ScanFault:
    if (known := parse_canonical(text)) is not None:
        return Scan(text, known.scheme)
    if _SCIENTIFIC.fullmatch(text) or _FLOAT.fullmatch(text):
        return ScanFault("scientific_notation", text)
    # Labels print the code in groups; a PDA keyboard wedge sends them with the blanks.
    if GS not in text and is_cn20(joined := _INNER_BLANKS.sub("", text)):
        return Scan(joined, CodeScheme.CN20)
    lowered = text[:8].lower()
    if lowered == "urn:epc:":
        return _read_epc(text)
    if lowered.startswith(("http://", "https:/")):
        return _read_uri(text)
    return _read_elements(text) or _read_wrapped(text) or _fault_of(text)


def _read_elements(text: str) -> Scan | ScanFault | None:
    """Read an element string; None where the text is none."""
    if not text.isascii():
        text = _SHOWN_GS.sub(GS, text.removeprefix("\xe8"))
        if not text.isascii():
            return None
    marked = _SYMBOLOGY.match(text)
    text = _SHOWN_GS.sub(GS, text[marked.end() :] if marked else text).strip()
    if text.startswith("("):
        elements = read_bracketed(_INNER_BLANKS_IN_BRACKETS.sub("", text))
    elif marked or GS in text or _LOOKS_GS1.match(text):
        try:
            elements = read_raw(text)
        except AmbiguousElements:
            return ScanFault("ambiguous_gs1", "group separators are missing")
    else:
        return None
    return None if elements is None else _from_elements(elements)


_INNER_BLANKS_IN_BRACKETS: Final = re.compile(r"\s+")
# A bare string is taken for an element string only if it begins as a pack or pallet label does;
# "81…" would otherwise be read as some rare application identifier.
_LOOKS_GS1: Final = re.compile(r"01[0-9]{14}|00[0-9]{18}$|1[17][0-9]{6}(?=01|10|21|1[17])")


def _from_elements(elements: Elements) -> Scan | ScanFault:
    values = elements.values
    gtin, serial, sscc = values.get("01"), values.get("21"), values.get("00")
    if sscc is not None and (gtin is None or serial is None):
        return _sscc_of(sscc)
    if gtin is None:
        return ScanFault("unsupported_code", "a GS1 string without (01) or (00)")
    found = _sgtin_of(gtin, serial)
    if isinstance(found, ScanFault):
        return found
    return found._replace(
        inferred=elements.inferred,
        lot=values.get("10"),
        made_on=expiry_of(values.get("11")),
        expiry=expiry_of(values.get("17") or values.get("7003")),
    )


def _sgtin_of(gtin: str, serial: str | None) -> Scan | ScanFault:
    if not has_check_digit(gtin):
        return ScanFault("bad_check_digit", f"GTIN {gtin}")
    if not serial:
        return ScanFault("no_serial", f"GTIN {gtin}")
    if not is_serial(serial):
        return ScanFault("bad_character", f"serial {serial}")
    return Scan(TraceCode(CodeScheme.GS1, gtin, serial).text, CodeScheme.GS1)


def _sscc_of(digits: str) -> Scan | ScanFault:
    if not has_check_digit(digits):
        return ScanFault("bad_check_digit", f"SSCC {digits}")
    return Scan(TraceCode(CodeScheme.SSCC, None, digits).text, CodeScheme.SSCC)


_EPC_SGTIN: Final = re.compile(
    r"urn:epc:(?:id:sgtin|tag:sgtin-(?:96|198):[0-7])[:.]([0-9]{6,12})\.([0-9]{1,7})\.(.+)",
    re.IGNORECASE,
)
_EPC_SSCC: Final = re.compile(
    r"urn:epc:(?:id:sscc|tag:sscc-96:[0-7])[:.]([0-9]{6,12})\.([0-9]{5,11})", re.IGNORECASE
)


def _read_epc(text: str) -> Scan | ScanFault:
    """Read an EPC URN (TDS 6.3): the check digit is not in it and is computed."""
    if sgtin := _EPC_SGTIN.fullmatch(text):
        company, item = sgtin[1], sgtin[2]
        payload = item[0] + company + item[1:]
        if len(payload) != 13:  # noqa: PLR2004 - a GTIN-14 without its check digit
            return ScanFault("bad_length", "company prefix and item reference need 13 digits")
        return _sgtin_of(payload + gs1_check_digit(payload), unquote(sgtin[3]))
    if sscc := _EPC_SSCC.fullmatch(text):
        company, reference = sscc[1], sscc[2]
        payload = reference[0] + company + reference[1:]
        if len(payload) != 17:  # noqa: PLR2004 - an SSCC without its check digit
            return ScanFault("bad_length", "company prefix and serial reference need 17 digits")
        return _sscc_of(payload + gs1_check_digit(payload))
    return ScanFault("unsupported_code", "only sgtin and sscc of the EPC URNs name one pack")


def _read_uri(text: str) -> Scan | ScanFault:
    elements = read_digital_link(text) if text.isascii() else None
    if elements is not None:
        return _from_elements(elements)
    return _read_wrapped(text) or ScanFault("unsupported_code", "a link without a trace code")


def _read_wrapped(text: str) -> Scan | ScanFault | None:
    """Find the one 20-digit code inside the text of a QR code or a link."""
    found = set(_WRAPPED.findall(text))
    if len(found) > 1:
        return ScanFault("several_codes", f"{len(found)} codes in one scan")
    return Scan(found.pop(), CodeScheme.CN20) if found else None


_GTIN_LENGTHS: Final = (8, 12, 13, 14)


def _fault_of(text: str) -> ScanFault:
    """Say which wrong thing was scanned."""
    size = len(text)
    if not (text.isascii() and text.isdigit()):
        is_typo = text.isalnum() and sum(map(str.isdigit, text)) * 2 > size
        if is_typo and size != 20:  # noqa: PLR2004 - the length of a trace code
            return ScanFault("bad_length", f"{size} characters")
        return ScanFault("bad_character" if is_typo else "unsupported_code", text[:40])
    if size == 14 and text.startswith("86"):  # noqa: PLR2004 - 86 and 14 digits: 本位码
        return ScanFault("national_drug_code", text)
    is_ean13 = size == 13 and text.startswith("69")  # noqa: PLR2004 - 69: made in China
    if is_ean13 or (size in _GTIN_LENGTHS and has_check_digit(text)):
        return ScanFault("product_barcode", text)
    if size == 20:  # noqa: PLR2004 - right length, so the beginning is wrong
        return ScanFault("bad_prefix", text)
    return ScanFault("bad_length", f"{size} digits")
