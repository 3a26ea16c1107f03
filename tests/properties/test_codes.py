"""Codes: parsing undoes formatting, one wrong digit is noticed, and the log's promise holds."""

import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st

from tracesvc.domain.codes import (
    TRACE_CODE_LENGTH_MAX,
    CodeScheme,
    TraceCode,
    all_cn20,
    gs1_check_digit,
    is_canonical,
    is_cn20,
    is_serial,
    parse_canonical,
)
from tracesvc.wire.scan_text import Scan, read_scan

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def digits(length):
    return st.text("0123456789", min_size=length, max_size=length)


def checked(payload):
    return payload + gs1_check_digit(payload)


cn20 = digits(19).map(lambda tail: f"8{tail}")
gtins = digits(13).map(checked)
serials = st.text(SET_82, min_size=1, max_size=20).filter(is_serial)
sgtins = st.builds(lambda gtin, serial: TraceCode(CodeScheme.GS1, gtin, serial), gtins, serials)
ssccs = digits(17).map(checked).map(lambda text: TraceCode(CodeScheme.SSCC, None, text))
canonical = st.one_of(cn20, sgtins.map(lambda c: c.text), ssccs.map(lambda c: c.text))


@given(canonical)
def test_parse_undoes_format(text):
    """A canonical text is its own canonical form, and keeps the promise made to the log."""
    parsed = parse_canonical(text)

    assert parsed is not None
    assert parsed.text == text
    assert read_scan(text) == Scan(text, parsed.scheme)
    assert len(text) <= TRACE_CODE_LENGTH_MAX
    assert text.isascii()
    assert text.isprintable()
    assert "\\" not in text


@given(st.text(max_size=60) | canonical.map(lambda text: f" {text}\t"))
def test_any_text(text):
    """Whatever is scanned, the answer is a canonical code or a fault, and reading it again agrees."""
    result = read_scan(text)

    if isinstance(result, Scan):
        assert is_canonical(result.trace_code)
        assert read_scan(result.trace_code).trace_code == result.trace_code
        assert all(unicodedata.category(sign) != "Cc" for sign in result.trace_code)
    else:
        assert result.error_code


@given(st.text("01278()\x1d]dC17ABurn:epc./https", max_size=50))
def test_texts_like_codes(text):
    """Texts made of the pieces of codes are read or named, never a crash."""
    read_scan(text)


@given(sgtins, st.text("ABC019", min_size=1, max_size=8))
def test_four_spellings(code, lot):
    """Bracketed, raw, Digital Link and EPC URN of one pack give one code."""
    gtin, serial = code.product_code, code.serial
    quoted = "".join(f"%{ord(sign):02X}" for sign in serial)
    spellings = [
        f"(01){gtin}(21){serial}(10){lot}",
        f"]d201{gtin}21{serial}\x1d10{lot}",
        f"https://id.gs1.org/01/{gtin}/21/{quoted}?10={lot}",
        f"urn:epc:id:sgtin:{gtin[1:8]}.{gtin[0]}{gtin[8:13]}.{quoted}",
    ]

    assert {read_scan(text).trace_code for text in spellings} == {code.text}


@given(sgtins, st.integers(4, 17), st.integers(1, 9))
def test_a_wrong_digit_is_noticed(code, place, step):
    """A GTIN with one wrong digit never passes."""
    text = code.text
    wrong = text[:place] + str((int(text[place]) + step) % 10) + text[place + 1 :]

    assert not is_canonical(wrong)


@given(st.lists(cn20 | st.text("8123456789０\n", max_size=22), min_size=1, max_size=8))
def test_fast_path(codes):
    """The fast path for lists says what looking at each code would say."""
    assert all_cn20(codes) is all(is_cn20(text) is not None for text in codes)


@given(gtins, serials)
def test_serials_are_kept(gtin, serial):
    """A raw scan keeps every sign of the serial, where it is no separatorless medicine label."""
    result = read_scan(f"01{gtin}21{serial}")
    assume(isinstance(result, Scan) and not result.inferred)

    assert result.trace_code == f"(01){gtin}(21){serial}"
