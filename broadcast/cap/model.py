"""A CAP 1.2 document as frozen records; every value is the text as received, None where the element
is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broadcast.cap.validation.lexical import collapsed
from broadcast.cap.validation.lists import Reference, split_quoted, split_references
from broadcast.cap.validation.structure import DEFAULT_LANGUAGE
from broadcast.cap.validation.times import parse_cap_time

Pair = tuple[str, str]  # (valueName, value)


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else parse_cap_time(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapArea:
    """A place. `polygons` ("lat,lon lat,lon …") and `circles` ("lat,lon km") as received;
    broadcast.cap.shape_text reads them.
    """

    area_desc: str
    polygons: tuple[str, ...] = ()
    circles: tuple[str, ...] = ()
    geocodes: tuple[Pair, ...] = ()
    altitude: str | None = None  # feet above mean sea level
    ceiling: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapResource:
    """A file that belongs to an info; `deref_uri` is its content in base 64, never read by us."""

    resource_desc: str
    mime_type: str
    size: str | None = None  # bytes
    uri: str | None = None
    deref_uri: str | None = None
    digest: str | None = None  # SHA-1


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """What is said in one language."""

    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    language: str | None = None
    response_types: tuple[str, ...] = ()
    audience: str | None = None
    event_codes: tuple[Pair, ...] = ()
    effective: str | None = None
    onset: str | None = None
    expires: str | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    parameters: tuple[Pair, ...] = ()
    resources: tuple[CapResource, ...] = ()
    areas: tuple[CapArea, ...] = ()

    @property
    def language_tag(self) -> str:
        """The language meant: CAP's default en-US where the element is absent or empty."""
        return collapsed(self.language or "") or DEFAULT_LANGUAGE

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, aware UTC; raises Rejected (cap_time) where the text is no time."""
        return _time_or_none(self.expires)

    def values_of(self, value_name: str) -> tuple[str, ...]:
        """Return the values of all parameters of this name, in their order."""
        return tuple(value for name, value in self.parameters if name == value_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """One CAP message. `signatures` holds whatever stands in the xmldsig name space after the
    infos, as XML text, unchecked.
    """

    identifier: str
    sender: str
    sent: str
    status: str
    msg_type: str
    scope: str
    source: str | None = None
    restriction: str | None = None
    addresses: str | None = None
    codes: tuple[str, ...] = ()
    note: str | None = None
    references: str | None = None
    incidents: str | None = None
    infos: tuple[CapInfo, ...] = ()
    signatures: tuple[str, ...] = ()

    @property
    def sent_at(self) -> datetime:
        """When it was sent, aware UTC; raises Rejected (cap_time) where the text is no time."""
        return parse_cap_time(self.sent)

    @property
    def reference_list(self) -> tuple[Reference, ...]:
        """The earlier messages it refers to."""
        return split_references(self.references)

    @property
    def incident_list(self) -> tuple[str, ...]:
        """The incidents it belongs to."""
        return split_quoted(self.incidents)
