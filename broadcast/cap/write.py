"""A CAP document to bytes: UTF-8, with XML declaration, in the order of the schema, the same bytes
for the same document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from broadcast.cap.model import CapAlert
from broadcast.cap.validation.reading import Element
from broadcast.cap.validation.structure import ELEMENTS, NAMESPACE, PAIR, qualified
from broadcast.problems import refuse


def write(alert: CapAlert) -> bytes:
    """Return the document as bytes; `parse` gives an equal CapAlert back.

    Raises Rejected (cap_text) for characters that XML cannot hold. It judges nothing else:
    `validate` does.
    """
    root = etree.Element(qualified("alert"), nsmap={None: NAMESPACE})
    try:
        _fill(root, alert, "alert")
    except ValueError as error:
        raise refuse(
            "cap_text",
            "the text has a control character or half a character, which XML cannot hold",
            "remove it",
        ) from error
    etree.indent(root, space="  ")
    _add_signatures(root, alert.signatures)
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        + bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=False))
        + b"\n"
    )


def _fill(node: Element, record: Any, type_: str) -> None:
    for tag, child_type, value in _values(record, type_):
        child = etree.SubElement(node, qualified(tag))
        if child_type in ELEMENTS:
            _fill(child, value, child_type)
        else:
            child.text = value


def _values(record: Any, type_: str) -> Iterator[tuple[str, str, Any]]:
    if type_ == "pair":
        yield from ((slot.tag, slot.type, value) for slot, value in zip(PAIR, record, strict=True))
        return
    for slot in ELEMENTS[type_]:
        value = getattr(record, slot.attribute)
        for item in value if slot.many else () if value is None else (value,):
            yield slot.tag, slot.type, item


def _add_signatures(root: Element, signatures: tuple[str, ...]) -> None:
    """Append them as they were, without a change inside: their own white space is part of what is
    signed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    for text in signatures:
        signature = etree.fromstring(text, parser)
        root[-1].tail = "\n  "
        root.append(signature)
        signature.tail = "\n"
