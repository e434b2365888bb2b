"""From bytes to an element tree, or to the reason why not: size, DOCTYPE, well-formedness,
version.
"""

from __future__ import annotations

from typing import Any, Never

from lxml import etree

from broadcast.cap.validation.rules import MAX_BYTES, RuleHit, hit
from broadcast.cap.validation.structure import NAMESPACE, OLD_NAMESPACES, qualified

Element = Any  # lxml has no types; what is read from it is checked where it enters the model


class _DoctypeFoundError(Exception):
    pass


class _OnlyDoctype:
    """Looks for a DOCTYPE with libxml2's own eyes, so that no encoding hides one, and stops before
    its first entity is read.
    """

    def doctype(self, name: str, public_id: str | None, system_url: str | None) -> Never:
        raise _DoctypeFoundError

    def close(self) -> None:
        return None


def _parser(target: object | None = None) -> Any:
    # Comments and processing instructions are left out, so that the text around a comment is one
    # text, as the schema reads it.
    return etree.XMLParser(
        target=target,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def read_root(data: bytes) -> tuple[Element | None, tuple[RuleHit, ...]]:
    """Return (root element of a CAP 1.2 alert, no hits), or (None, the reject-hits). Raises
    nothing, whatever the bytes.

    Reads no file and no address, expands no entity, and is bounded by 1 MiB and libxml2's depth of
    256.
    """
    if len(data) > MAX_BYTES:
        return None, (hit("too_large", "", f"{len(data)} bytes"),)
    try:
        etree.fromstring(data, _parser(_OnlyDoctype()))
        root = etree.fromstring(data, _parser())
    except _DoctypeFoundError:
        return None, (hit("doctype", "", "a DOCTYPE"),)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        return None, (hit("not_well_formed", f"line {line}, column {column}", _reason(error)),)
    except (etree.LxmlError, ValueError, LookupError) as error:
        return None, (hit("not_well_formed", "line 1, column 1", type(error).__name__),)
    name = etree.QName(root)
    if name.namespace in OLD_NAMESPACES:
        return None, (
            hit("cap_version", f"/{name.localname}", f"CAP {OLD_NAMESPACES[name.namespace]}"),
        )
    if root.tag != qualified("alert"):
        return None, (
            hit(
                "not_cap",
                f"/{name.localname}",
                f"{name.localname} in {name.namespace or 'no name space'}",
                f"alert in {NAMESPACE}",
            ),
        )
    return root, ()


def _reason(error: etree.XMLSyntaxError) -> str:
    return str(error.msg or "not XML").split(", line ")[0]


def text_of(node: Element) -> str:
    """Return the text of a simple element as received; "" where it is empty."""
    return str(node.text or "")
