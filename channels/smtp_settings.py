"""The settings of e-mail, read and judged without opening anything: whether the channel is switched
on is asked by every command, most of which send nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from broadcast.problems import Problem, Rejected
from channels.setting_values import EXAMPLE_SECRETS, read_rate

if TYPE_CHECKING:
    from channels.dkim import Signer

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
# what starts a header of its own, for some reader
DISCREET_NAME = "Updates"
"""The name of a sender that says nothing, in mail programs of every language."""
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """One mail server and one sender. `tls` is "" (none), "starttls" or "tls"; `rate` a second and
    sender, 0 = no limit.

    `reserved_too`: example.* addresses may be handed to it, because it is a sink and no mail
    server. `signer`: signs every mail by DKIM; None = unsigned.
    `discreet_from`, `discreet_name`: what stands as sender in the mails of who asked that it gives
    nothing away; empty = the usual address, and a name that says nothing.
    """

    host: str
    port: int
    mail_from: str
    display_name: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""
    rate: float = 0.0
    concurrency: int = 32
    reserved_too: bool = False
    signer: Signer | None = None
    discreet_from: str = ""
    discreet_name: str = ""

    @classmethod
    def from_env(
        cls, env: Mapping[str, str], *, exercise: bool = False, trial: bool = False
    ) -> Self | None:
        """Read the settings of the contract; None where e-mail is not configured. Raises Rejected
        (exit 2), naming the setting and never its value.
        """
        name = "FASTTIME_EXERCISE_MAIL_FROM" if exercise else "FASTTIME_MAIL_FROM"
        url, sender = env.get("FASTTIME_SMTP_URL", "").strip(), env.get(name, "").strip()
        if not url and not sender:
            return None
        if url and "://" not in url:
            raise Rejected(
                _bad(
                    "FASTTIME_SMTP_URL",
                    "is not the address of a mail server",
                    "begin it with smtp:// or smtps://",
                )
            )
        if not url:
            raise Rejected(
                _bad(
                    "FASTTIME_SMTP_URL",
                    "is not set",
                    f"{name} is of no use without it; write for example smtp://127.0.0.1:25",
                    code="setting_missing",
                )
            )
        if not sender:
            if exercise:
                return None  # the live sender alone does not make an exercise sender
            raise Rejected(
                _bad(
                    name,
                    "is not set",
                    "write the sender, for example Police Alerts <alerts@example.org>",
                    code="setting_missing",
                )
            )
        made = cls.from_url(url, sender, name=name)
        # nobody who asked for it is part of an exercise
        discreet = ("", "") if exercise else _discreet(env, made.mail_from)
        rate = read_rate(env, "FASTTIME_MAIL_RATE", 0.0, of="mails", usual=50)
        sink = (
            on_loopback(made.host)
            or trial
            or f"{made.host}:{made.port}" == _host_port(env.get("FASTTIME_SIMULATOR_SMTP", ""))
        )
        return cls(
            host=made.host,
            port=made.port,
            mail_from=made.mail_from,
            display_name=made.display_name,
            username=made.username,
            password=made.password,
            tls=made.tls,
            rate=rate,
            reserved_too=sink,
            signer=_signer(env, made.mail_from),
            discreet_from=discreet[1],
            discreet_name=discreet[0],
        )

    @classmethod
    def from_url(
        cls, url: str, mail_from: str, *, name: str = "FASTTIME_MAIL_FROM", concurrency: int = 32
    ) -> Self:
        """Return the settings of an address such as smtp://user:pass@host:port, smtps://host or
        smtp://host?starttls=1. Raises Rejected.
        """
        url = url if "://" in url else f"smtp://{url}"  # FASTTIME_SIMULATOR_SMTP may be host:port
        how = "write smtp://user:pass@host:port, smtps://host or smtp://host:587?starttls=1"
        try:
            parts = urlsplit(url)
            port, host, query = (
                parts.port,
                parts.hostname,
                dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))),
            )
        except ValueError:
            raise Rejected(_bad("FASTTIME_SMTP_URL", "cannot be read as an address", how)) from None
        starttls = query.pop("starttls", "0")
        if (
            parts.scheme not in ("smtp", "smtps")
            or not host
            or parts.path not in ("", "/")
            or parts.fragment
            or query
            or starttls not in ("0", "1", "true", "false")
        ):
            raise Rejected(_bad("FASTTIME_SMTP_URL", "is not the address of a mail server", how))
        upgrade = starttls in ("1", "true")
        if parts.scheme == "smtps" and upgrade:
            raise Rejected(
                _bad(
                    "FASTTIME_SMTP_URL",
                    "asks for TLS twice",
                    "smtps:// is encrypted from the start: leave starttls out",
                )
            )
        password = unquote(parts.password or "")
        if password.lower() in EXAMPLE_SECRETS:
            raise Rejected(
                _bad("FASTTIME_SMTP_URL", "still holds an example password", "put the real one in")
            )
        if bool(parts.username) != bool(password):
            raise Rejected(
                _bad("FASTTIME_SMTP_URL", "has half of user and password", "give both or neither")
            )
        display, address = parseaddr(mail_from)
        if CONTROL.search(mail_from) or not ADDRESS.fullmatch(address):
            raise Rejected(
                _bad(
                    name,
                    "is not an e-mail address",
                    "write for example Police Alerts <alerts@example.org>",
                )
            )
        tls = "tls" if parts.scheme == "smtps" else "starttls" if upgrade else ""
        return cls(
            host=host,
            port=port or {"tls": 465, "starttls": 587, "": 25}[tls],
            mail_from=address,
            display_name=display,
            username=unquote(parts.username or ""),
            password=password,
            tls=tls,
            concurrency=concurrency,
            reserved_too=on_loopback(host),
        )


def _discreet(env: Mapping[str, str], mail_from: str) -> tuple[str, str]:
    """Return (name, address) of the sender that gives nothing away, of the domain of the usual one:
    signatures, bounces and Message-IDs are made for that.
    """
    said = env.get("FASTTIME_DISCREET_MAIL_FROM", "").strip()
    name, address = parseaddr(said)
    domain = mail_from.rpartition("@")[2].lower()
    if said and (
        CONTROL.search(said)
        or not ADDRESS.fullmatch(address)
        or address.rpartition("@")[2].lower() != domain
    ):
        raise Rejected(
            _bad(
                "FASTTIME_DISCREET_MAIL_FROM",
                "is no e-mail address of the domain of the usual sender",
                f"write for example Updates <updates@{domain}>",
            )
        )
    return name, address


def _signer(env: Mapping[str, str], mail_from: str) -> Signer | None:
    if not any(env.get(f"FASTTIME_DKIM_{name}", "").strip() for name in ("KEYS", "DOMAIN")):
        return None
    # the library of the keys is loaded where there are keys
    from channels.dkim import Signer

    return Signer.from_env(env, mail_from)


def _bad(name: str, detail: str, fix: str, *, code: str = "setting_invalid") -> Problem:
    return Problem(code=code, field=name, detail=f"{name} {detail}", fix=fix)


def _host_port(text: str) -> str:
    parts = urlsplit(text if "//" in text else f"//{text}")
    return parts.netloc.rpartition("@")[2] if text.strip() else ""


def on_loopback(host: str) -> bool:
    """Return whether a host name or address means this very machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
