"""E-mail addresses, of a file, of operators or of who registers: checked, their domain in lower
case.
"""

from __future__ import annotations

import re

from broadcast.problems import refuse
from subscribers.people_file.texts import CONTROL

_EMAIL = re.compile(
    r"(?!\.)(?!.*\.\.)(?!.*\.@)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59}))",
    re.ASCII,
)
_NO_MAIL = frozenset({"localhost", "local", "localdomain", "internal", "invalid", "onion", "arpa"})


def normalise_email(cell: str) -> str:
    """Return an e-mail address, its domain in lower case. Raises Rejected; the address is never
    repeated in the error.
    """
    text = cell.strip()
    found = _EMAIL.fullmatch(text)
    if found is None or len(text) > 254:
        local, _, domain = text.rpartition("@")
        if (
            local
            and "@" not in local
            and not CONTROL.search(text)
            and (
                domain.startswith("[")
                or domain.lower() in _NO_MAIL
                or re.fullmatch(r"[0-9.]+", domain)
            )
        ):
            raise refuse(
                "email_domain",
                "mail cannot be sent to that domain",
                "give an address on the internet, such as name@example.org",
            )
        if local and not domain.isascii() and "@" not in local:
            try:
                return normalise_email(f"{local}@{domain.encode('idna').decode()}")
            except UnicodeError:
                pass
        raise refuse("email_invalid", "this is no e-mail address", "write it as name@example.org")
    domain = found["domain"].lower()
    if domain.rpartition(".")[2] in _NO_MAIL:
        raise refuse(
            "email_domain",
            "mail cannot be sent to that domain",
            "give an address on the internet, such as name@example.org",
        )
    return text[: found.start("domain")] + domain
