"""XML of strangers: parsed without entities, without network, and only up to a bounded depth."""

import re
from typing import Final

from lxml import etree

from tracesvc.domain.errors import Unreadable
from tracesvc.wire.text import decode_text

_DECLARES: Final = re.compile(r"<!\s*(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def xml_text(content: bytes) -> str:
    """Return what the parser is to see, and nothing that could be expanded.

    Declarations are looked for in the decoded text, so that no other encoding can hide them.
    Raises Unreadable: `xml_dtd_forbidden` where there is one.
    """
    text = decode_text(content)
    if "<!" in text and _DECLARES.search(text):
        raise Unreadable("document types and entities are refused", reason="xml_dtd_forbidden")
    return text


def parse_text(text: str) -> etree._Element:
    """Return the root element of what `xml_text` has let through.

    Raises Unreadable (`xml_broken`) where it is not well formed or nested deeper than 256 elements.
    """
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
