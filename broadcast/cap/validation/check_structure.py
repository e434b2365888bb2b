"""What the CAP schema would refuse: elements, their order and number, attributes, stray text, and
the form of each value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lxml import etree

from broadcast.cap.validation.lexical import broken_rule
from broadcast.cap.validation.reading import Element, text_of
from broadcast.cap.validation.rules import RuleHit, hit
from broadcast.cap.validation.structure import (
    ELEMENTS,
    NAMESPACE,
    SIGNATURE_NAMESPACE,
    WHITESPACE,
    Slot,
)

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# hints that we never follow
_LOCATIONS = frozenset({f"{{{_XSI}}}schemaLocation", f"{{{_XSI}}}noNamespaceSchemaLocation"})
_BAD_IN_SIGNATURE = (f"{{{_XSI}}}type", f"{{{_XSI}}}nil")


def check_structure(root: Element) -> Iterator[RuleHit]:
    """Yield every hit of a rule about shape or a single value, in document order."""
    yield from _element(root, "alert", "/alert")


def _element(node: Element, type_: str, where: str) -> Iterator[RuleHit]:
    slots = ELEMENTS[type_]
    yield from _attributes(node, where)
    yield from _stray_text(node, where)
    at = 0  # the first slot that may still come
    seen: Counter[str] = Counter()
    in_signatures = False
    for child in node:
        name = etree.QName(child)
        seen[name.localname] += 1
        place = f"{where}/{name.localname}[{seen[name.localname]}]"
        if type_ == "alert" and name.namespace == SIGNATURE_NAMESPACE:
            if not in_signatures:
                yield from _missing(slots, at, len(slots), where)
                in_signatures, at = True, len(slots)
            yield from _signature(child, place)
            continue
        index = (
            next((i for i in range(at, len(slots)) if slots[i].tag == name.localname), None)
            if name.namespace == NAMESPACE
            else None
        )
        if index is None:
            yield hit(
                "element_unexpected",
                place,
                name.localname if name.namespace == NAMESPACE else str(name),
                _next_expected(slots, at),
            )
            continue
        slot = slots[index]
        yield from _missing(slots, at, index, where)
        yield from (
            _element(child, slot.type, place)
            if slot.type in ELEMENTS
            else _simple(child, slot, place)
        )
        # A slot that may repeat stays open, but is no longer missing: the slots after it are looked
        # at from here.
        at = index if slot.many else index + 1
        if slot.many and slot.required:
            slots = (*slots[:index], _optional(slot), *slots[index + 1 :])
    yield from _missing(slots, at, len(slots), where)


def _optional(slot: Slot) -> Slot:
    return Slot(
        tag=slot.tag, attribute=slot.attribute, type=slot.type, values=slot.values, many=slot.many
    )


def _missing(slots: tuple[Slot, ...], start: int, end: int, where: str) -> Iterator[RuleHit]:
    for slot in slots[start:end]:
        if slot.required:
            yield hit("element_missing", where, f"no {slot.tag}", slot.tag)


def _next_expected(slots: tuple[Slot, ...], at: int) -> str:
    tags = []
    for slot in slots[at:]:
        tags.append(slot.tag)
        if slot.required:
            break
    return "one of " + ", ".join(tags) if len(tags) > 1 else (tags[0] if tags else "nothing more")


def _simple(node: Element, slot: Slot, where: str) -> Iterator[RuleHit]:
    yield from _attributes(node, where)
    if len(node):
        yield hit("element_unexpected", where, etree.QName(node[0]).localname, "text only")
        return
    text = text_of(node)
    rule = broken_rule(slot, text)
    if rule:
        yield hit(rule, where, text, "one of " + ", ".join(slot.values) if slot.values else None)


def _attributes(node: Element, where: str) -> Iterator[RuleHit]:
    for name in node.attrib:
        if name not in _LOCATIONS:
            yield hit("attribute_unexpected", where, str(name))


def _stray_text(node: Element, where: str) -> Iterator[RuleHit]:
    for text in (node.text, *(child.tail for child in node)):
        if text and text.strip(WHITESPACE):
            yield hit("text_unexpected", where, text.strip())


def _signature(node: Element, where: str) -> Iterator[RuleHit]:
    for inner in node.iter():
        if inner.tag.startswith(f"{{{NAMESPACE}}}") or any(
            name in inner.attrib for name in _BAD_IN_SIGNATURE
        ):
            yield hit("signature_content", where, etree.QName(inner).localname)
            return
