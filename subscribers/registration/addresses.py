"""The address that somebody gives while registering: read, and refused where it would cost or
reach nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import phonenumbers

from broadcast.problems import Rejected, refuse
from subscribers.people_file.email_address import normalise_email
from subscribers.people_file.telephone import normalise_number

CHANNELS: Final = ("sms", "voice", "email")
UNITED_KINGDOM: Final = 44
HOME_REGIONS: Final = ("GB", "JE", "GG", "IM")
ISLANDS: Final = ("JE", "GG", "IM")
LONGEST: Final = 254
_PREFIX_LESS = 4
"""Digits at the end of a number in which numbers of one prefix differ."""

# https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
_DRAMA = re.compile(
    r"\+44(?:7700900[0-9]{3}|(?:113|114|115|116|117|118|121|131|141|151|161|191)4960[0-9]{3}"
    r"|2079460[0-9]{3}|2890180[0-9]{3}|2920180[0-9]{3}|1632960[0-9]{3}|8081570[0-9]{3})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One contact point as it is dialled or mailed. `island`: the Channel Islands or the Isle of
    Man, where a text or call costs more. It is shown to nobody but who gave it.
    """

    channel: str
    text: str = field(repr=False)
    island: bool = False

    @property
    def prefix(self) -> str:
        """The numbers or mailboxes beside this one: one budget for all of them."""
        if self.channel == "email":
            return self.text.rpartition("@")[2]
        return self.text[:-_PREFIX_LESS]


def read(channel: str, given: str, *, trial: bool) -> Address:
    """Return the address that somebody gave for a channel.

    `trial`: numbers that exist in dramas and trials alone are taken. Raises Rejected: email_…,
    number_…, landline, country_closed; the address is in none of them.
    """
    if channel not in CHANNELS:
        raise refuse("channel_unknown", "there is no such channel", "choose one", field="channel")
    text = given.strip()
    if not text or len(text) > LONGEST:
        raise refuse(
            "address_missing", "there is no address", "write it into the field", field="address"
        )
    try:
        if channel == "email":
            return Address(channel=channel, text=normalise_email(text))
        number = normalise_number(text, mobile=channel == "sms", allow_trial_numbers=trial)
    except Rejected as rejected:
        first = rejected.problems[0]
        raise refuse(first.code, first.detail, first.fix, field="address") from None
    return _number(channel, number, trial=trial)


def _number(channel: str, number: str, *, trial: bool) -> Address:
    if trial and (_DRAMA.fullmatch(number) or number.startswith("+999")):
        return Address(channel=channel, text=number)
    if _DRAMA.fullmatch(number):
        raise refuse(
            "number_not_reachable",
            "this number exists in films and plays only",
            "give your own number",
            field="address",
        )
    parsed = phonenumbers.parse(number, None)
    types = phonenumbers.PhoneNumberType
    region = phonenumbers.region_code_for_number(parsed)
    if parsed.country_code == UNITED_KINGDOM and region is None:
        raise refuse(
            "number_invalid",
            "no such range of numbers is in use",
            "write it as 07700 900123",
            field="address",
        )
    if parsed.country_code != UNITED_KINGDOM or region not in HOME_REGIONS:
        raise refuse(
            "country_closed",
            "numbers of other countries, and of satellites, are not taken here",
            "give a number of the United Kingdom, or choose e-mail",
            field="address",
        )
    if phonenumbers.number_type(parsed) not in (
        types.MOBILE,
        *(() if channel == "sms" else (types.FIXED_LINE, types.FIXED_LINE_OR_MOBILE, types.VOIP)),
    ):
        raise refuse(
            "number_not_allowed",
            "this is no ordinary number: it costs more, or belongs to a service",
            "give a mobile or a landline number",
            field="address",
        )
    return Address(channel=channel, text=number, island=region in ISLANDS)


def masked(channel: str, text: str) -> str:
    """Return an address so that its owner knows it, and who looks over their shoulder does not."""
    if channel == "email":
        local, _, domain = text.partition("@")
        return f"{local[:1]}•••@{domain}"
    return f"••• {text[-3:]}"
