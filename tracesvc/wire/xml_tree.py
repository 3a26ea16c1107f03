"""XML of strangers: parsed without entities, without network, and only up to a bounded depth."""

import re
from typing import Final

from lxml import etree

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.text import decode_text

_DECLARES: Final = re.compile(r"<!\s*(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def parse_xml(content: bytes) -> etree._Element:
    """Return the root element.

    The text is decoded first and declarations are looked for in what the parser will see, so that
    no other encoding can hide them. Raises Unreadable: `xml_dtd_forbidden` before anything could be
    expanded, `xml_broken` where it is not well formed or nested deeper than 256 elements.
    """
    text = decode_text(content)
    if _DECLARES.search(text):
        raise Unreadable("document types and entities are refused", reason="xml_dtd_forbidden")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"XML: {error}", reason="xml_broken") from error
    return root


def local_name(element: etree._Element) -> str:
    """Return the name of an element in lower case and without its namespace."""
    return str(element.tag).rpartition("}")[2].lower()


def children(element: etree._Element, name: str) -> list[etree._Element]:
    """Return the descendants of that name (lower case), in document order."""
    return [item for item in element.iter("{*}*") if local_name(item) == name]


def line_of(element: etree._Element) -> int:
    """Return the line an element begins on, from 1; 0 where it is not known."""
    line: int | None = element.sourceline  # type: ignore[assignment]  # the stubs leave it open
    return line or 0


def attributes_of(element: etree._Element) -> dict[str, str]:
    """Return the attributes by lower-case name: writers differ in CurCode, curCode and curcode."""
    return {str(name).lower(): str(value).strip() for name, value in element.items()}
