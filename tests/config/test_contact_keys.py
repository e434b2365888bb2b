"""Which keys seal names and addresses, by the settings that were given."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadcast.problems import Rejected
from config.settings import load

ONE, TWO = "0123456789abcdef" * 4, "fedcba9876543210" * 4
CLUSTER = {
    "FASTTIME_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "FASTTIME_DATABASE_URL": "postgresql://u:p@127.0.0.1/d",
    "FASTTIME_SECRET_KEY": "a strong secret key of 40 characters 0123",
}


def test_a_cluster_without_contact_keys_has_one_that_follows_from_its_secret_key() -> None:
    keys = load(CLUSTER).contact_keys
    (first,) = keys.read()
    assert load(CLUSTER).contact_keys.read() == [first]
    assert keys.where() == "FASTTIME_SECRET_KEY"
    other = load(CLUSTER | {"FASTTIME_SECRET_KEY": "another secret key of 40 characters 0123"})
    assert other.contact_keys.read() != [first]
    with pytest.raises(Rejected) as refused:
        keys.add()
    assert refused.value.problems[0].code == "contact_key_old"


def test_a_cluster_that_is_given_keys_later_still_opens_what_it_sealed_before() -> None:
    (first,) = load(CLUSTER).contact_keys.read()
    later = load(CLUSTER | {"FASTTIME_CONTACT_KEYS": f"{ONE},{TWO}"}).contact_keys
    assert later.read() == [first, bytes.fromhex(ONE), bytes.fromhex(TWO)]


def test_the_same_by_a_file(tmp_path: Path) -> None:
    (first,) = load(CLUSTER).contact_keys.read()
    file = tmp_path / "contact.keys"
    file.touch(mode=0o600)
    file.write_text(f"{ONE}\n")
    later = load(CLUSTER | {"FASTTIME_CONTACT_KEYS_FILE": str(file)}).contact_keys
    assert later.read() == [first, bytes.fromhex(ONE)]
    assert later.where() == str(file)


def test_embedded_the_secret_key_lies_with_the_data_and_seals_nothing(tmp_path: Path) -> None:
    keys = load(
        {
            "FASTTIME_SECRET_KEY": CLUSTER["FASTTIME_SECRET_KEY"],
            "FASTTIME_CONTACT_KEYS_FILE": str(tmp_path / "none"),
        }
    ).contact_keys
    assert keys.read() == []
