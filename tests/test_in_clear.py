"""The search for people's data finds it in every form, and nothing where there is nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.in_clear import Search

NUMBER, MAIL = "+447700900613", "ada.zyzzyvaquill@example.org"
SEARCH = Search(words=["Zyzzyvaquill"], numbers=[NUMBER], values=[MAIL])

WRITTEN: dict[str, bytes] = {
    "a name": b"Ada Zyzzyvaquill",
    "in capitals": b"ADA ZYZZYVAQUILL",
    "JSON": json.dumps({"to": MAIL}).encode(),
    "UTF-16": "Ada Zyzzyvaquill".encode("utf-16"),
    "UTF-16, big end first": "Ada Zyzzyvaquill".encode("utf-16-be"),
    "for an address of a page": quote(MAIL, safe="").encode(),
    **{
        f"base64, {n} letters before": base64.b64encode(b"x" * n + MAIL.encode() + b"!")
        for n in range(4)
    },
    **{
        f"base64 of a number, {n} before": base64.urlsafe_b64encode(b"\xff" * n + b"07700900613;")
        for n in range(3)
    },
    "hexadecimal": MAIL.encode().hex().encode(),
    "hexadecimal of a name": b"Ada Zyzzyvaquill".hex().upper().encode(),
    "a name backwards": b"Zyzzyvaquill"[::-1],
    "a number": NUMBER.encode(),
    "a number at home": b"07700900613",
    "a number as people write it": b"07700 900613",
    "a number in an address": quote("07700 900613").encode(),
    "a number in UTF-16": NUMBER.encode("utf-16-be"),
    "a number backwards": NUMBER[:0:-1].encode(),
    "a number in e164.arpa": b"3.1.6.0.0.9.0.0.7.7.4.4.e164.arpa",
    "a number in hexadecimal": NUMBER.encode().hex().encode(),
    "a number as an integer": struct.pack(">q", 447700900613),
    "a number as an integer of the other end": struct.pack("<q", 7700900613),
    "a plain hash of a number": hashlib.sha256(b"07700900613").hexdigest()[:20].encode(),
    "a plain hash of an address": hashlib.sha1(MAIL.encode()).digest(),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_it_is_found_in_every_form_wherever_it_stands(how: str, tmp_path: Path) -> None:
    hidden = b"\0\xff" * 5000 + WRITTEN[how] + b"\xff\0" * 5000
    assert SEARCH.found_in(hidden)
    path = tmp_path / "file"
    path.write_bytes(hidden)
    assert SEARCH.found_in_files([path, tmp_path, tmp_path / "gone"])


def test_nothing_is_found_where_nothing_is() -> None:
    for held in (
        b"",
        b"\0" * 100_000,
        b"ada@example.org Ada Lovelace +447700900614",
        hashlib.sha256(b"another").digest(),
        gzip.compress(b"x" * 5000),
    ):
        assert SEARCH.found_in(held) == []
