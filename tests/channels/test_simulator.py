from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from broadcast.problems import Rejected
from channels.contract import ChannelError, InDoubt, Refused, Unavailable
from channels.email import EmailChannel
from channels.simulator import Simulator, SimulatorSettings, run_simulator
from channels.simulator.postman import retry_rule
from channels.smtp_settings import SmtpSettings
from channels.twilio.callbacks import SIGNATURE, check_signature
from channels.twilio.client import TwilioClient, TwilioHttp
from channels.twilio.settings import SmsSettings, VoiceSettings
from channels.twilio.sms import SmsChannel
from channels.twilio.voice import VoiceChannel
from tests.channels.messages import CALL, MAIL, a_delivery, an_attempt
from tests.channels.twilio_api import answers
from tests.sources import EITHER, OWN

ACCOUNT = "AC" + "a" * 32
TOKEN = "the token of these tests"
TWIML = (
    b'<?xml version="1.0"?><Response><Gather action="/hooks/twilio/voice/%s/key"'
    b' numDigits="1"><Say>The road</Say><Say>is closed.</Say></Gather></Response>'
)


@dataclass
class Hooks:
    """A web server in our own place: what it was told, and what it answers."""

    url: str = ""
    status: int = 200
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        params = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        if not check_signature(
            TOKEN, f"{self.url}{request.path_qs}", params, request.headers.get(SIGNATURE)
        ):
            self.forged.append(request.path)
        self.got.append((request.path, dict(params)))
        if "/voice/" in request.path and not request.path.endswith("/key"):
            return web.Response(
                body=TWIML % request.path.rpartition("/")[2].encode(), content_type="text/xml"
            )
        return web.Response(status=self.status, text="<Response/>")

    def states(self, attempt: str) -> list[str]:
        return [
            params.get("MessageStatus") or params.get("CallStatus", "")
            for path, params in self.got
            if path == f"/hooks/twilio/status/{attempt}"
        ]


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    made = Hooks()
    runner = web.ServerRunner(web.Server(made.answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(settings=SimulatorSettings(callback_delay=0.01))
    yield made
    await made.close()


@pytest.fixture
async def sms(simulator: Simulator, hooks: Hooks) -> AsyncIterator[SmsChannel]:
    made = SmsChannel(
        SmsSettings(
            account=ACCOUNT,
            token=TOKEN,
            sender="+15005550006",
            api_base=simulator.http_url,
            public_url=hooks.url,
        )
    )
    yield made
    await made.close()


@pytest.fixture
async def voice(simulator: Simulator, hooks: Hooks) -> AsyncIterator[VoiceChannel]:
    made = VoiceChannel(
        VoiceSettings(
            account=ACCOUNT,
            token=TOKEN,
            sender="+15005550006",
            api_base=simulator.http_url,
            public_url=hooks.url,
        )
    )
    yield made
    await made.close()


@pytest.fixture
async def mail(simulator: Simulator) -> AsyncIterator[EmailChannel]:
    made = EmailChannel(SmtpSettings.from_url(simulator.smtp_url, "alerts@police.example.org"))
    yield made
    await made.close()


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {simulator.token}"}
    ) as session:
        yield session


# ---- what Twilio documents


@pytest.mark.parametrize("source", EITHER)
async def test_every_answer_is_of_the_documented_form(
    source: Path, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    base = f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}"
    schemas = answers(source)
    forms = {
        "Messages": {"To": "+447700900123", "From": "+15005550006", "Body": "Hello"},
        "Calls": {"To": "+442079460123", "From": "+15005550006", "Twiml": "<Response/>"},
    }
    for resource, form in forms.items():
        for extra in ({}, {"MessagingServiceSid": "MG" + "1" * 32}):
            async with http.post(f"{base}/{resource}.json", data={**form, **extra}) as answer:
                assert answer.status == 201
                made = await answer.json()
                jsonschema.validate(made, schemas[resource.lower()[:-1]])
        for _ in range(2):
            async with http.get(f"{base}/{resource}/{made['sid']}.json") as answer:
                jsonschema.validate(await answer.json(), schemas[resource.lower()[:-1]])
            await simulator.settled()
        for query in (
            "",
            "?PageSize=1",
            "?PageSize=1&Page=1",
            f"?To={form['To'].replace('+', '%2B')}",
        ):
            async with http.get(f"{base}/{resource}.json{query}") as answer:
                listed = await answer.json()
                jsonschema.validate(listed, schemas[resource.lower()])
                assert len(listed[resource.lower()]) == (1 if "PageSize" in query else 2)


async def test_the_official_library_pages_through_its_list(
    simulator: Simulator, sms: SmsChannel
) -> None:
    for number in range(120):
        await sms.send(a_delivery(number=number), timeout=5)
    await sms.send(a_delivery("+447700900999", number=500), timeout=5)
    client_http = TwilioHttp(api_base=simulator.http_url, concurrency=4)
    client = TwilioClient(account=ACCOUNT, token=TOKEN, http=client_http)
    assert (
        len(
            {
                message.sid
                for message in await client.messages.list_async(to="+447700900123", page_size=50)
            }
        )
        == 120
    )
    assert len(await client.messages.list_async(limit=30)) == 30
    one = (await client.messages.list_async(to="+447700900999"))[0]
    again = await client.messages(one.sid).fetch_async()
    assert again.body == one.body
    found = await sms.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1))
    assert found is not None
    assert len(found) == 120
    await client_http.close()


# label, path, form, the provider's code
MALFORMED = [
    ("nobody", "Messages", {"From": "+1500", "Body": "x"}, 21604),
    ("from nobody", "Messages", {"To": "+447700900123", "Body": "x"}, 21603),
    ("nothing", "Messages", {"To": "+447700900123", "From": "+1500"}, 21602),
    ("too much", "Messages", {"To": "+447700900123", "From": "+1500", "Body": "x" * 1601}, 21617),
    ("no number", "Messages", {"To": "07700900123", "From": "+1500", "Body": "x"}, 21211),
    (
        "a callback to nowhere",
        "Messages",
        {"To": "+447700900123", "From": "+1500", "Body": "x", "StatusCallback": "nowhere"},
        21609,
    ),
    ("call nobody", "Calls", {"From": "+1500", "Twiml": "x"}, 21201),
    ("call from nobody", "Calls", {"To": "+442079460123", "Twiml": "x"}, 21213),
    ("say nothing", "Calls", {"To": "+442079460123", "From": "+1500"}, 21205),
]


@pytest.mark.parametrize(
    ("path", "form", "code"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
async def test_a_malformed_request_is_refused_as_twilio_does(
    simulator: Simulator, http: aiohttp.ClientSession, path: str, form: dict[str, str], code: int
) -> None:
    async with http.post(
        f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}/{path}.json", data=form
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, code)


def _magic() -> list[tuple[str, str, str, int]]:
    magic = json.loads((OWN / "twilio" / "magic_numbers.json").read_text())
    rows = [("Messages", number, "+15005550006", code) for number, code in magic["sms_to"].items()]
    rows += [
        ("Messages", "+447700900123", number, code)
        for number, code in magic["sms_from"].items()
        if code
    ]
    rows += [("Calls", number, "+15005550006", code) for number, code in magic["call_to"].items()]
    return rows + [
        ("Calls", "+447700900123", number, code)
        for number, code in magic["call_from"].items()
        if code
    ]


@pytest.mark.parametrize(("path", "to", "sender", "code"), _magic())
async def test_magic_numbers_fail_as_documented(
    simulator: Simulator, http: aiohttp.ClientSession, path: str, to: str, sender: str, code: int
) -> None:
    form = {"To": to, "From": sender, "Body": "x", "Twiml": "<Response/>"}
    async with http.post(
        f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}/{path}.json", data=form
    ) as answer:
        body = await answer.json()
        assert (answer.status, body["code"], body["status"]) == (
            429 if code == 21611 else 400,
            code,
            answer.status,
        )
    assert [entry.taken for entry in simulator.ledger] == [False]


async def test_credentials_are_checked_where_told(simulator: Simulator, sms: SmsChannel) -> None:
    simulator.control(check_auth=True, account=ACCOUNT, token=TOKEN)
    await sms.send(a_delivery(), timeout=5)
    simulator.control(token="another")
    with pytest.raises(Unavailable, match="20003"):
        await sms.send(a_delivery(number=1), timeout=5)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2010-04-01/Accounts/AC1/Messages/SM1.json"),
        ("DELETE", "/2010-04-01/Accounts/AC1/Messages.json"),
        ("GET", "/nothing"),
        ("POST", "/control/nothing"),
    ],
)
async def test_what_does_not_exist_is_404(
    simulator: Simulator, http: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with http.request(
        method, simulator.http_url + path, headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 404


# ---- callbacks


async def test_a_text_is_sent_then_delivered_and_every_callback_is_signed(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    accepted = await sms.send(a_delivery(), timeout=5)
    assert await simulator.settled()
    assert hooks.states(an_attempt()) == ["sent", "delivered"]
    assert hooks.forged == []
    assert {params["MessageSid"] for _, params in hooks.got} == {accepted.provider_id}
    (record,) = await sms.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1)) or []
    assert record.state == "delivered"


async def test_an_undelivered_text_says_why(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(
        numbers={"+447700900123": "undelivered 30005", "+447700900124": "refuse 21610"}
    )
    await sms.send(a_delivery(), timeout=5)
    with pytest.raises(Refused, match="21610"):
        await sms.send(a_delivery("+447700900124", number=1), timeout=5)
    await simulator.settled()
    assert hooks.states(an_attempt()) == ["sent", "undelivered"]
    assert hooks.got[-1][1]["ErrorCode"] == "30005"


async def test_callbacks_come_doubled_swapped_and_late_but_none_is_missing(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(callback_twice=0.3, callback_swap=0.3, callback_late=0.2, late_seconds=0.1)
    await asyncio.gather(*(sms.send(a_delivery(number=number), timeout=5) for number in range(60)))
    assert await simulator.settled()
    seen = [hooks.states(an_attempt(number)) for number in range(60)]
    assert all(set(states) == {"sent", "delivered"} for states in seen)
    assert any(len(states) > 2 for states in seen)
    assert any(states[0] == "delivered" for states in seen)
    assert hooks.forged == []


async def test_a_callback_answered_by_503_comes_again(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    hooks.status = 503
    await sms.send(a_delivery(), timeout=5)
    while not hooks.got:
        await asyncio.sleep(0.005)
    hooks.status = 200
    assert await simulator.settled()
    assert Counter(hooks.states(an_attempt()))["delivered"] >= 1
    assert len(hooks.got) > 2


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://h/x", (1, {"ct"})),
        ("http://h/x#rc=5&rp=all", (5, {"4xx", "5xx", "ct", "rt"})),
        ("http://h/x#rp=5xx,ct&rc=2", (2, {"5xx", "ct"})),
        ("http://h/x#rc=99", (5, {"ct"})),
        ("http://h/x#rc=0&rp=all", (0, {"4xx", "5xx", "ct", "rt"})),
    ],
)
def test_the_fragment_asks_for_retries(url: str, rule: tuple[int, set[str]]) -> None:
    assert retry_rule(url) == (rule[0], frozenset(rule[1]))


async def test_no_callbacks_where_told_but_the_list_goes_on(
    simulator: Simulator, sms: SmsChannel, hooks: Hooks
) -> None:
    simulator.control(callbacks=False)
    await sms.send(a_delivery(), timeout=5)
    await simulator.settled()
    assert hooks.got == []
    (record,) = await sms.look_up("+447700900123", datetime.now(UTC) - timedelta(minutes=1)) or []
    assert record.state == "delivered"


# ---- calls


async def test_a_call_rings_reads_the_message_and_takes_a_key(
    simulator: Simulator, voice: VoiceChannel, hooks: Hooks
) -> None:
    simulator.control(press=1.0, digit="1")
    await voice.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    assert await simulator.settled()
    assert sorted(hooks.states(an_attempt())) == [
        "completed",
        "in-progress",
        "initiated",
        "ringing",
    ]
    keys = [params for path, params in hooks.got if path.endswith("/key")]
    assert [params["Digits"] for params in keys] == ["1"]
    (entry,) = simulator.ledger.calls
    assert (entry.body, entry.keys, entry.attempt) == ("The road is closed.", "1", an_attempt())
    assert hooks.forged == []


@pytest.mark.parametrize("fate", ["busy", "no-answer"])
async def test_a_call_that_nobody_takes_ends_so_and_fetches_nothing(
    simulator: Simulator, voice: VoiceChannel, hooks: Hooks, fate: str
) -> None:
    simulator.control(numbers={"+442079460123": fate})
    await voice.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    await simulator.settled()
    assert hooks.states(an_attempt())[-1] == fate
    assert not [path for path, _ in hooks.got if "/voice/" in path]


async def test_words_sent_along_are_read_without_asking_us(
    simulator: Simulator, hooks: Hooks
) -> None:
    channel = VoiceChannel(
        VoiceSettings(
            account=ACCOUNT, token=TOKEN, sender="+15005550006", api_base=simulator.http_url
        )
    )
    await channel.send(a_delivery("+442079460123", rendered=CALL), timeout=5)
    await simulator.settled()
    await channel.close()
    assert CALL.body in simulator.ledger.calls[0].body
    assert hooks.got == []


# ---- what people do of their own accord


async def test_stop_and_key_presses_are_replayed_on_demand(
    simulator: Simulator,
    sms: SmsChannel,
    voice: VoiceChannel,
    hooks: Hooks,
    http: aiohttp.ClientSession,
) -> None:
    async with http.post(
        f"{simulator.http_url}/control/inbound", json={"from": "+447700900123", "body": "STOP"}
    ) as answer:
        assert answer.status == 409  # nobody knows yet where to
    await sms.send(a_delivery(), timeout=5)
    async with http.post(
        f"{simulator.http_url}/control/inbound",
        json={"from": "+447700900123", "body": "STOP", "to": "+15005550006"},
    ) as answer:
        assert await answer.json() == {"status": 200, "body": "<Response/>"}
    path, params = next((path, params) for path, params in hooks.got if path.endswith("/inbound"))
    assert path == "/hooks/twilio/inbound"
    assert (params["From"], params["To"], params["Body"], params["AccountSid"]) == (
        "+447700900123",
        "+15005550006",
        "STOP",
        ACCOUNT,
    )
    async with http.post(
        f"{simulator.http_url}/control/press", json={"to": "+442079460123", "digits": "2"}
    ) as answer:
        assert answer.status == 404
    await voice.send(a_delivery("+442079460123", number=1, rendered=CALL), timeout=5)
    await simulator.settled()
    async with http.post(
        f"{simulator.http_url}/control/press", json={"to": "+442079460123", "digits": "2"}
    ) as answer:
        assert answer.status == 200
    assert hooks.got[-1][1]["Digits"] == "2"
    assert hooks.forged == []


# ---- ambiguity


async def test_five_percent_ambiguity_takes_as_many_as_it_says(
    simulator: Simulator, sms: SmsChannel
) -> None:
    simulator.control(
        seed=7, lose_reply=0.1, error_after=0.1, error_before=0.1, throttle=0.1, callbacks=False
    )
    ends: Counter[str] = Counter()
    for number in range(300):
        try:
            await sms.send(a_delivery(number=number), timeout=5)
            ends["accepted"] += 1
        except ChannelError as error:
            ends[type(error).__name__] += 1
    outcomes = Counter(entry.outcome for entry in simulator.ledger.sms)
    assert ends == {
        "accepted": outcomes["taken"],
        "InDoubt": outcomes["lost_reply"] + outcomes["error_after"] + outcomes["error_before"],
        "Unavailable": outcomes["throttled"],
    }
    assert all(
        outcomes[name] > 10 for name in ("lost_reply", "error_after", "error_before", "throttled")
    )
    assert {entry.outcome for entry in simulator.ledger.sms if entry.taken} == {
        "taken",
        "lost_reply",
        "error_after",
    }
    assert simulator.ledger.summary()["sms"]["attempts_twice"] == 0


async def test_the_same_seed_makes_the_same_trouble() -> None:
    runs = []
    for _ in range(2):
        simulator = await run_simulator(
            settings=SimulatorSettings(seed=3, lose_reply=0.3, callbacks=False)
        )
        channel = EmailChannel(
            SmtpSettings.from_url(simulator.smtp_url, "alerts@police.example.org")
        )
        for number in range(30):
            try:
                await channel.send(
                    a_delivery("ada@example.org", number=number, rendered=MAIL), timeout=5
                )
            except InDoubt:
                continue
        runs.append([entry.outcome for entry in simulator.ledger.mails])
        await channel.close()
        await simulator.close()
    assert runs[0] == runs[1]
    assert {"taken", "lost_reply"} == set(runs[0])


async def test_a_pace_is_kept(simulator: Simulator, sms: SmsChannel, mail: EmailChannel) -> None:
    simulator.control(pace=100, callbacks=False)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(
        *(sms.send(a_delivery(number=number), timeout=5) for number in range(20)),
        *(
            mail.send(a_delivery("ada@example.org", number=number, rendered=MAIL), timeout=5)
            for number in range(20)
        ),
    )
    assert 0.35 < loop.time() - began < 1.5


async def test_above_the_limit_comes_a_burst_of_429(simulator: Simulator, sms: SmsChannel) -> None:
    simulator.control(limit=10, retry_after=0.5, callbacks=False)
    ends = await asyncio.gather(
        *(sms.send(a_delivery(number=number), timeout=5) for number in range(50)),
        return_exceptions=True,
    )
    waits = [end.retry_after for end in ends if isinstance(end, Unavailable)]
    assert 30 <= len(waits) <= 40  # a second may end in between
    assert set(waits) == {0.5}
    assert len([entry for entry in simulator.ledger.sms if entry.taken]) == 50 - len(waits)


async def test_what_was_written_is_taken_even_if_its_sender_dies_meanwhile(
    simulator: Simulator, sms: SmsChannel, mail: EmailChannel
) -> None:
    simulator.control(latency=0.2, callbacks=False)
    tasks = [
        asyncio.create_task(sms.send(a_delivery(), timeout=5)),
        asyncio.create_task(mail.send(a_delivery("ada@example.org", rendered=MAIL), timeout=5)),
    ]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.2)
    assert [len(simulator.ledger.sms), len(simulator.ledger.mails)] == [1, 1]


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


# ---- the ledger and the controls


async def test_the_ledger_outlives_the_simulator(tmp_path: Path, hooks: Hooks) -> None:
    path = tmp_path / "ledger.jsonl"
    for run in range(2):
        simulator = await run_simulator(
            settings=SimulatorSettings(press=1.0, callback_delay=0.01), ledger_path=path
        )
        settings: dict[str, Any] = {
            "account": ACCOUNT,
            "token": TOKEN,
            "sender": "+15005550006",
            "api_base": simulator.http_url,
            "public_url": hooks.url,
        }
        sms, voice = SmsChannel(SmsSettings(**settings)), VoiceChannel(VoiceSettings(**settings))
        await sms.send(a_delivery(number=run), timeout=5)
        await voice.send(a_delivery("+442079460123", number=10 + run, rendered=CALL), timeout=5)
        with pytest.raises(Refused):
            await sms.send(a_delivery("+15005550004", number=20 + run), timeout=5)
        await simulator.settled()
        before = json.loads(simulator.ledger.to_json())
        await sms.close()
        await voice.close()
        await simulator.close()
        with path.open("ab") as file:
            file.write(b'{"kind": "sms", "to": "+44')  # killed in the middle of a line
            file.write(b"\n")
    again = await run_simulator(ledger_path=path)
    assert json.loads(again.ledger.to_json()) == before
    assert [len(before["sms"]), len(before["calls"])] == [4, 2]
    assert {entry["keys"] for entry in before["calls"]} == {"1"}
    await again.close()


async def test_the_ledger_is_served_whole_and_summed_up(
    simulator: Simulator, sms: SmsChannel, mail: EmailChannel, http: aiohttp.ClientSession
) -> None:
    await sms.send(a_delivery(), timeout=5)
    await sms.send(a_delivery(), timeout=5)  # the same attempt twice: what must never happen shows
    await mail.send(a_delivery("ada@example.org", number=1, rendered=MAIL), timeout=5)
    async with http.get(f"{simulator.http_url}/ledger") as answer:
        ledger = await answer.json()
    assert [len(ledger[kind]) for kind in ("sms", "calls", "mails")] == [2, 0, 1]
    first = ledger["sms"][0]
    assert {name: first[name] for name in ("to", "attempt", "outcome", "taken")} == {
        "to": "+447700900123",
        "attempt": an_attempt(),
        "outcome": "taken",
        "taken": True,
    }
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
    async with http.get(f"{simulator.http_url}/ledger?summary=1") as answer:
        summary = await answer.json()
    assert summary["sms"] == {
        "entries": 2,
        "taken": 2,
        "people": 1,
        "outcomes": {"taken": 2},
        "attempts_twice": 1,
        "bodies_twice": 1,
    }


async def test_serving_entries_costs_what_their_number_costs(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    from channels.simulator import Entry

    def add(numbers: range) -> None:
        for number in numbers:
            entry = Entry(
                to=f"+999{number:09}",
                attempt=an_attempt(number),
                body="The same words for all.",
                at=1.8e9,
                outcome="taken",
                taken=True,
                sid=f"SM{number:032}",
            )
            simulator.ledger.add("sms", entry)

    async def cost(count: int) -> float:
        """Seconds of this process, which is simulator and client, so load beside it is not seen."""
        began = time.process_time()
        async with http.get(f"{simulator.http_url}/ledger") as answer:
            assert len((await answer.json())["sms"]) == count
        return time.process_time() - began

    add(range(10_000))
    few = await cost(10_000)
    add(range(10_000, 100_000))
    assert await cost(100_000) < 30 * few  # ten times the entries; squared it would be a hundred


CONTROLS: list[tuple[dict[str, Any], str]] = [
    ({"lose_replies": 0.1}, "lose_replies"),
    ({"lose_reply": 1.5}, "lose_reply"),
    ({"lose_reply": -0.1}, "lose_reply"),
    ({"lose_reply": "0.1"}, "lose_reply"),
    ({"lose_reply": True}, "lose_reply"),
    ({"lose_reply": 0.6, "slow": 0.6}, ""),
    ({"pace": -1}, "pace"),
    ({"seed": 1.5}, "seed"),
    ({"callbacks": 1}, "callbacks"),
    ({"callback_workers": 0}, "callback_workers"),
    ({"numbers": {"+44": "explode"}}, "numbers"),
    ({"numbers": ["+44"]}, "numbers"),
    ({"inbound_url": 7}, "inbound_url"),
]


@pytest.mark.parametrize(("changes", "wrong"), CONTROLS)
async def test_an_impossible_control_is_refused_by_name_and_changes_nothing(
    simulator: Simulator, http: aiohttp.ClientSession, changes: dict[str, Any], wrong: str
) -> None:
    before = simulator.settings
    async with http.post(
        f"{simulator.http_url}/control", json={**changes, "latency": 0.5}
    ) as answer:
        assert answer.status == 422
        assert (await answer.json())["field"] == wrong
    assert simulator.settings == before
    with pytest.raises(Rejected):
        SimulatorSettings().changed(changes)


@pytest.mark.parametrize("body", [b"[]", b"{", b"7", b"\xff"])
async def test_a_control_that_is_no_object_is_refused(
    simulator: Simulator, http: aiohttp.ClientSession, body: bytes
) -> None:
    async with http.post(
        f"{simulator.http_url}/control", data=body, headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 400


async def test_controls_are_shown_without_the_token(
    simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    simulator.control(token="5ca1ab1e", pace=3.5)
    async with http.get(f"{simulator.http_url}/control") as answer:
        text = await answer.text()
    assert '"pace": 3.5' in text
    assert "5ca1ab1e" not in text


async def test_a_port_that_is_taken_is_said_and_nothing_stays_open(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await run_simulator(http_port=int(simulator.http_url.rpartition(":")[2]))
