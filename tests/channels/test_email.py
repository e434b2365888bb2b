"""How one mail is handed to a server: every talk ends sure or in doubt."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from channels.contract import Accepted, ChannelError, InDoubt, Refused, Unavailable
from channels.email import EmailChannel
from channels.simulator import run_simulator
from channels.smtp_settings import SmtpSettings
from tests.channels.mail_server import (
    FROM,
    HANG_UP,
    HANG_UP_ONCE,
    SILENCE,
    a_channel,
    a_mail,
    a_mail_server,
    a_wire,
)
from tests.channels.messages import an_attempt

ONE_BY_ONE = {"EHLO": "250 there"}


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
        "550 5.1.1",
        False,
    ),
    (
        "no such inbox, in several lines",
        {"RCPT": "550-5.1.1 unknown\r\n550 see https://example.org", "DATA": "554 no"},
        Refused,
        "550 5.1.1",
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
        "550 5.1.1",
        False,
    ),
    (
        "no such inbox, and an empty mail is taken",
        {"RCPT": "550 5.1.1 unknown"},
        Refused,
        "550 5.1.1",
        False,
    ),
    (
        "no such inbox, and gone at the dot",
        {"RCPT": "550 5.1.1 unknown", ".": HANG_UP},
        Refused,
        "550 5.1.1",
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
        assert (refusal.value.code, refusal.value.detail) == ("550 5.1.1", "5.1.1")
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
