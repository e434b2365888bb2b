"""What stands in one mail on the wire: headers, addresses, the link of the person who reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.wording.rendered import Rendered
from channels.contract import Refused
from channels.email import EmailChannel, envelope_address, is_reserved
from channels.mail import Template, build_template, list_id
from channels.smtp_settings import SmtpSettings
from tests.channels.mail_server import (
    FROM,
    a_channel,
    a_mail,
    a_mail_server,
)
from tests.channels.messages import MAIL, a_delivery, an_attempt
from tests.clock import NOON, Clock


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
    ("address", "name", "sender"),
    [
        ("", "", "Updates <alerts@police.example.org>"),
        ("news@police.example.org", "News", "News <news@police.example.org>"),
    ],
)
async def test_a_discreet_mail_names_nobody_before_it_is_opened(
    clock: Clock, address: str, name: str, sender: str
) -> None:
    async with a_mail_server() as server:
        known = replace(
            SmtpSettings.from_url(server.url, FROM), discreet_from=address, discreet_name=name
        )
        channel = EmailChannel(known, now=clock)
        hidden = replace(MAIL, subject="A message for you", discreet=True)
        for words in (hidden, MAIL):
            mail = replace(a_mail(), rendered=words, expires_at=NOON + timedelta(hours=1))
            await channel.send(mail, timeout=5)
        await channel.close()
    told = [message_from_bytes(body, policy=policy.default) for body in server.bodies]
    assert [mail["From"] for mail in told] == [sender, FROM]
    assert told[0]["Subject"] == "A message for you"


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


async def test_the_link_to_answer_and_the_link_to_stop_are_each_in_their_place() -> None:
    answer = "https://alerts.example.org/a/your-own-link"
    both = replace(
        LINKED,
        body=f"Ateb: {answer}\n{LINKED.body}",
        html=f'<p><a href="{answer}">{answer}</a></p>{LINKED.html}',
        answer=answer,
    )
    mine = {OWN: "https://alerts.example.org/u/x1", answer: "https://alerts.example.org/a/y2"}
    async with a_mail_server() as server:
        channel = a_channel(server)
        one = a_delivery("ada@example.org", rendered=both, unsubscribe_url=mine[OWN])
        await channel.send(replace(one, answer_url=mine[answer]), timeout=5)
        await channel.close()
    mail = message_from_bytes(server.bodies[0], policy=policy.default)
    for kind, said in (("plain", both.body), ("html", both.html)):
        part = mail.get_body((kind,))
        assert part is not None
        for placed, own in mine.items():
            said = said.replace(placed, own)
        assert part.get_content().replace("\r\n", "\n").strip() == said


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
