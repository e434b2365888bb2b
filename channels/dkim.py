"""DKIM signatures of outgoing mail: they prove who sent it, and mail programs honour one-click
unsubscribe on signed mail only.

Ed25519-SHA256 (RFC 8463) and RSA-SHA256 (RFC 6376), canonicalised relaxed/relaxed. A mail gets one
signature per key, so that who cannot verify the newer algorithm verifies the older one.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from broadcast.problems import Problem, Rejected, refuse

KEYS, DOMAIN = "FASTTIME_DKIM_KEYS", "FASTTIME_DKIM_DOMAIN"
RSA_BITS = (2048, 4096)  # weaker is forged, longer need not be verified (RFC 8301 section 3.2)
TXT_STRING = 255  # characters of one string of a TXT record
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_HOW = "write selector:file[,selector:file], for example mail2026:/etc/fasttime/dkim.pem"
_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out FILE, or -algorithm rsa"
# Names under which others register their own. There are thousands; these are the ones that British
# authorities are under.
_SHARED = frozenset(
    f"{name}.uk" for name in ("ac", "co", "gov", "mod", "net", "nhs", "org", "police", "sch")
) | {"gov.scot", "gov.wales"}
# Signed once more than they are there: nobody can add a second one that readers would be shown.
_NO_MORE_OF = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "reply-to",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
)


def relaxed_headers(block: bytes) -> tuple[bytes, ...]:
    """Return the headers of a block in relaxed canonical form (RFC 6376 section 3.4.2)."""
    lines = _FOLD.sub(b"", block).removesuffix(b"\r\n").split(b"\r\n")
    return tuple(
        name.strip().lower() + b":" + _BLANKS.sub(b" ", value).strip(b" ") + b"\r\n"
        for name, _, value in (line.partition(b":") for line in lines)
    )


def relaxed_body(body: bytes) -> bytes:
    """Return a body in relaxed canonical form (RFC 6376 section 3.4.4)."""
    text = relaxed_lines(body).rstrip(b" \r\n")
    return text + b"\r\n" if text else b""


def relaxed_lines(piece: bytes) -> bytes:
    """Return a piece of a body in relaxed canonical form; what ends it goes on in the next one."""
    return _BLANKS.sub(b" ", piece).replace(b" \r\n", b"\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One private key and the selector under which the public one is published."""

    selector: str
    file: Path
    private: Ed25519PrivateKey | RSAPrivateKey = field(repr=False)

    @property
    def kind(self) -> str:
        """The algorithm's name in the DNS record: ed25519 or rsa."""
        return "ed25519" if isinstance(self.private, Ed25519PrivateKey) else "rsa"

    def record(self) -> str:
        """Return the text of the TXT record that holds the public key."""
        public = self.private.public_key()
        if isinstance(self.private, Ed25519PrivateKey):
            # RFC 8463 section 4: the bare 32 bytes
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        else:
            raw = public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        return f"v=DKIM1; k={self.kind}; p={b64encode(raw).decode('ascii')}"

    def sign(self, data: bytes) -> bytes:
        """Return the signature of canonical headers, in base64."""
        if isinstance(self.private, Ed25519PrivateKey):
            # RFC 8463 section 3: the hash is what is signed
            return b64encode(self.private.sign(sha256(data).digest()))
        return b64encode(self.private.sign(data, PKCS1v15(), hashes.SHA256()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs in the name of one domain with each of its keys."""

    domain: str
    keys: tuple[Key, ...]

    @classmethod
    def from_env(cls, env: Mapping[str, str], mail_from: str) -> Self | None:
        """Read the settings; None where mail is not signed. Without a domain it is the sender's.
        Raises Rejected (exit 2), naming setting and file.
        """
        named, domain = env.get(KEYS, "").strip(), env.get(DOMAIN, "").strip().lower()
        if not named and not domain:
            return None
        if not named:
            raise refuse(
                "setting_missing", f"{KEYS} is not set", f"{DOMAIN} alone signs nothing; {_HOW}",
                field=KEYS,
            )  # fmt: skip
        domain = domain or mail_from.rpartition("@")[2].lower()
        if not _NAME.fullmatch(domain) or "." not in domain:
            raise refuse(
                "setting_invalid", f"{DOMAIN} is not the name of a domain",
                "write for example police.example, or leave it out: the sender's then",
                field=DOMAIN,
            )  # fmt: skip
        keys: list[Key] = []
        problems: list[Problem] = []
        for part in named.split(","):
            try:
                keys.append(_key(part.strip()))
            except Rejected as rejected:
                problems += rejected.problems
        selectors = [key.selector.lower() for key in keys]
        if len(set(selectors)) < len(selectors):
            problems.append(_bad("names a selector twice", "give each key a selector of its own"))
        if problems:
            raise Rejected(problems)
        return cls(domain=domain, keys=tuple(keys))

    def is_aligned_with(self, mail_from: str) -> bool:
        """Return whether readers see the domain that signs: the sender's, one above it, or one
        below it (DMARC's relaxed alignment, RFC 7489 section 3.1.1).

        Never one that many share, such as police.uk: it is nobody's own.
        """
        seen = mail_from.rpartition("@")[2].lower()
        if self.domain != seen and {self.domain, seen} & _SHARED:
            return False
        return (
            seen == self.domain
            or seen.endswith(f".{self.domain}")
            or self.domain.endswith(f".{seen}")
        )

    def records(self) -> list[tuple[str, str]]:
        """Return (name, data) of each TXT record to publish, the data as a zone file has it."""
        found = []
        for key in self.keys:
            text = key.record()
            strings = [text[at : at + TXT_STRING] for at in range(0, len(text), TXT_STRING)]
            name = f"{key.selector}._domainkey.{self.domain}."
            found.append((name, " ".join(f'"{string}"' for string in strings)))
        return found

    def sign(self, headers: Sequence[bytes], body_hash: bytes) -> bytes:
        """Return the signatures as headers, to be put before the others. `headers` are all of the
        mail's in relaxed form, `body_hash` the SHA-256 of its relaxed body.

        There is no t=: verifiers refuse one that is in their future, and Date is signed anyway.
        """
        folded = _signed_names(tuple(header.partition(b":")[0] for header in headers))
        block, bh = b"".join(headers), b64encode(body_hash).decode("ascii")
        made = []
        for key in self.keys:
            start = (
                f"DKIM-Signature: v=1; a={key.kind}-sha256; c=relaxed/relaxed; d={self.domain};"
                f"\r\n\ts={key.selector}; h={folded};\r\n\tbh={bh};\r\n\tb="
            ).encode("ascii")
            (own,) = relaxed_headers(start)
            signature = key.sign(block + own.removesuffix(b"\r\n"))
            lines = [signature[n : n + 72] for n in range(0, len(signature), 72)]
            made.append(start + b"\r\n\t".join(lines) + b"\r\n")
        return b"".join(made)


_FULL_LINE = 60
"""Characters of one line of h= after which the next name begins another."""


@lru_cache(maxsize=64)
def _signed_names(names: tuple[bytes, ...]) -> str:
    """Return the names of h=, on several lines; mails of one sender have a few forms only."""
    lines = [""]
    for name in [*(name.decode("ascii") for name in names), *_NO_MORE_OF]:
        if len(lines[-1]) > _FULL_LINE:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n\t".join(lines).removesuffix(":")


def _bad(detail: str, fix: str = _HOW) -> Problem:
    return Problem(code="setting_invalid", field=KEYS, detail=f"{KEYS} {detail}", fix=fix)


def _key(part: str) -> Key:
    """Read "selector:file". Raises Rejected; what stands in the file is never repeated."""
    selector, colon, name = part.partition(":")
    if not colon or not name.strip() or not _NAME.fullmatch(selector.strip()):
        raise Rejected(_bad("is not selector:file"))
    selector, file = selector.strip(), Path(name.strip())
    try:
        private = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        detail = f"names a key that cannot be read: {file}: {error.strerror}"
        raise Rejected(_bad(detail, "correct the name, or let this user read it")) from None
    except TypeError:
        detail = f"names a key with a password: {file}"
        raise Rejected(_bad(detail, "take it off: openssl pkey -in OLD -out NEW")) from None
    except (ValueError, UnsupportedAlgorithm):
        detail = f"names a file that holds no private key in PEM: {file}"
        raise Rejected(_bad(detail, _MAKE)) from None
    if isinstance(private, RSAPrivateKey):
        if not RSA_BITS[0] <= private.key_size <= RSA_BITS[1]:
            detail = f"names an RSA key of {private.key_size} bits: {file}"
            fix = f"{RSA_BITS[0]} to {RSA_BITS[1]} are verified everywhere: {_MAKE}"
            raise Rejected(_bad(detail, fix))
    elif not isinstance(private, Ed25519PrivateKey):
        raise Rejected(_bad(f"names a key that is neither RSA nor Ed25519: {file}", _MAKE))
    return Key(selector=selector, file=file, private=private)
