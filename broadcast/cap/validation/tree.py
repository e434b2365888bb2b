"""From an element tree to the records of broadcast.cap.model, by the table of
broadcast.cap.validation.structure.
"""

from __future__ import annotations

from typing import Any, cast

from lxml import etree

from broadcast.cap.model import CapAlert, CapArea, CapInfo, CapResource
from broadcast.cap.validation.reading import Element, text_of
from broadcast.cap.validation.structure import ELEMENTS, SIGNATURE_NAMESPACE, qualified

_RECORDS: dict[str, type[Any]] = {
    "alert": CapAlert,
    "info": CapInfo,
    "resource": CapResource,
    "area": CapArea,
}


def read_alert(root: Element) -> CapAlert:
    """Return the document; `root` must have passed check_structure's rules about elements."""
    return cast("CapAlert", _record(root, "alert"))


def _record(node: Element, type_: str) -> Any:
    slots = {qualified(slot.tag): slot for slot in ELEMENTS[type_]}
    values: dict[str, Any] = {}
    signatures = []
    for child in node:
        slot = slots.get(child.tag)
        if slot is None:
            if etree.QName(child).namespace == SIGNATURE_NAMESPACE:
                signatures.append(etree.tostring(child, with_tail=False, encoding="unicode"))
            continue
        value = _record(child, slot.type) if slot.type in ELEMENTS else text_of(child)
        if slot.many:
            values.setdefault(slot.attribute, []).append(value)
        else:
            values[slot.attribute] = value
    if type_ == "pair":
        return values["value_name"], values["value"]
    kept = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    if signatures:
        kept["signatures"] = tuple(signatures)
    return _RECORDS[type_](**kept)
