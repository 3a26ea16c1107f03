"""Trace codes in canonical form: one text per pack, whatever the scanner sent.

Three schemes are known (NMPAB/T 1002):

====== ================================= ===================================================
scheme canonical text                    meaning
====== ================================= ===================================================
cn20   ``84103910003280448792``          7 product digits, 9 serial digits, 4 check digits
gs1    ``(01)09504000059101(21)ABC123``  SGTIN: GTIN-14 with check digit, serial of GS1 set 82
sscc   ``(00)395040000000000012``        logistic unit, 18 digits with check digit
====== ================================= ===================================================

Promise to the log: a canonical code is ASCII without backslash, tab, newline or any other control
character and at most `TRACE_CODE_LENGTH_MAX` characters long. The log writes codes to Postgres in
text COPY format without escaping them, and is correct only while this holds.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

TRACE_CODE_LENGTH_MAX: Final = 100
CN20_LENGTH: Final = 20
CN20_PRODUCT_LENGTH: Final = 7


class CodeScheme(StrEnum):
    """Who numbers the code. The values appear in answers."""

    CN20 = "cn20"
    GS1 = "gs1"
    SSCC = "sscc"


class TraceCode(NamedTuple):
    """A canonical code taken apart.

    `product_code` is the drug identification code (cn20: the first 7 digits, which differ by package
    level) or the GTIN-14; an SSCC names no product. `serial` is the rest, check digits included.
    """

    scheme: CodeScheme
    product_code: str | None
    serial: str

    @property
    def text(self) -> str:
        """The canonical text: the inverse of `parse_canonical`."""
        match self.scheme:
            case CodeScheme.CN20:
                return f"{self.product_code}{self.serial}"
            case CodeScheme.GS1:
                return f"(01){self.product_code}(21){self.serial}"
            case CodeScheme.SSCC:
                return f"(00){self.serial}"


# The Chinese platforms' codes begin with 8; which of 80 to 89 are in use is reference data.
is_cn20: Final = re.compile(r"8[0-9]{19}").fullmatch
"""Match a clean 20-digit code. The last four digits are secret check digits: nobody can compute them."""

_SGTIN: Final = re.compile(r"""\(01\)([0-9]{14})\(21\)([!"%-?A-Z_a-z]{1,20})""")
_SSCC: Final = re.compile(r"\(00\)([0-9]{18})")
# In a serial, brackets round a number would read as the next element of a bracketed string.
_BRACKETED_NUMBER: Final = re.compile(r"\([0-9]{2,4}\)")


def all_cn20(codes: Sequence[str]) -> bool:
    """Tell whether there are codes and each is a clean 20-digit one; the fast path for whole bills.

    One pass over the joined text instead of one match per code: about 0.2 ms for 3,500 codes.
    """
    joined = "".join(codes)
    count = len(codes)
    return (
        len(joined) == CN20_LENGTH * count
        and joined.isascii()
        and joined.isdigit()
        # Digits only and all of length 20, so every 20th character starts a code.
        and joined[::CN20_LENGTH] == "8" * count
        and set(map(len, codes)) == {CN20_LENGTH}
    )


def parse_canonical(text: str) -> TraceCode | None:
    """Take a canonical text apart; None where the text is not canonical."""
    if is_cn20(text):
        return TraceCode(CodeScheme.CN20, text[:CN20_PRODUCT_LENGTH], text[CN20_PRODUCT_LENGTH:])
    if (sgtin := _SGTIN.fullmatch(text)) and has_check_digit(sgtin[1]):
        return TraceCode(CodeScheme.GS1, sgtin[1], sgtin[2]) if is_serial(sgtin[2]) else None
    if (sscc := _SSCC.fullmatch(text)) and has_check_digit(sscc[1]):
        return TraceCode(CodeScheme.SSCC, None, sscc[1])
    return None


def is_canonical(text: str) -> bool:
    return parse_canonical(text) is not None


def scheme_of(trace_code: str) -> CodeScheme:
    """Return the scheme of a canonical code, by its first characters only."""
    if trace_code.startswith("(01)"):
        return CodeScheme.GS1
    return CodeScheme.SSCC if trace_code.startswith("(00)") else CodeScheme.CN20


def product_code_of(trace_code: str) -> str | None:
    """Return the product part of a canonical code: 7 digits, a GTIN-14, or None for an SSCC."""
    match scheme_of(trace_code):
        case CodeScheme.CN20:
            return trace_code[:CN20_PRODUCT_LENGTH]
        case CodeScheme.GS1:
            return trace_code[4:18]
        case CodeScheme.SSCC:
            return None


def is_serial(text: str) -> bool:
    """Tell whether a GS1 serial (AI 21) can stand in a canonical code."""
    return bool(_SERIAL.fullmatch(text)) and not _BRACKETED_NUMBER.search(text)


_SERIAL: Final = re.compile(r"""[!"%-?A-Z_a-z]{1,20}""")


def gs1_check_digit(payload: str) -> str:
    """Return the GS1 mod-10 check digit of a string of ASCII digits (General Specifications 7.9)."""
    odd = sum(map(int, payload[-1::-2]))
    even = sum(map(int, payload[-2::-2]))
    return str(-(3 * odd + even) % 10)


def has_check_digit(digits: str) -> bool:
    """Tell whether the last of some ASCII digits is their GS1 check digit."""
    return gs1_check_digit(digits[:-1]) == digits[-1]
