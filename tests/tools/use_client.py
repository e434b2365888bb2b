"""A control room's program that uses the generated client; run in the tool's own environment.

use_client.py URL AUTHOR APPROVER ADMINISTRATOR: registers a file of people, drafts, submits and
approves, prints the message's number, waits for a line on stdin, then reads the deliveries and
prints them by line.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
import uuid
from typing import Any

import fasttime_client
from fasttime_client import AuthenticatedClient
from fasttime_client.api.deliveries import get_messages_id_deliveries
from fasttime_client.api.messages import (
    get_messages_id,
    post_messages,
    post_messages_id_approve,
    post_messages_id_submit,
)
from fasttime_client.api.people import post_subscribers_import
from fasttime_client.models import Deliveries, DraftIn, Message, Problem, SubscribersImported
from fasttime_client.types import File

PEOPLE = b"external_id,mobile,lat,lon\nclient-1,07700 900777,51.5,-0.14\n"


def of(kind: type, found: Any) -> Any:
    assert isinstance(found, kind), found
    return found


def main(url: str, author: str, approver: str, administrator: str) -> None:
    for module in pkgutil.walk_packages(fasttime_client.__path__, "fasttime_client."):
        importlib.import_module(module.name)
    taken = post_subscribers_import.sync(
        client=AuthenticatedClient(base_url=url, token=administrator),
        body=File(payload=io.BytesIO(PEOPLE)),
        basis="consent",
        idempotency_key=str(uuid.uuid4()),
    )
    assert of(SubscribersImported, taken).new == 1
    at = AuthenticatedClient(base_url=url, token=author)
    second = AuthenticatedClient(base_url=url, token=approver)
    text = {"headline": "Road closed", "instruction": "Go round."}
    draft = DraftIn.from_dict(
        {
            "kind": "incident",
            "status": "Actual",
            "severity": "Moderate",
            "areas": ["E09000033"],
            "languages": {"en": text},
        }
    )
    key = str(uuid.uuid4())
    message = of(Message, post_messages.sync(client=at, body=draft, idempotency_key=key))
    again = of(Message, post_messages.sync(client=at, body=draft, idempotency_key=key))
    assert again.id == message.id
    submitted = of(
        Message,
        post_messages_id_submit.sync(
            message.id,
            client=at,
            idempotency_key=str(uuid.uuid4()),
        ),
    )
    body = post_messages_id_approve.PostMessagesIdApproveBody(content_hash=submitted.content_hash)
    refused = of(
        Problem,
        post_messages_id_approve.sync(
            message.id, client=at, body=body, idempotency_key=str(uuid.uuid4())
        ),
    )
    assert refused.code == "wrong_role", refused
    approved = of(
        Message,
        post_messages_id_approve.sync(
            message.id, client=second, body=body, idempotency_key=str(uuid.uuid4())
        ),
    )
    assert approved.state == "approved", approved
    sys.stdout.write(f"{message.id}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    live = of(Message, get_messages_id.sync(message.id, client=second))
    found = of(Deliveries, get_messages_id_deliveries.sync(message.id, client=second, limit=1000))
    lines = [str(delivery.line) for delivery in found.deliveries]
    sys.stdout.write(
        f"{live.state} {found.addressed} {len(lines)} {' '.join(sorted(set(lines)))}\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
