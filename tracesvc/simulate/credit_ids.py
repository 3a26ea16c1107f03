"""Unified social credit identifiers 统一社会信用代码: 18 characters with two check characters."""

from typing import Final

_ORG_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ORG_CHARS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CREDIT_CHARS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_MODULUS: Final = 11


def credit_id(category: str, region: str, organisation: str) -> str:
    """Return the 18-character id of an organisation (GB 32100-2015).

    `category` is two characters (91 company, 12 public institution), `region` six digits, and
    `organisation` the first eight characters of the organisation code (GB 11714).
    """
    body = f"{category}{region}{organisation}{_organisation_check(organisation)}"
    total = sum(CREDIT_CHARS.index(char) * pow(3, at, 31) for at, char in enumerate(body))
    return body + CREDIT_CHARS[-total % 31]


def _organisation_check(organisation: str) -> str:
    weighted = zip(organisation, _ORG_WEIGHTS, strict=True)
    rest = _ORG_MODULUS - sum(_ORG_CHARS.index(char) * weight for char, weight in weighted) % 11
    return {_ORG_MODULUS: "0", _ORG_MODULUS - 1: "X"}.get(rest, str(rest))
