"""/openapi.json says what the API is: every route's answer fits what the document promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR as OPENAPI_31

from broadcast.places.postcodes.directory import Entry
from console.server.openapi import ANSWERS, COMPONENTS
from service.setup import places
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from tests.console.site import WESTMINSTER, Site, open_site

ASKED = {
    "/api/v1/messages": "author",
    "/api/v1/messages/{id}": "author",
    "/api/v1/messages/{id}/counts": "author",
    "/api/v1/messages/{id}/languages": "author",
    "/api/v1/messages/{id}/deliveries": "approver",
    "/api/v1/messages/{id}/answers": "approver",
    "/api/v1/answers/unsorted": "approver",
    "/api/v1/answers/{answer}": "approver",
    "/api/v1/messages/{id}/explain/{subscriber}": "administrator",
    "/api/v1/resends": "approver",
    "/api/v1/operator-requests": "administrator",
    "/api/v1/operators": "auditor",
    "/api/v1/threat-levels": "author",
    "/api/v1/threat-levels/history": "author",
    "/api/v1/areas": "administrator",
    "/api/v1/groups": "author",
    "/api/v1/organisations": "administrator",
    "/api/v1/organisations/{organisation}": "administrator",
    "/api/v1/exercises": "author",
    "/api/v1/dead-letters": "administrator",
    "/api/v1/areas/{code}": "author",
    "/api/v1/areas/locate": "author",
    "/api/v1/areas/replaced": "administrator",
    "/api/v1/areas/postcode": "author",
    "/api/v1/audit": "auditor",
    "/api/v1/audit/verify": "auditor",
    "/api/v1/messages/{id}/replay": "author",
    "/api/v1/messages/{id}/replay/at": "author",
    "/api/v1/subscribers": "administrator",
    "/api/v1/subscribers/{subscriber}": "administrator",
    "/healthz": None,
    "/readyz": None,
}

ASKING = {
    "/api/v1/areas/locate": "?lat=51.5&lon=-0.1",
    "/api/v1/areas/postcode": "?postcode=sw1a2aa",
}
"""What must be asked with it."""
DOWNING_STREET = Entry("SW1A2AA", 51.5035, -0.1277, 100, "", "")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_what_every_route_answers_is_what_the_document_says(site: Site) -> None:
    document = (await site.get("/openapi.json", role=None)).json
    message = await site.live()
    await site.db.write(places.store_postcodes, [DOWNING_STREET], datetime.now(UTC))
    bell = OrganisationRecord("o-1", "The Bell", "I", "micro", "", ("p1",), ((WESTMINSTER, "p1"),))
    await site.db.write(rows.save, [bell], datetime.now(UTC))
    texted = {"MessageSid": "SM1", "From": "+447700900002", "Body": "I saw him"}
    assert (await site.twilio("/hooks/twilio/inbound", texted)).status == 200
    for path, role in ASKED.items():
        said = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        url = path.replace("{id}", str(message)).replace("{subscriber}", "1")
        url = url.replace("{answer}", "1").replace("{organisation}", "o-1")
        url = url.replace("{code}", WESTMINSTER) + ASKING.get(path, "")
        answer = await site.get(url, role=role)
        assert answer.status == 200, (path, answer.json)
        check(document, said["schema"], answer.json)


def test_every_route_that_is_read_has_its_answer_checked() -> None:
    read = {path for method, path in ANSWERS if method == "get"}
    assert read <= set(ASKED)


async def test_the_document_is_what_the_standard_says_a_document_is(site: Site) -> None:
    """By the OpenAPI Initiative's own schema of 3.1, which schemathesis brings along."""
    document = (await site.get("/openapi.json", role=None)).json
    assert document["openapi"].startswith("3.1.")
    faults = [
        (list(fault.instance_path), fault.message) for fault in OPENAPI_31.iter_errors(document)
    ]
    assert faults == []


async def test_a_refusal_is_the_problem_that_the_document_says(site: Site) -> None:
    document = (await site.get("/openapi.json", role=None)).json
    for path, role in (("/api/v1/messages", None), ("/api/v1/messages/99", "author")):
        answer = await site.get(path, role=role)
        assert answer.status in (401, 404)
        check(document, {"$ref": "#/components/schemas/Problem"}, answer.json)


async def test_every_operation_has_a_name_of_its_own_and_says_who_may_call_it(site: Site) -> None:
    document = (await site.get("/openapi.json", role=None)).json
    found = operations(document)
    names = [operation["operationId"] for _, _, operation in found]
    assert len(set(names)) == len(names)
    for _, path, operation in found:
        closed = path.startswith("/api/v1")
        assert operation["security"] == ([{"token": []}] if closed else []), path
        for status, response in operation["responses"].items():
            assert response["description"], (path, status)
            for media, said in response.get("content", {}).items():
                assert "schema" in said, (path, status, media)
    assert document["servers"]
    assert document["info"]["license"]["identifier"] == "Apache-2.0"


async def test_every_json_body_and_answer_has_an_example_that_fits_it(site: Site) -> None:
    document = (await site.get("/openapi.json", role=None)).json
    shown = 0
    for _, path, operation in operations(document):
        if not path.startswith("/api/v1"):
            continue
        good = [operation["responses"][s] for s in ("200", "201") if s in operation["responses"]]
        for said in (*good, operation.get("requestBody", {})):
            for media, given in said.get("content", {}).items():
                takes_nothing = given["schema"].get("properties") == {}
                if media == "application/json" and not takes_nothing:
                    check(document, given["schema"], given["example"])
                    shown += 1
    assert shown > 60
    check(document, COMPONENTS["Problem"], COMPONENTS["Problem"]["example"])


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_every_component_is_a_schema_and_only_refers_to_others(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(COMPONENTS[name])
    text = str(COMPONENTS[name])
    for other in (part.split("'")[0] for part in text.split("#/components/schemas/")[1:]):
        assert other in {*COMPONENTS, "DraftIn"}
