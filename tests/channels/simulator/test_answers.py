"""The simulator answers as Twilio documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import jsonschema
import pytest

from channels.contract import Unavailable
from channels.simulator import Simulator
from channels.twilio.client import TwilioClient, TwilioHttp
from channels.twilio.sms import SmsChannel
from tests.channels.messages import a_delivery
from tests.channels.simulator.rig import ACCOUNT, TOKEN
from tests.channels.twilio_api import answers
from tests.sources import EITHER, OWN


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
