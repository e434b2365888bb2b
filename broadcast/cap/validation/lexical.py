"""The simple types of the CAP schema: is this text a language, an address, a number, one of these
words?
"""

from __future__ import annotations

import re
from collections.abc import Callable

from broadcast.cap.validation.structure import WHITESPACE, Slot
from broadcast.cap.validation.times import has_time_form, read_time

_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")  # xs:language
_INTEGER = re.compile(r"[-+]?[0-9]+")  # xs:integer
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")  # xs:decimal

# RFC 3986, appendix A; what an IRI may hold beside is escaped first (RFC 3987, section 3.1), as
# xs:anyURI asks.
_NEEDS_ESCAPE = re.compile(r"[^\x21-\x7e]|[<>\"{}|\\^`]")
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_AUTHORITY = (
    r"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[[^\]\[/?#@]*\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]+)?"
)
_NETWORK_PATH = rf"//{_AUTHORITY}(?:/{_PCHAR}*)*"
_ABSOLUTE_PATH = rf"/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_ROOTLESS_PATH = rf"{_PCHAR}+(?:/{_PCHAR}*)*"
_NO_SCHEME_PATH = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})+" + rf"(?:/{_PCHAR}*)*"
_TAIL = (  # brackets in a fragment: refused by RFC 3986, taken by the validators in use
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?\[\]])*)?"
)
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+\-.]*:(?:{_NETWORK_PATH}|{_ABSOLUTE_PATH}|{_ROOTLESS_PATH})?{_TAIL}|(?:{_NETWORK_PATH}|{_ABSOLUTE_PATH}|{_NO_SCHEME_PATH})?{_TAIL}"
)


_LONGEST_URI = 10_000  # characters; browsers and servers take fewer


def collapsed(text: str) -> str:
    """Return the text as XML Schema's whiteSpace=collapse reads it."""
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """Return the parts between XML's white space; a no-break space separates nothing."""
    return [part for part in re.split(f"[{WHITESPACE}]+", text) if part]


def _time(text: str) -> str:
    if not has_time_form(text):
        return "time_form"
    return "" if read_time(text) is not None else "time_impossible"


def _language(text: str) -> str:
    # An empty one means the schema's default, en-US, as an absent one does.
    return "" if text == "" or _LANGUAGE.fullmatch(collapsed(text)) else "language_form"


def _uri(text: str) -> str:
    if len(text) > _LONGEST_URI:
        return "uri_form"
    return "" if _URI.fullmatch(_NEEDS_ESCAPE.sub("_", collapsed(text))) else "uri_form"


def _integer(text: str) -> str:
    return "" if _INTEGER.fullmatch(collapsed(text)) else "integer_form"


def _decimal(text: str) -> str:
    return "" if _DECIMAL.fullmatch(collapsed(text)) else "decimal_form"


_CHECKS: dict[str, Callable[[str], str]] = {
    "time": _time,
    "language": _language,
    "uri": _uri,
    "integer": _integer,
    "decimal": _decimal,
}


def broken_rule(slot: Slot, text: str) -> str:
    """Return the name of the rule that the text of a simple element breaks; "" where it is as it
    should be.
    """
    if slot.type == "enumeration":
        return "" if text in slot.values else "value_not_allowed"
    check = _CHECKS.get(slot.type)
    return check(text) if check else ""
