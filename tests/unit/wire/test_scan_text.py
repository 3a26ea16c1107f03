"""Raw scans: what they mean, or which wrong thing was scanned."""

import json
from datetime import date
from pathlib import Path

import pytest

from tracesvc.domain.codes import is_canonical
from tracesvc.wire.scan_text import Scan, ScanFault, read_scan

CN20 = "81234560000012345678"
SGTIN = "(01)09504000059101(21)ABC123"
DIRTY = json.loads((Path(__file__).parent / "dirty_scans.json").read_text(encoding="utf-8"))


def check(case):
    result = read_scan(case["raw"])

    if case["error_code"] is not None:
        assert isinstance(result, ScanFault)
        assert result.error_code == case["error_code"]
        return
    assert isinstance(result, Scan)
    assert result.scheme == case["canonical_kind"]
    assert is_canonical(result.trace_code)
    if case["canonical"] is not None:
        assert result.trace_code == case["canonical"]


@pytest.mark.parametrize("case", DIRTY, ids=[case["why"] for case in DIRTY])
def test_dirty(case):
    """Each thing that scanners and spreadsheets send is read or named for what it is."""
    check(case)


def test_dirty_corpus(corpora):
    """The shared corpus is read as it says."""
    cases = json.loads((corpora / "dirty" / "expected.json").read_text(encoding="utf-8"))

    for case in cases:
        check(case)


@pytest.mark.parametrize(
    "raw",
    [
        SGTIN,
        "(01)09504000059101(21)ABC123(17)271231(10)L1",
        "(17)271231(01)9504000059101(21)ABC123",
        "（01）09504000059101（21）ABC123",
        "010950400005910121ABC123",
        "010950400005910121ABC123\x1d17271231\x1d10L1",
        "]d2010950400005910121ABC123\x1d1727123110L1",
        "]C1\x1d010950400005910121ABC123",
        "\x1d010950400005910121ABC123<GS>1727123110L1",
        "17271231010950400005910121ABC123",
        "2409876\x1d010950400005910121ABC123",
        "https://id.gs1.org/01/09504000059101/21/ABC123?17=271231&10=L1",
        "https://example.cn/a/b/01/09504000059101/10/L1/21/ABC123?linkType=all",
        "http://example.cn/01/9504000059101/21/ABC123",
        "urn:epc:id:sgtin:9504000.005910.ABC123",
        "urn:epc:tag:sgtin-198:3.9504000.005910.ABC123",
    ],
)
def test_one_pack_one_code(raw):
    """However one GS1 pack is scanned, it is one code."""
    result = read_scan(raw)

    assert isinstance(result, Scan)
    assert (result.trace_code, result.inferred) == (SGTIN, False)


@pytest.mark.parametrize(
    "raw",
    [
        "(00)395040000000000012",
        "00395040000000000012",
        "]C100395040000000000012",
        "https://id.gs1.org/00/395040000000000012",
        "urn:epc:id:sscc:9504000.3000000001",
        "(00)395040000000000012(02)09504000059101(37)40",
    ],
)
def test_one_pallet_one_code(raw):
    """However one logistic unit is scanned, it is one code."""
    result = read_scan(raw)

    assert isinstance(result, Scan)
    assert result.trace_code == "(00)395040000000000012"


@pytest.mark.parametrize(
    "raw",
    [
        f"https://q.example.cn/t?c={CN20}&x=1",
        f"追溯码：{CN20}，请扫码查询",
        "8123456 0000012345678",
        "8123456-0000012345678",
        f'="{CN20}"',
        f"'{CN20}",
        f"\u200b{CN20}\u3000",
    ],
)
def test_wrapped_cn20(raw):
    """A 20-digit code is found inside links, texts and a spreadsheet's guards."""
    result = read_scan(raw)

    assert isinstance(result, Scan)
    assert result.trace_code == CN20


@pytest.mark.parametrize(
    ("raw", "error_code"),
    [
        ("   ", "empty"),
        ("\ufeff\r\n", "empty"),
        ("8.1E+19", "scientific_notation"),
        ("81234560000012300000.0", "scientific_notation"),
        ("(01)09504000059101", "no_serial"),
        ("0109504000059101", "no_serial"),
        ("https://id.gs1.org/01/09504000059101", "no_serial"),
        ("(00)395040000000000013", "bad_check_digit"),
        ("urn:epc:id:sgtin:9504000.05910.ABC123", "bad_length"),
        ("urn:epc:id:sgln:9504000.05910.0", "unsupported_code"),
        ("urn:epc:id:sgtin:9504000.005910.A%20B", "bad_character"),
        ("https://example.cn/", "unsupported_code"),
        (f"{CN20} 81234560000012345679", "several_codes"),
        ("hello", "unsupported_code"),
        ("(10)L1(17)271231", "unsupported_code"),
        ("8" * 3000, "bad_length"),
        ("96385074", "product_barcode"),
        ("81234A6000001234567", "bad_length"),
        ("010950400005910121A(17)B\x1d", "bad_character"),
    ],
)
def test_faults(raw, error_code):
    """Each wrong thing has its own error code."""
    result = read_scan(raw)

    assert isinstance(result, ScanFault)
    assert result.error_code == error_code


def test_what_the_pack_carries():
    """Lot and dates of a GS1 scan are there for the caller; day 00 is the last of the month."""
    result = read_scan("010950400005910121ABC123\x1d1727020010L-1\x1d11260105")

    assert isinstance(result, Scan)
    assert (result.lot, result.made_on, result.expiry) == (
        "L-1",
        date(2026, 1, 5),
        date(2027, 2, 28),
    )


def test_lost_separators():
    """Lost separators are guessed only where serial, expiry and lot can all be told apart."""
    guessed = read_scan("010950400005910121ABC1231727123110L1")
    literal = read_scan("010950400005910121ABC123172712")
    ambiguous = read_scan("01095040000591011727123110L21A21B")

    assert isinstance(guessed, Scan)
    assert (guessed.trace_code, guessed.inferred, guessed.lot) == (SGTIN, True, "L1")
    assert isinstance(literal, Scan)
    assert (literal.trace_code, literal.inferred) == (f"{SGTIN}172712", False)
    assert isinstance(ambiguous, ScanFault)
    assert ambiguous.error_code == "ambiguous_gs1"


def test_raw_is_kept_where_it_says_more():
    """Blanks and full-width digits are not worth keeping; another spelling is."""
    blanks, other = read_scan(f" {CN20}\t"), read_scan("010950400005910121ABC123\x1d10L1")

    assert isinstance(blanks, Scan)
    assert blanks.raw is None
    assert isinstance(other, Scan)
    assert other.raw == "010950400005910121ABC123\x1d10L1"
