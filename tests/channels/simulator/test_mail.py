"""The simulator's mail server: what each inbox does, and what its ledger reads in a mail."""

from __future__ import annotations

import asyncio

import pytest

from channels.contract import ChannelError
from channels.email import EmailChannel
from channels.simulator import Simulator
from tests.channels.messages import MAIL, a_delivery, an_attempt

# local part, what the channel says, ledger: outcome and taken (None = no entry)
INBOXES = [
    ("ada", None, ("taken", True)),
    ("refuse", "Refused 550 5.1.1", ("refused 550", False)),
    ("refuse+tag", "Refused 550 5.1.1", ("refused 550", False)),
    ("later", "Unavailable 451", ("refused 451", False)),
    ("full", "Refused 552", ("refused 552", False)),
    ("later-after-dot", "Unavailable 451", ("refused 451", False)),
    ("drop-after-dot", "InDoubt no_answer", ("lost_reply", True)),
    ("drop-before-dot", "InDoubt no_answer", ("dropped", False)),
    ("drop-at-data", "Unavailable no_connection", ("dropped", False)),
    ("slow", "InDoubt no_answer", ("slow", True)),
]


@pytest.mark.parametrize(("inbox", "says", "entry"), INBOXES)
async def test_inboxes_have_their_ways(
    simulator: Simulator, mail: EmailChannel, inbox: str, says: str | None, entry: tuple[str, bool]
) -> None:
    said = None
    try:
        await mail.send(a_delivery(f"{inbox}@example.org", rendered=MAIL), timeout=0.4)
    except ChannelError as error:
        said = f"{type(error).__name__} {error.code}"
    assert said == says
    (found,) = simulator.ledger.mails
    assert (found.outcome, found.taken, found.attempt, found.to) == (
        *entry,
        an_attempt(),
        f"{inbox}@example.org",
    )


@pytest.mark.parametrize(
    ("body", "read"),
    [("Grüße\n\n.dot\n..two", "Grüße\n\n.dot\n..two"), ("停电", "停电"), ("x" * 3000, "x" * 3000)],
)
async def test_the_ledger_reads_a_mail_as_a_person_would(
    simulator: Simulator, mail: EmailChannel, body: str, read: str
) -> None:
    from broadcast.wording.rendered import Rendered

    for number in range(2):
        await mail.send(
            a_delivery(
                "ada@example.org",
                number=number,
                rendered=Rendered(
                    channel="email", language="en", subject="S", body=body, html="<p>html</p>"
                ),
            ),
            timeout=5,
        )
    assert [entry.body for entry in simulator.ledger.mails] == [read, read]


async def test_pythons_own_mail_client_can_talk_to_it(simulator: Simulator) -> None:
    import smtplib

    def talk() -> None:
        with smtplib.SMTP(
            "127.0.0.1", int(simulator.smtp_url.rpartition(":")[2]), timeout=5
        ) as client:
            client.login("ada", "anything")
            client.sendmail(
                "a@example.org",
                ["b@example.org"],
                b"Subject: S\r\nMessage-ID: <abc@example.org>\r\n\r\n.Hello\r\n",
            )
            assert client.noop()[0] == 250
            assert client.docmd("WHAT")[0] == 500
            client.rset()

    await asyncio.to_thread(talk)
    (entry,) = simulator.ledger.mails
    assert (entry.to, entry.body, entry.attempt) == ("b@example.org", ".Hello", "abc")
