from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.problems import Rejected
from broadcast.wording.rendered import Rendered
from channels.contract import Accepted, ChannelError, InDoubt, Refused, Unavailable
from channels.email import EmailChannel, envelope_address, is_reserved
from channels.mail import Template, build_template, list_id
from channels.simulator import run_simulator
from channels.smtp_settings import SmtpSettings
from config.settings import is_trial
from tests.channels.mail_server import (
    HANG_UP,
    HANG_UP_ONCE,
    SILENCE,
    MailServer,
    a_mail_server,
    a_wire,
)
from tests.channels.messages import MAIL, a_delivery, an_attempt
from tests.clock import NOON, Clock

FROM = "Police Alerts <alerts@police.example.org>"
ONE_BY_ONE = {"EHLO": "250 there"}


def a_channel(server: MailServer, **more: Any) -> EmailChannel:
    return EmailChannel(SmtpSettings.from_url(server.url, FROM, **more))


def a_mail(to: str = "ada@example.org", **more: Any) -> Any:
    return a_delivery(to, rendered=MAIL, **more)


# label, what the server says otherwise, what it means, its code, whether the body was ever handed
# over
TALKS: list[tuple[str, dict[str, str], type, str, bool]] = [
    ("taken", {}, Accepted, "4bX9", True),
    ("taken, without a queue id", {".": "250 ok"}, Accepted, "", True),
    ("taken, in several lines", {".": "250-2.0.0 ok\r\n250 queued as A1"}, Accepted, "A1", True),
    (
        "the sender is refused",
        {"MAIL": "550 5.7.1 not you", "RCPT": "503 MAIL first", "DATA": "503 MAIL first"},
        Refused,
        "550",
        False,
    ),
    (
        "other credentials are wanted",
        {"MAIL": "530 5.7.0 log in", "RCPT": "503 no", "DATA": "503 no"},
        Unavailable,
        "530",
        False,
    ),
    (
        "the sender is refused, the body is wanted",
        {"MAIL": "550 5.7.1 not you"},
        Refused,
        "550",
        False,
    ),
    (
        "no such inbox",
        {"RCPT": "550 5.1.1 <ada@example.org> unknown", "DATA": "554 no recipients"},
        Refused,
        "550",
        False,
    ),
    (
        "no such inbox, in several lines",
        {"RCPT": "550-5.1.1 unknown\r\n550 see https://example.org", "DATA": "554 no"},
        Refused,
        "550",
        False,
    ),
    (
        "greylisted",
        {"RCPT": "451 4.7.1 come back", "DATA": "554 no recipients"},
        Unavailable,
        "451",
        False,
    ),
    (
        "closing at RCPT",
        {"RCPT": "421 4.3.2 closing", "DATA": HANG_UP},
        Unavailable,
        "no_connection",
        False,
    ),
    ("closing at MAIL", {"MAIL": "421 4.3.2 closing"}, Unavailable, "no_connection", False),
    (
        "no such inbox, and the body is wanted",
        {"RCPT": "550 5.1.1 unknown", ".": "554 no recipients"},
        Refused,
        "550",
        False,
    ),
    (
        "no such inbox, and an empty mail is taken",
        {"RCPT": "550 5.1.1 unknown"},
        Refused,
        "550",
        False,
    ),
    (
        "no such inbox, and gone at the dot",
        {"RCPT": "550 5.1.1 unknown", ".": HANG_UP},
        Refused,
        "550",
        False,
    ),
    ("the body is refused", {"DATA": "554 5.3.0 no"}, Refused, "554", False),
    ("the body later", {"DATA": "451 4.3.0 no"}, Unavailable, "451", False),
    ("the body answered by 250", {"DATA": "250 what?"}, Unavailable, "250", False),
    ("gone at RCPT", {"RCPT": HANG_UP}, Unavailable, "no_connection", False),
    ("gone in place of 354", {"DATA": HANG_UP}, Unavailable, "no_connection", False),
    ("silent in place of 354", {"DATA": SILENCE}, Unavailable, "no_connection", False),
    ("refused after the dot", {".": "552 5.2.2 full"}, Refused, "552", True),
    ("spam after the dot", {".": "550 5.7.1 spam"}, Refused, "550", True),
    ("later after the dot", {".": "451 4.3.0 try later"}, Unavailable, "451", True),
    ("closing after the dot", {".": "421 4.3.2 closing"}, Unavailable, "421", True),
    ("gone after the dot", {".": HANG_UP}, InDoubt, "no_answer", True),
    ("silent after the dot", {".": SILENCE}, InDoubt, "no_answer", True),
    ("nonsense after the dot", {".": "hello"}, InDoubt, "no_answer", True),
    ("354 after the dot", {".": "354 more"}, InDoubt, "354", True),
    ("199 after the dot", {".": "199 hm"}, InDoubt, "199", True),
]


@pytest.mark.parametrize("speech", [{}, ONE_BY_ONE], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(
    ("script", "kind", "code", "handed"), [row[1:] for row in TALKS], ids=[row[0] for row in TALKS]
)
async def test_each_talk_ends_sure_or_in_doubt(
    script: dict[str, str], kind: type, code: str, handed: bool, speech: dict[str, str]
) -> None:
    async with a_mail_server({**script, **speech}) as server:
        channel = a_channel(server)
        if kind is Accepted:
            assert await channel.send(a_mail(), timeout=5) == Accepted(provider_id=code)
        else:
            with pytest.raises(ChannelError) as error:
                await channel.send(a_mail(), timeout=0.5 if SILENCE in script.values() else 5)
            found = (type(error.value), error.value.code)
            if code == "no_connection" and "421" in str(script):
                assert found in [(Unavailable, "421"), (Unavailable, "no_connection")]
            else:
                assert found == (kind, code)
            assert "ada@" not in str(error.value)
        await channel.close()
        assert [body for body in server.bodies if body] == ([server.bodies[0]] if handed else [])
        assert len(server.bodies) <= 1


async def test_the_enhanced_status_is_kept_and_the_servers_words_are_not() -> None:
    async with a_mail_server(
        {"RCPT": "550 5.1.1 <ada@example.org>: who?", "DATA": "554 no"}
    ) as server:
        channel = a_channel(server)
        with pytest.raises(Refused) as refusal:
            await channel.send(a_mail(), timeout=5)
        assert (refusal.value.code, refusal.value.detail) == ("550", "5.1.1")
        await channel.close()


async def test_a_refusal_leaves_the_connection_usable() -> None:
    async with a_mail_server({"RCPT": "550 5.1.1 no", "DATA": "554 no"}) as server:
        channel = a_channel(server)
        with pytest.raises(Refused):
            await channel.send(a_mail(), timeout=5)
        server.script |= {"RCPT": "250 ok", "DATA": "354 go on"}
        await channel.send(a_mail(number=1), timeout=5)
        assert server.connections == 1
        assert "RSET" in server.words
        await channel.close()


async def test_a_hand_over_without_trouble_takes_one_packet_of_commands() -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        for number in range(3):
            await channel.send(a_mail(number=number), timeout=5)
        await channel.close()
        await asyncio.sleep(0.02)
    assert server.connections == 1
    assert server.words == [
        "EHLO police.example.org",
        *(
            word
            for number in range(3)
            for word in (
                f"MAIL FROM:<bounce+{an_attempt(number)}@police.example.org>",
                "RCPT TO:<ada@example.org>",
                "DATA",
            )
        ),
        "QUIT",
    ]


async def test_a_pooled_connection_that_died_costs_nothing() -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        await channel.send(a_mail(number=0), timeout=5)
        server.script["MAIL"] = HANG_UP_ONCE
        await channel.send(a_mail(number=1), timeout=5)  # it finds out, and connects once more
        assert server.connections == 2
        await channel.close()
    assert len(server.bodies) == 2


async def test_an_idle_connection_that_the_server_closed_is_not_used() -> None:
    async with a_mail_server({".": "250 ok"}) as server:
        channel = a_channel(server)
        await channel.send(a_mail(), timeout=5)
        (line,) = channel._idle
        line.data_received(b"421 4.4.2 idle too long\r\n")
        await channel.send(a_mail(number=1), timeout=5)
        assert server.connections == 2
        await channel.close()


async def test_no_more_connections_than_agreed_and_the_others_wait() -> None:
    async with a_mail_server({".": SILENCE}) as server:
        channel = a_channel(server, concurrency=2)
        ends = await asyncio.gather(
            *(channel.send(a_mail(number=n), timeout=0.3) for n in range(5)), return_exceptions=True
        )
        assert sorted(type(end).__name__ for end in ends) == ["InDoubt"] * 2 + ["Unavailable"] * 3
        assert server.connections == 2
        await channel.close()


async def test_a_cancelled_hand_over_leaves_no_half_used_connection() -> None:
    async with a_mail_server({"DATA": SILENCE}) as server:
        channel = a_channel(server, concurrency=1)
        task = asyncio.create_task(channel.send(a_mail(), timeout=5))
        while "DATA" not in server.words:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.script["DATA"] = "354 go on"
        await channel.send(a_mail(number=1), timeout=5)
        assert len(server.bodies) == 1
        await channel.close()


@pytest.mark.parametrize("greeting", ["554 5.7.1 go away", "421 too busy", "hello"])
async def test_a_server_that_does_not_want_us_took_nothing(greeting: str) -> None:
    async with a_mail_server(greeting=greeting) as server:
        channel = a_channel(server)
        with pytest.raises(Unavailable) as error:
            await channel.send(a_mail(), timeout=2)
        assert error.value.retry_after > 0
        await channel.close()


async def test_a_server_without_ehlo_is_greeted_the_old_way() -> None:
    async with a_mail_server({"EHLO": "500 what?", "HELO": "250 there"}) as server:
        channel = a_channel(server)
        await channel.send(a_mail(), timeout=5)
        await channel.close()
    assert len(server.bodies) == 1


async def test_wrong_credentials_pause_the_channel_and_name_the_setting() -> None:
    async with a_mail_server(
        {"EHLO": "250-there\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 no"}
    ) as server:
        channel = EmailChannel(
            SmtpSettings.from_url(server.url.replace("//", "//ada:5ca1ab1e@"), FROM)
        )
        with pytest.raises(Unavailable, match="FASTTIME_SMTP_URL") as error:
            await channel.send(a_mail(), timeout=2)
        assert error.value.code == "535"
        assert "5ca1ab1e" not in str(error.value)
        await channel.close()


async def test_starttls_that_is_not_offered_sends_nothing() -> None:
    async with a_mail_server() as server:
        channel = EmailChannel(SmtpSettings.from_url(server.url + "?starttls=1", FROM))
        with pytest.raises(Unavailable):
            await channel.send(a_mail(), timeout=2)
        assert not [word for word in server.words if word.startswith("MAIL")]
        await channel.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for 127.0.0.1, with its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    words = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {file} -out {file}.crt -days 2 -subj"
        " /CN=localhost -addext subjectAltName=IP:127.0.0.1".split()
    )
    subprocess.run(words, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.mark.parametrize("way", ["from the start", "at STARTTLS"])
async def test_mails_go_encrypted_to_a_server_that_is_trusted_and_not_at_all_to_another(
    way: str, certificate: Path
) -> None:
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(certificate)
    at_start = way == "from the start"
    script = {} if at_start else {"EHLO": "250-there\r\n250 STARTTLS", "STARTTLS": "220 go"}
    async with a_mail_server(
        script, tls=theirs if at_start else None, upgrade=None if at_start else theirs
    ) as server:
        url = f"smtps://127.0.0.1:{server.port}" if at_start else f"{server.url}?starttls=1"
        channel = EmailChannel(SmtpSettings.from_url(url, FROM))
        with pytest.raises(Unavailable) as error:
            await channel.send(a_mail(), timeout=5)
        assert error.value.code == "no_connection"
        assert server.bodies == []
        server.script |= script
        channel._tls = ssl.create_default_context(cafile=str(certificate) + ".crt")
        for number in range(3):
            await channel.send(a_mail(number=number), timeout=5)
        assert len(server.bodies) == 3
        assert len(channel._idle) == 1
        assert channel._idle[0].transport.get_extra_info("cipher")
        await channel.close()


async def test_cut_at_any_byte_no_mail_is_called_unsent_that_was_taken() -> None:
    simulator = await run_simulator()
    port = int(simulator.smtp_url.rpartition(":")[2])
    seen = set()
    for cut in range(1, 330, 3):
        async with a_wire(port, cut_after=cut) as wire:
            channel = EmailChannel(SmtpSettings.from_url(f"smtp://127.0.0.1:{wire}", FROM))
            outcome: type = Accepted
            try:
                await channel.send(a_mail(number=cut), timeout=2)
            except ChannelError as error:
                outcome = type(error)
            await channel.close()
        await asyncio.sleep(0.005)
        taken = sum(
            1
            for entry in simulator.ledger.mails
            if entry.attempt == an_attempt(cut) and entry.taken
        )
        seen.add((outcome, taken))
    await simulator.close()
    assert seen <= {(Accepted, 1), (InDoubt, 0), (InDoubt, 1), (Unavailable, 0)}
    assert {kind for kind, _ in seen} == {Accepted, InDoubt, Unavailable}


# ---- the mail itself


async def test_the_mail_says_who_sent_it_to_whom_and_how_to_stop_it(clock: Clock) -> None:
    async with a_mail_server() as server:
        channel = EmailChannel(SmtpSettings.from_url(server.url, FROM), now=clock)
        link = "https://alerts.example.org/u/abc.def"
        await channel.send(
            a_mail(unsubscribe_url=link, expires_at=NOON + timedelta(hours=1)), timeout=5
        )
        await channel.close()
    mail = message_from_bytes(server.bodies[0].replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert mail["From"] == FROM
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Threat level: SEVERE"
    assert mail["Date"] == "Sat, 21 Nov 2026 12:00:00 +0000"
    assert mail["Message-ID"] == f"<{an_attempt()}@police.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "<alerts.police.example.org>"
    assert mail["Content-Language"] == "en"
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    parts = [
        (part.get_content_type(), part.get_content().replace("\r\n", "\n"))
        for part in mail.walk()
        if not part.is_multipart()
    ]
    assert parts == [("text/plain", MAIL.body), ("text/html", MAIL.html + "\n")]


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("alerts@police.example.org", "<alerts.police.example.org>"),
        ("Gold.Command+x@Police.Example.org", "<gold-command-x.police.example.org>"),
        ("_@police.example.org", "<alerts.police.example.org>"),
    ],
)
def test_mail_programs_file_mails_by_a_name_of_the_standards_form(sender: str, name: str) -> None:
    assert list_id(sender) == name


async def test_an_update_answers_the_mails_of_the_versions_before_to_the_same_inbox() -> None:
    first = replace(MAIL, secret="1" * 64)
    second = replace(MAIL, secret="2" * 64, earlier=("1" * 64,))
    third = replace(MAIL, secret="3" * 64, earlier=("2" * 64, "1" * 64))
    async with a_mail_server() as server:
        channel = a_channel(server)
        for number, (to, rendered) in enumerate(
            [
                ("ada@example.org", first),
                ("ada@example.org", second),
                ("Ada@Example.org", third),
                ("bob@example.org", third),
            ]
        ):
            await channel.send(a_delivery(to, number=number, rendered=rendered), timeout=5)
        await channel.close()
    mails = [message_from_bytes(body, policy=policy.default) for body in server.bodies]
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"<[0-9a-f]{32}@police\.example\.org>", made) for made in ids)
    assert [mail["In-Reply-To"] for mail in mails[:3]] == [None, ids[0], ids[1]]
    assert [mail["References"] for mail in mails[:3]] == [None, ids[0], f"{ids[0]} {ids[1]}"]
    assert mails[3]["In-Reply-To"] not in ids  # nobody's mail but Bob's own is answered


async def test_no_two_people_share_a_header_of_their_own() -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        for number, to in enumerate(("ada@example.org", "bob@example.org")):
            await channel.send(
                a_mail(to, number=number, unsubscribe_url=f"https://alerts.example.org/u/{number}"),
                timeout=5,
            )
        await channel.close()
    first, second = (
        {
            line
            for line in body.split(b"\r\n")
            if line.startswith((b"To:", b"Message-ID:", b"List-Unsubscribe:"))
        }
        for body in server.bodies
    )
    assert len(first) == len(second) == 3
    assert not first & second


@pytest.mark.parametrize(
    "to",
    [
        "a@b\r\nBcc: x@y",
        "a@example.org\nRCPT TO:<b@example.org>",
        "a b@example.org",
        "<a@example.org>",
        "a@example.org>",
        "a@",
        "@example.org",
        "a",
        "",
        "a@-example.org",
        "a@ex\x00ample.org",
        "ä@example.org",
        "a@" + "b" * 300,
        "a,b@example.org",
        '"a b"@example.org',
        "a@[127.0.0.1]",
        "a@b@example.org",
        "a@example.org\u2028",
    ],
)
async def test_an_address_that_is_none_reaches_no_server(to: str) -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        with pytest.raises(Refused) as refusal:
            await channel.send(a_mail(to), timeout=5)
        await channel.close()
    assert refusal.value.code == "address_invalid"
    assert server.connections == 0


def test_a_name_in_another_script_goes_by_its_ascii_form() -> None:
    assert envelope_address("info@bücher.example") == "info@xn--bcher-kva.example"


@pytest.mark.parametrize("field", ["subject", "language"])
@pytest.mark.parametrize(
    "bad",
    [
        "\r\nBcc: x@y.example",
        "\n",
        "\r",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2028",
        "\u2029",
        "\x00",
        "\x7f",
    ],
)
async def test_a_control_character_in_a_header_stops_the_mail(field: str, bad: str) -> None:
    words = {"language": "en", "subject": "S", field: f"x{bad}y"}
    rendered = Rendered(
        channel="email", body="B", language=words["language"], subject=words["subject"]
    )
    async with a_mail_server() as server:
        channel = a_channel(server)
        with pytest.raises(Refused) as refusal:
            await channel.send(a_delivery("ada@example.org", rendered=rendered), timeout=5)
        await channel.close()
    assert refusal.value.code == "content_invalid"
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example/\r\nBcc: y@z.example",
        "https://x.example/ y",
        "https://x.example/>",
        "mailto:x@y.example",
        "https://ü.example/",
    ],
)
async def test_an_unsubscribe_address_that_is_none_stops_the_mail(url: str) -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        with pytest.raises(Refused, match="content_invalid"):
            await channel.send(a_mail(unsubscribe_url=url), timeout=5)
        await channel.close()


OWN = "https://alerts.example.org/u/your-own-link"
LINKED = Rendered(
    channel="email",
    language="cy",
    subject="Gas leak",
    body=f"Arhoswch dan do. Pwyllwch \u0175.\n\nI atal: {OWN}",
    html=f'<p>\u0175 <a href="{OWN}">{OWN}</a>, then more.</p>',
    unsubscribe=OWN,
)


@pytest.mark.parametrize(
    "link",
    [
        "https://alerts.example.org/u/aebagbafaydqqcikbmga2dq6",
        "https://alerts.example.org/u/" + "a=." * 90,
        "https://alerts.example.org/x?a=1&b=2",
        "http://a.b/" + "." * 200,
    ],
)
async def test_each_person_reads_a_link_of_their_own_in_text_and_html(link: str) -> None:
    async with a_mail_server() as server:
        channel = a_channel(server)
        for own in (link, f"{link}x"):
            delivery = a_delivery("ada@example.org", rendered=LINKED, unsubscribe_url=own)
            await channel.send(delivery, timeout=5)
        await channel.close()
    for body, own in zip(server.bodies, (link, f"{link}x"), strict=True):
        raw = body.replace(b"\r\n..", b"\r\n.")
        assert max(len(line) for line in raw.partition(b"\r\n\r\n")[2].split(b"\r\n")) <= 76
        mail = message_from_bytes(raw, policy=policy.default)
        plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
        assert plain is not None
        assert html is not None
        shown, escaped = LINKED.body.replace(OWN, own), own.replace("&", "&amp;")
        assert plain.get_content().replace("\r\n", "\n") == f"{shown}\n"
        assert html.get_content().strip() == LINKED.html.replace(OWN, escaped)


def whole(rendered: Rendered) -> bytes:
    template: Template = build_template(rendered, SETTINGS.mail_from, SETTINGS.display_name)
    return template.head + b"\r\n" + template.body_for(rendered.unsubscribe) + b".\r\n"


SETTINGS = SmtpSettings.from_url("smtp://127.0.0.1:25", FROM)
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(body=_words, html=_words)
def test_whatever_the_text_the_wire_form_is_ascii_lines_that_end_once(body: str, html: str) -> None:
    template = whole(Rendered(channel="email", language="en", subject="S", body=body, html=html))
    assert template.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", template)
    assert template.endswith(b"\r\n.\r\n")
    assert template.count(b"\r\n.\r\n") == 1
    assert max(len(line) for line in template.split(b"\r\n")) <= 998


@given(subject=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200))
def test_whatever_the_subject_there_is_one_of_each_header(subject: str) -> None:
    template = whole(Rendered(channel="email", language="en", subject=subject, body="B"))
    mail = message_from_bytes(template, policy=policy.default)
    assert sorted(name.lower() for name in mail) == [
        "auto-submitted",
        "content-language",
        "content-transfer-encoding",
        "content-type",
        "from",
        "list-id",
        "mime-version",
        "subject",
    ]


@pytest.mark.parametrize(
    ("address", "reserved"),
    [
        ("a@example.org", True),
        ("a@mail.EXAMPLE.com", True),
        ("a@example.uk", True),
        ("a@b.example", True),
        ("a@notexample.org", False),
        ("a@example.org.uk.net", False),
        ("a@city.gov.uk", False),
    ],
)
def test_example_addresses_are_told_apart(address: str, reserved: bool) -> None:
    assert is_reserved(address) is reserved


async def test_a_live_server_is_never_asked_to_reach_an_example_address() -> None:
    channel = EmailChannel(SmtpSettings.from_url("smtps://mail.police.uk", FROM))
    with pytest.raises(
        Refused, match="address_reserved"
    ):  # the suite would notice a look-up of that server
        await channel.send(a_mail(), timeout=5)


# label, settings, what is wrong (None = off, "" = configured)
CONFIGURED: list[tuple[str, dict[str, str], str | None]] = [
    ("nothing", {}, None),
    ("whole", {"FASTTIME_SMTP_URL": "smtp://127.0.0.1:25", "FASTTIME_MAIL_FROM": FROM}, ""),
    (
        "a bare sender",
        {
            "FASTTIME_SMTP_URL": "smtp://127.0.0.1",
            "FASTTIME_MAIL_FROM": "alerts@police.example.org",
        },
        "",
    ),
    ("no sender", {"FASTTIME_SMTP_URL": "smtp://127.0.0.1:25"}, "FASTTIME_MAIL_FROM"),
    ("no server", {"FASTTIME_MAIL_FROM": FROM}, "FASTTIME_SMTP_URL"),
    (
        "another protocol",
        {"FASTTIME_SMTP_URL": "http://127.0.0.1:25", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    ("no host", {"FASTTIME_SMTP_URL": "smtp://", "FASTTIME_MAIL_FROM": FROM}, "FASTTIME_SMTP_URL"),
    (
        "a bad port",
        {"FASTTIME_SMTP_URL": "smtp://h:port", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "an unknown option",
        {"FASTTIME_SMTP_URL": "smtp://h?tls=1", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "TLS twice",
        {"FASTTIME_SMTP_URL": "smtps://h?starttls=1", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "a user without password",
        {"FASTTIME_SMTP_URL": "smtp://ada@h", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "an example password",
        {"FASTTIME_SMTP_URL": "smtp://ada:changeme@h", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "a sender that is none",
        {"FASTTIME_SMTP_URL": "smtp://h", "FASTTIME_MAIL_FROM": "alerts"},
        "FASTTIME_MAIL_FROM",
    ),
    (
        "a sender with a line break",
        {
            "FASTTIME_SMTP_URL": "smtp://h",
            "FASTTIME_MAIL_FROM": "A\r\nBcc: b@c.example <a@b.example>",
        },
        "FASTTIME_MAIL_FROM",
    ),
    (
        "a rate in words",
        {"FASTTIME_SMTP_URL": "smtp://h", "FASTTIME_MAIL_FROM": FROM, "FASTTIME_MAIL_RATE": "fast"},
        "FASTTIME_MAIL_RATE",
    ),
]


@pytest.mark.parametrize(
    ("env", "wrong"), [row[1:] for row in CONFIGURED], ids=[row[0] for row in CONFIGURED]
)
def test_settings_are_whole_or_off_or_refused_by_name(
    env: dict[str, str], wrong: str | None
) -> None:
    if not wrong:
        assert (SmtpSettings.from_env(env) is None) == (wrong is None)
        return
    with pytest.raises(Rejected) as rejected:
        SmtpSettings.from_env(env)
    assert [problem.field for problem in rejected.value.problems] == [wrong]
    assert rejected.value.exit_code == 2
    assert "ada" not in str(rejected.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://h", ("h", 25, "", "", "")),
        ("smtp://h:2525/", ("h", 2525, "", "", "")),
        ("smtp://ada:p%40ss@h:587?starttls=1", ("h", 587, "starttls", "ada", "p@ss")),
        ("smtp://h?starttls=1", ("h", 587, "starttls", "", "")),
        ("smtps://ada:s3cure@h", ("h", 465, "tls", "ada", "s3cure")),
        ("smtp://[::1]:25", ("::1", 25, "", "", "")),
    ],
)
def test_the_server_is_read_from_its_address(
    url: str, expected: tuple[str, int, str, str, str]
) -> None:
    settings = SmtpSettings.from_url(url, FROM)
    assert (
        settings.host,
        settings.port,
        settings.tls,
        settings.username,
        settings.password,
    ) == expected
    assert (settings.mail_from, settings.display_name) == (
        "alerts@police.example.org",
        "Police Alerts",
    )
    assert not settings.password or settings.password not in repr(settings)


@pytest.mark.parametrize(
    ("more", "may"),
    [
        ({"FASTTIME_SMTP_URL": "smtp://127.0.0.1"}, True),
        ({"FASTTIME_SMTP_URL": "smtp://mail.police.uk"}, False),
        (
            {
                "FASTTIME_SMTP_URL": "smtp://simulator:2525",
                "FASTTIME_SIMULATOR_SMTP": "smtp://simulator:2525",
            },
            True,
        ),
        (
            {
                "FASTTIME_SMTP_URL": "smtp://simulator:2525",
                "FASTTIME_TWILIO_API_BASE": "http://simulator:8080",
            },
            True,
        ),
    ],
)
def test_example_addresses_go_only_to_a_sink(more: dict[str, str], may: bool) -> None:
    env = {"FASTTIME_MAIL_FROM": FROM, **more}
    settings = SmtpSettings.from_env(env, trial=is_trial(env))
    assert settings is not None
    assert settings.reserved_too is may


def test_exercises_have_a_sender_of_their_own_or_none() -> None:
    env = {"FASTTIME_SMTP_URL": "smtp://127.0.0.1", "FASTTIME_MAIL_FROM": FROM}
    assert SmtpSettings.from_env(env, exercise=True) is None
    settings = SmtpSettings.from_env(
        {**env, "FASTTIME_EXERCISE_MAIL_FROM": "drill@police.example.org"}, exercise=True
    )
    assert settings is not None
    assert settings.mail_from == "drill@police.example.org"
