"""Codes under a key are those of the standard."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from broadcast import macs


@given(key=st.binary(max_size=200), texts=st.lists(st.binary(max_size=300), min_size=2, max_size=4))
def test_codes_are_those_of_the_standard_library_whatever_was_asked_before(
    key: bytes, texts: list[bytes]
) -> None:
    code = macs.under(key)
    assert [code(text) for text in texts] == [hmac.digest(key, text, "sha256") for text in texts]


def test_a_key_longer_than_a_block_is_hashed_first_as_rfc_4231_shows() -> None:
    code = macs.under(b"\xaa" * 131)(b"Test Using Larger Than Block-Size Key - Hash Key First")
    assert code.hex() == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
