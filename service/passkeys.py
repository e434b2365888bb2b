"""Passkeys (W3C Web Authentication) as an operator's second factor: what a browser is asked, and
what it answers.

A challenge is the time and random bits. The form that carries it binds it to one session
(console.room.frame), so nothing is written before the answer comes, and an answer is taken from
that session alone, within five minutes.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.sessions import passkeys, store
from broadcast.sessions.passkeys import PROOF, Passkey
from broadcast.store.database import Connection, Database
from service.sign_in import KIND, Signed, chain

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

ANSWERED_WITHIN = timedelta(minutes=5)
LONGEST_NAME = 60
LONGEST_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class Site:
    """Whose passkeys these are: the host that they are bound to, and the origin of our pages."""

    host: str
    origin: str


def site_of(public_url: str) -> Site | None:
    """Return the site; None where browsers know no passkeys: without PUBLIC_URL, at an IP address,
    or without TLS (localhost excepted).
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if not host or (parts.scheme != "https" and host != "localhost"):
        return None
    try:
        ip_address(host)
    except ValueError:
        return Site(host, f"{parts.scheme}://{parts.netloc}")
    return None


def challenge(now: datetime) -> str:
    """Return a new challenge."""
    return _text(int(now.timestamp()).to_bytes(8, "big") + secrets.token_bytes(24))


async def mine(db: Database, operator: Operator) -> list[Passkey]:
    """Return an operator's passkeys."""
    return await db.read(passkeys.of_operator, operator.id)


async def to_add(
    db: Database, site: Site, operator: Operator, sender: str, given: str
) -> dict[str, Any]:
    """Return what the browser is asked in order to make a passkey (the options of
    `navigator.credentials.create`, as JSON).
    """
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=sender,
        user_name=operator.name,
        user_id=f"fasttime operator {operator.id}".encode(),
        challenge=_bytes(given),
        exclude_credentials=_described(await mine(db, operator)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return _json(webauthn.options_to_json(options))


async def to_show(db: Database, site: Site, operator: Operator, given: str) -> dict[str, Any]:
    """Return what the browser is asked in order to show a passkey (the options of
    `navigator.credentials.get`, as JSON).
    """
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        challenge=_bytes(given),
        allow_credentials=_described(await mine(db, operator)),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _json(webauthn.options_to_json(options))


async def add(
    db: Database,
    site: Site,
    signed: Signed,
    *,
    given: str,
    answer: str,
    name: str,
    now: datetime,
) -> None:
    """Keep the passkey that a browser made; its session has shown it at once. Chained.

    Raises Rejected: 422 passkey_name, passkey_wrong; 409 passkey_known, passkeys_many; 403
    passkey_needed where the operator has one that this session did not show.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise refuse(
            "passkey_name",
            f"a passkey has a name of 1 to {LONGEST_NAME} characters",
            "call it what you will know it by, such as: phone, blue key",
            field="name",
        )
    _check_age(given, now)
    try:
        made = webauthn.verify_registration_response(
            credential=_credential(answer),
            expected_challenge=_bytes(given),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _wrong() from None

    def added(conn: Connection) -> None:
        actor = operators.still(conn, signed.operator, "read")
        passkeys.require_shown(conn, actor.id, actor.proof)
        passkeys.add(
            conn,
            operator_id=actor.id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name,
            now=now,
        )
        store.prove(conn, signed.session.id, PROOF)
        chain(conn, actor.name, "operators.passkey_add", actor.id, f"name={name}", now)

    await db.write(added)


async def show(
    db: Database, site: Site, signed: Signed, *, given: str, answer: str, now: datetime
) -> None:
    """Take the passkey that a browser shows: from now on its session has proved it. Chained.

    Raises Rejected (422 passkey_wrong): another operator's, a removed one, a copy whose counter
    lags behind, an answer to another question.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    _check_age(given, now)
    credential = _credential(answer)
    shown = credential.get("rawId", credential.get("id", ""))
    known = {_text(each.credential_id): each for each in await mine(db, signed.operator)}
    held = known.get(shown.rstrip("=")) if isinstance(shown, str) else None
    if held is None:
        raise _wrong()
    try:
        seen = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_bytes(given),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=held.public_key,
            credential_current_sign_count=held.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _wrong() from None

    def proved(conn: Connection) -> None:
        actor = operators.still(conn, signed.operator, "read")
        if not passkeys.use(conn, held, seen.new_sign_count, now):
            raise _wrong()
        store.prove(conn, signed.session.id, PROOF)
        chain(conn, actor.name, "operators.passkey", actor.id, f"name={held.name}", now)

    await db.write(proved)


async def remove(db: Database, signed: Signed, passkey_id: int, now: datetime) -> None:
    """Remove a passkey of one's own, in a session that showed one. Chained. Raises Rejected: 404
    passkey_unknown, 403 passkey_needed.
    """

    def removed(conn: Connection) -> None:
        actor = operators.still(conn, signed.operator, "read")
        passkeys.require_shown(conn, actor.id, actor.proof)
        if not passkeys.remove(conn, actor.id, now, passkey_id):
            raise refuse(
                "passkey_unknown", "there is no such passkey of yours", "see the list", status=404
            )
        chain(conn, actor.name, "operators.passkey_remove", actor.id, f"passkey={passkey_id}", now)

    await db.write(removed)


async def forget(db: Database, name: str, *, actor: str, now: datetime) -> int:
    """Remove every passkey of an operator who lost theirs, and end their sessions; return how many
    there were. For whoever has the machine's shell. Raises Rejected (404 operator_unknown).
    """

    def forgotten(conn: Connection) -> int:
        found = operators.by_name(conn, name)
        count = passkeys.remove(conn, found.id, now)
        for session in store.of_holder(conn, KIND, found.id, now):
            store.end(conn, session.id, now)
        chain(conn, actor, "operators.passkeys_forget", found.id, f"passkeys={count}", now)
        return count

    return await db.write(forgotten)


def _described(held: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=each.credential_id) for each in held]


def _check_age(given: str, now: datetime) -> None:
    asked_at = int.from_bytes(_bytes(given)[:8], "big")
    if not 0 <= now.timestamp() - asked_at <= ANSWERED_WITHIN.total_seconds():
        raise refuse(
            "passkey_late", "the passkey was asked for too long ago", "press the button again"
        )


def _credential(answer: str) -> dict[str, Any]:
    try:
        found = json.loads(answer) if len(answer) <= LONGEST_ANSWER else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _wrong()
    return found


def _wrong() -> Rejected:
    return refuse(
        "passkey_wrong",
        "that is not a passkey of yours, or not the answer to what this page asked",
        "try again with a passkey that you added here",
        field="passkey",
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != 32:
        raise _wrong()
    return data


def _json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
