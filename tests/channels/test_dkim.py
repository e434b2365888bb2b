"""Signed mail verifies for an independent verifier, by each key alone; a change to it does not."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast.problems import Rejected
from broadcast.wording.rendered import Rendered
from channels.contract import Accepted
from channels.dkim import Key, Signer, relaxed_body, relaxed_headers
from channels.email import EmailChannel
from channels.mail import build_template
from channels.smtp_settings import SmtpSettings
from tests.channels.mail_server import a_mail_server
from tests.channels.messages import MAIL, a_delivery

FROM = "Police Alerts <alerts@police.example.org>"
OWN = "https://alerts.example.org/u/your-own-link"
ANSWER = "https://alerts.example.org/a/your-own-link"
LINKED = Rendered(
    channel="email",
    language="cy",
    subject="Gollyngiad nwy: Ŵyl  y  dref",
    body=f"Arhoswch dan do, ŵyl.\n\n.A line with a dot,  two  blanks \n\n{OWN}\n\n\n",
    html=f'<p>ŵ <a href="{OWN}">{OWN}</a></p>',
    unsubscribe=OWN,
)


def pem(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two keys in files, as the setting names them."""
    folder = tmp_path_factory.mktemp("dkim")
    (folder / "ed.pem").write_bytes(pem(Ed25519PrivateKey.generate()))
    (folder / "rsa.pem").write_bytes(pem(rsa.generate_private_key(65537, 2048)))
    return f"ed1:{folder}/ed.pem, rsa1:{folder}/rsa.pem"


def a_signer(keys: str, **more: str) -> Signer:
    signer = Signer.from_env({"FASTTIME_DKIM_KEYS": keys, **more}, "alerts@police.example.org")
    assert signer is not None
    return signer


def dns(signer: Signer) -> Callable[..., bytes | None]:
    """Answer as a name server does that publishes what doctor prints."""
    zone = {
        name: "".join(re.findall(r'"([^"]*)"', data)).encode() for name, data in signer.records()
    }
    return lambda name, **_: zone.get(name.decode())


def verified(mail: bytes, signer: Signer) -> list[bool]:
    """Return what the verifier says of each signature, from the first."""
    found = []
    for number in range(len(re.findall(rb"(?m)^DKIM-Signature:", mail))):
        try:
            found.append(bool(dkim.DKIM(mail).verify(idx=number, dnsfunc=dns(signer))))
        except dkim.DKIMException:
            found.append(False)
    return found


async def sent(signer: Signer | None, *, link: str = "", rendered: Rendered = LINKED) -> bytes:
    async with a_mail_server() as server:
        made = SmtpSettings.from_url(server.url, FROM)
        channel = EmailChannel(
            SmtpSettings(
                host=made.host,
                port=made.port,
                mail_from=made.mail_from,
                display_name=made.display_name,
                reserved_too=True,
                signer=signer,
            )
        )
        delivery = a_delivery("ada@example.org", rendered=rendered, unsubscribe_url=link)
        assert type(await channel.send(delivery, timeout=5)) is Accepted
        await channel.close()
    return server.bodies[0].replace(b"\r\n..", b"\r\n.")


@pytest.mark.parametrize("link", ["", "https://alerts.example.org/u/aebagbafaydqqcikbmga2dq6"])
@pytest.mark.parametrize("rendered", [MAIL, LINKED], ids=["plain", "with the link in it"])
async def test_both_signatures_verify_by_what_doctor_says_to_publish(
    keys: str, rendered: Rendered, link: str
) -> None:
    signer = a_signer(keys)
    mail = await sent(signer, link=link, rendered=rendered)
    assert verified(mail, signer) == [True, True]
    assert [a.decode() for a in re.findall(rb"a=([a-z0-9-]+);", mail)] == [
        "ed25519-sha256",
        "rsa-sha256",
    ]
    assert max(len(line) for line in mail.split(b"\r\n")) <= 998


async def test_each_key_signs_alone_too(keys: str) -> None:
    for one in keys.split(", "):
        signer = a_signer(one)
        assert verified(await sent(signer), signer) == [True]


async def test_without_keys_mail_goes_unsigned() -> None:
    assert b"dkim" not in (await sent(None)).lower()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Arhoswch", b"Gadewch "),
        (b"alerts.example.org/u/ae", b"alerts.evil.example/u/ae"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"List-Unsubscribe: <https://alerts", b"List-Unsubscribe: <https://alarms"),
        (b"To: ada@example.org", b"To: bob@example.org"),
        (b"\r\nFrom: ", b"\r\nFrom: Somebody <a@evil.example>\r\nFrom: "),
        (b"\r\nSubject: ", b"\r\nSubject: Pay now\r\nSubject: "),
        (b"\r\nTo: ", b"\r\nReply-To: a@evil.example\r\nTo: "),
    ],
)
async def test_a_mail_that_was_changed_or_added_to_verifies_by_neither(
    keys: str, old: bytes, new: bytes
) -> None:
    signer = a_signer(keys)
    mail = await sent(signer, link="https://alerts.example.org/u/aebagbafaydqqcikbmga2dq6")
    assert old in mail
    assert verified(mail.replace(old, new, 1), signer) == [False, False]


async def test_a_relay_that_folds_headers_and_adds_its_own_breaks_nothing(keys: str) -> None:
    signer = a_signer(keys)
    mail = await sent(signer)
    relayed = b"Received: by relay\r\n" + mail.replace(b"Subject: ", b"subject:\r\n  ", 1)
    assert verified(relayed + b"\r\n\r\n", signer) == [True, True]


def test_the_example_of_the_standard_comes_out_byte_for_byte() -> None:
    """RFC 8463, appendix A: key, mail and signature."""
    seed = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Key(
        selector="brisbane",
        file=Path("brisbane"),
        private=Ed25519PrivateKey.from_private_bytes(seed),
    )
    assert key.record() == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
    bh = b64encode(sha256(relaxed_body(body)).digest())
    assert bh == b"2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    signed = relaxed_headers(
        b"From: Joe SixPack <joe@football.example.com>\r\n"
        b"To: Suzie Q <suzie@shopping.example.net>\r\n"
        b"Subject: Is dinner ready?\r\n"
        b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
        b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
        b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
        b" d=football.example.com; i=@football.example.com;\r\n"
        b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
        b" subject : date : message-id : from : subject : date;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=\r\n"
    )
    assert key.sign(b"".join(signed).removesuffix(b"\r\n")) == (
        b"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    )


_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
_subjects = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(body=_words, html=_words, subject=_subjects)
def test_whatever_the_words_the_signature_verifies(
    keys: str, body: str, html: str, subject: str
) -> None:
    signer = a_signer(keys.partition(", ")[0])
    rendered = Rendered(
        channel="email",
        language="en",
        subject=subject,
        body=f"{body}{OWN}{body}{ANSWER}",
        html=f"{html}{ANSWER}{OWN}" if html else "",
        unsubscribe=OWN,
        answer=ANSWER,
    )
    template = build_template(rendered, "alerts@police.example.org", "Police")
    own = b"To: ada@example.org\r\n"
    links = ("https://alerts.example.org/u/x", "https://alerts.example.org/a/xyz")
    mail = template.head + b"\r\n" + template.body_for(*links).replace(b"\r\n..", b"\r\n.")
    assert b"your-own" not in mail
    signed = template.signed(signer, own, *links) + own + mail
    assert verified(signed, signer) == [True]


# label, setting, domain, what is wrong
def _written(folder: Path) -> dict[str, bytes]:
    encrypted = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a password"),
    )
    return {
        "weak": pem(rsa.generate_private_key(65537, 1024)),
        "curve": pem(ec.generate_private_key(ec.SECP256R1())),
        "locked": encrypted,
        "text": b"5ca1ab1e",
        "good": pem(Ed25519PrivateKey.generate()),
    }


@pytest.mark.parametrize(
    ("named", "domain", "words"),
    [
        ("a:{}/weak", "", ["1024 bits", "2048 to 4096"]),
        ("a:{}/curve", "", ["neither RSA nor Ed25519"]),
        ("a:{}/locked", "", ["password"]),
        ("a:{}/text", "", ["no private key", "openssl genpkey"]),
        ("a:{}/absent", "", ["cannot be read", "absent"]),
        ("{}/good", "", ["selector:file"]),
        ("a b:{}/good", "", ["selector:file"]),
        ("a:", "", ["selector:file"]),
        ("a:{0}/good,A:{0}/good", "", ["twice"]),
        ("a:{}/good", "police", ["FASTTIME_DKIM_DOMAIN"]),
        ("a:{}/good", "police.example\r\nBcc: x", ["FASTTIME_DKIM_DOMAIN"]),
        ("", "police.example", ["FASTTIME_DKIM_KEYS is not set"]),
    ],
)
def test_a_key_that_cannot_sign_is_refused_with_its_file_and_the_way_out(
    tmp_path: Path, named: str, domain: str, words: list[str]
) -> None:
    for name, data in _written(tmp_path).items():
        (tmp_path / name).write_bytes(data)
    env = {"FASTTIME_DKIM_KEYS": named.format(tmp_path), "FASTTIME_DKIM_DOMAIN": domain}
    with pytest.raises(Rejected) as refusal:
        SmtpSettings.from_env({"FASTTIME_SMTP_URL": "smtp://h", "FASTTIME_MAIL_FROM": FROM, **env})
    (problem,) = refusal.value.problems
    assert problem.field.startswith("FASTTIME_DKIM_")
    assert all(word in problem.line() for word in words)
    assert "5ca1ab1e" not in problem.line()


@pytest.mark.parametrize(
    ("domain", "aligned"),
    [
        ("", True),
        ("police.example.org", True),
        ("POLICE.example.org", True),
        ("example.org", True),
        ("mail.police.example.org", True),
        ("lice.example.org", False),
        ("police.example.com", False),
    ],
)
def test_the_domain_that_signs_is_aligned_where_readers_see_it(
    keys: str, domain: str, aligned: bool
) -> None:
    signer = a_signer(keys, FASTTIME_DKIM_DOMAIN=domain)
    assert signer.is_aligned_with("alerts@police.example.org") is aligned


def test_a_domain_that_many_authorities_share_signs_for_none_of_them(keys: str) -> None:
    shared = a_signer(keys, FASTTIME_DKIM_DOMAIN="police.uk")
    own = a_signer(keys, FASTTIME_DKIM_DOMAIN="met.police.uk")
    assert not shared.is_aligned_with("alerts@met.police.uk")
    assert own.is_aligned_with("alerts@met.police.uk")
    assert own.is_aligned_with("alerts@mail.met.police.uk")


def test_no_error_and_no_settings_show_a_private_key(keys: str) -> None:
    signer = a_signer(keys)
    assert "private" not in repr(signer).lower()
    assert "PRIVATE KEY" not in repr(SmtpSettings.from_url("smtp://h", FROM)) + repr(signer)
