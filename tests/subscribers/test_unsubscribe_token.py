"""The token of a link to stop."""

import base64
import hmac

from hypothesis import given
from hypothesis import strategies as st

from subscribers import unsubscribe


@given(person=st.integers(0, 2**32 - 1), key=st.binary(min_size=1, max_size=80))
def test_a_token_is_person_channel_and_code_in_base32_and_is_read_back(
    person: int, key: bytes
) -> None:
    made = unsubscribe.token(person, "email", key)
    head = person.to_bytes(4, "big") + b"\2"
    raw = head + hmac.digest(key, b"unsubscribe" + head, "sha256")[:16]
    assert made == base64.b32encode(raw).decode().rstrip("=").lower()
    assert unsubscribe.read(made, key) == unsubscribe.Link(person, "email", simulated=False)
