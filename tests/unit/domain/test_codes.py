"""Canonical trace codes: their grammars, their parts, and the promise made to the log."""

import pytest

from tracesvc.domain.codes import (
    TRACE_CODE_LENGTH_MAX,
    CodeScheme,
    all_cn20,
    gs1_check_digit,
    has_check_digit,
    is_canonical,
    parse_canonical,
    product_code_of,
    scheme_of,
)

CN20 = "84103910003280448792"
SGTIN = "(01)09504000059101(21)ABC123"
SSCC = "(00)395040000000000012"


@pytest.mark.parametrize(
    ("text", "scheme", "product"),
    [
        (CN20, CodeScheme.CN20, "8410391"),
        (SGTIN, CodeScheme.GS1, "09504000059101"),
        (SSCC, CodeScheme.SSCC, None),
    ],
)
def test_parts(text, scheme, product):
    """A canonical code tells its scheme and product, and its parts make the same text again."""
    parsed = parse_canonical(text)

    assert parsed is not None
    assert (parsed.scheme, parsed.product_code, parsed.text) == (scheme, product, text)
    assert (scheme_of(text), product_code_of(text)) == (scheme, product)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CN20 + "0",
        CN20[:-1],
        "7" + CN20[1:],
        CN20 + "\n",
        "８" + CN20[1:],
        "(01)09504000059102(21)ABC123",
        "(01)09504000059101(21)",
        "(01)09504000059101(21)A\\B",
        "(01)09504000059101(21)A\tB",
        "(01)09504000059101(21)A(17)B",
        "(01)09504000059101(21)" + "A" * 21,
        "(00)395040000000000013",
        "0109504000059101" + "21ABC123",
    ],
)
def test_not_canonical(text):
    """Anything but the one spelling is not canonical."""
    assert not is_canonical(text)


def test_longest_code_fits():
    """The longest code there is stays below the limit of the column."""
    longest = "(01)09504000059101(21)" + "A" * 20

    assert is_canonical(longest)
    assert len(longest) <= TRACE_CODE_LENGTH_MAX


def test_check_digit():
    """Check digits are those printed on real labels."""
    assert gs1_check_digit("0950400005910") == "1"
    assert has_check_digit("6901234567892")
    assert not has_check_digit("6901234567893")


@pytest.mark.parametrize(
    ("codes", "clean"),
    [
        ([CN20], True),
        ([CN20] * 3500, True),
        ([], False),
        ([CN20, "7" + CN20[1:]], False),
        ([CN20, CN20[1:]], False),
        ([CN20[:-1], CN20 + "0"], False),
        ([CN20, SGTIN], False),
        (["８" + CN20[1:]], False),
        ([CN20 + "\n"], False),
    ],
)
def test_all_cn20(codes, clean):
    """A list passes the fast path only if each single code is clean."""
    assert all_cn20(codes) is clean
