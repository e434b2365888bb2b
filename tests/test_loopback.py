"""The suite cannot leave this machine."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests import loopback


def test_a_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as wire, pytest.raises(loopback.LeftTheMachine):
        wire.connect(("192.0.2.1", 25))
    assert loopback.escapes() == ["socket.connect to port 25 of 192.0.2.1"]


def test_a_datagram_to_another_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as wire, pytest.raises(loopback.LeftTheMachine):
        wire.sendto(b"x", ("192.0.2.1", 53))
    assert len(loopback.escapes()) == 1


async def test_a_look_up_of_a_name_is_refused_in_asyncio_too() -> None:
    with pytest.raises(loopback.LeftTheMachine):
        await asyncio.open_connection("mail.example.org", 25)
    assert len(loopback.escapes()) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", None, b"localhost"])
def test_loopback_is_local(host: object) -> None:
    assert loopback.is_local(host)


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1", "2001:db8::1", 7])
def test_everything_else_is_not(host: object) -> None:
    assert not loopback.is_local(host)
