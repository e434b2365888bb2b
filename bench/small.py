"""segments and signing: what needs no service, against the plainest code that is right."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bench import places
from bench.measure import Block, Result, of_pairs, side_by_side
from broadcast.content.model import Text
from broadcast.content.segments import count
from broadcast.wording.rendered import Rendered
from channels.contract import Delivery
from channels.dkim import Key, Signer
from channels.mail import build_template, own_headers


async def segments(quick: bool = False) -> Result:
    """Segments of text messages counted, against counting characters and dividing."""
    texts = [
        f"{places.WORDS.headline} {n} {Text(headline='x').headline * (n % 200)}"
        for n in range(2_000 if quick else 20_000)
    ]

    def ours() -> Block:
        began = time.perf_counter()
        for text in texts:
            count(text)
        return Block(value=len(texts) / (time.perf_counter() - began))

    def plain() -> Block:
        began = time.perf_counter()
        for text in texts:
            units = sum(2 if c in "^{}[~]|\\€" else 1 for c in text)
            _ = 1 if units <= 160 else -(-units // 153)
        return Block(value=len(texts) / (time.perf_counter() - began))

    found = await side_by_side(
        "segments",
        lambda: asyncio.to_thread(ours),
        lambda: asyncio.to_thread(plain),
        pairs=places.number_of("PAIRS", 3 if quick else 7),
    )
    return of_pairs(
        "segments",
        "segments with the costly characters named / characters counted",
        "texts/s",
        found,
        wanted=3,
        goal=None,
        facts={"texts": len(texts)},
    )


async def signing(quick: bool = False) -> Result:
    """Mails of one person each, laid out and signed by two keys, against signing as many bytes by
    the bare library.
    """
    mails = 300 if quick else 3_000
    old, new = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    both = (
        Key(selector="new", file=Path(), private=new),
        Key(selector="old", file=Path(), private=old),
    )
    signer = Signer(domain="example.org", keys=both)
    own = f"{places.PUBLIC_URL}/u/your-own-link"
    said = f"{places.WORDS.headline}\n\n{places.WORDS.instruction}\n\n" * 4
    page = f'<p>{said}<a href="{own}">{own}</a></p>'
    words = Rendered(
        channel="email",
        language="en",
        subject=places.WORDS.headline,
        body=said + own,
        html=page,
        unsubscribe=own,
    )
    template = build_template(words, "alerts@example.org", "Police alerts")
    ends = datetime.now(UTC) + timedelta(hours=4)

    def a_mail(number: int) -> tuple[bytes, bytes]:
        link = f"{places.PUBLIC_URL}/u/{number:034x}"
        delivery = Delivery(
            attempt=f"{number:050x}",
            to=f"person{number}@example.org",
            rendered=words,
            status="Actual",
            expires_at=ends,
            unsubscribe_url=link,
        )
        head = own_headers(delivery, delivery.to, "example.org").encode("ascii")
        return template.signed(signer, head, link) + head + template.head, template.body_for(link)

    def ours() -> Block:
        began = time.perf_counter()
        for number in range(mails):
            a_mail(number)
        return Block(value=mails / (time.perf_counter() - began))

    head, body = a_mail(0)

    def bare() -> Block:
        began = time.perf_counter()
        for number in range(mails):
            data = b"%d" % number + head + sha256(body).digest()
            new.sign(sha256(data).digest())
            old.sign(data, PKCS1v15(), hashes.SHA256())
        return Block(value=mails / (time.perf_counter() - began))

    found = await side_by_side(
        "signing",
        lambda: asyncio.to_thread(ours),
        lambda: asyncio.to_thread(bare),
        pairs=places.number_of("PAIRS", 3 if quick else 7),
    )
    return of_pairs(
        "signing",
        "mails laid out and signed by Ed25519 and RSA / bare signing by both",
        "mails/s",
        found,
        wanted=3,
        goal=None,
        facts={"mails": mails, "bytes": len(head) + len(body)},
    )
