"""One mail as it goes on the wire: what all people of one rendering get alike, made once, and what
each person gets of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from html import escape

from broadcast import macs
from broadcast.wording.rendered import Rendered
from channels.contract import Delivery, Refused
from channels.dkim import Signer, relaxed_body, relaxed_headers, relaxed_lines
from channels.smtp_settings import CONTROL

_URL = re.compile(r"https?://[\x21-\x3b\x3d\x3f-\x7e]+")  # printable ASCII without < and >
_DOT_AT_START = re.compile(rb"(?m)^\.")
# any server takes it; 8BITMIME is not needed then; 75 leave room for the "=" before a link
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=75)
ID_DIGITS = 32
_LINK_LINE = 72  # characters of a link on one line
STOP, ANSWER = "stop", "answer"
"""The links that each person gets of their own: to stop, and to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The mail of one rendering, ready for the wire: CRLF, dots doubled (RFC 5321 section 4.5.2).

    `head` are the headers that all have in common. `body` are the pieces between which each
    person's own links stand; `links` says of each gap which link it is, and whether in HTML.
    `relaxed_head` and `relaxed` are the same as DKIM signs them.
    """

    head: bytes
    body: tuple[bytes, ...]
    links: tuple[tuple[str, bool], ...]
    relaxed_head: tuple[bytes, ...]
    relaxed: tuple[bytes, ...]

    def body_for(self, unsubscribe_url: str, answer_url: str = "") -> bytes:
        """Return the body of somebody who has these links."""
        return self._joined(self.body, unsubscribe_url, answer_url)

    def signed(
        self, signer: Signer, own: bytes, unsubscribe_url: str, answer_url: str = ""
    ) -> bytes:
        """Return the signatures of the mail of somebody who has these headers and these links."""
        body = sha256(self._joined(self.relaxed, unsubscribe_url, answer_url)).digest()
        return signer.sign((*relaxed_headers(own), *self.relaxed_head), body)

    def _joined(self, body: tuple[bytes, ...], unsubscribe_url: str, answer_url: str) -> bytes:
        if not self.links:
            return body[0]
        urls = {STOP: unsubscribe_url, ANSWER: answer_url}
        quoted: dict[tuple[str, bool], bytes] = {}
        pieces = [body[0]]
        for gap, piece in zip(self.links, body[1:], strict=True):
            link = quoted.get(gap)
            if link is None:
                which, html = gap
                link = quoted[gap] = _quoted(escape(urls[which]) if html else urls[which])
            pieces += (link, piece)
        return b"".join(pieces)


def header(text: str) -> str:
    """Return text that may stand in a header. Raises Refused("content_invalid")."""
    if CONTROL.search(text):
        raise Refused(
            "content_invalid", "a control character stands in a header: the rendering is wrong"
        )
    return text


def own_headers(delivery: Delivery, to: str, domain: str) -> str:
    """Return the headers of one person: Message-ID, what it answers, To, and one click to stop
    (RFC 2369 and RFC 8058). Raises Refused("content_invalid").
    """
    rendered, url = delivery.rendered, delivery.unsubscribe_url
    own = message_id(rendered.secret, to) if rendered.secret else delivery.attempt
    head = f"Message-ID: <{own}@{domain}>\r\nTo: {to}\r\n"
    if rendered.earlier:
        answered = [f"<{message_id(secret, to)}@{domain}>" for secret in rendered.earlier]
        folded = "\r\n ".join(reversed(answered))  # RFC 5322 section 3.6.4: the oldest first
        head += f"In-Reply-To: {answered[0]}\r\nReferences: {folded}\r\n"
    if url:
        if not _URL.fullmatch(url):
            raise Refused("content_invalid", "the unsubscribe address is not an address")
        # a line may have 998 characters
        head += (
            f"List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        )
    return head


def message_id(secret: str, to: str) -> str:
    """Return the left part of the Message-ID of a version's mail to an address: whoever sends the
    next version finds it again without having kept it, and nobody else can read the address in it.
    """
    return macs.under(secret.encode())(to.lower().encode()).hex()[:ID_DIGITS]


def list_id(mail_from: str) -> str:
    """Return the name under which mail programs file what a sender sends (RFC 2919)."""
    local, _, domain = mail_from.rpartition("@")
    label = re.sub(r"[^a-z0-9]+", "-", local.lower()).strip("-") or "alerts"
    return f"<{label}.{domain.lower()}>"


def build_template(rendered: Rendered, mail_from: str, display_name: str) -> Template:
    """Return what all people of one rendering get alike: headers without To, Message-ID, Date and
    List-Unsubscribe, and the body up to the final dot.
    """
    mail = EmailMessage(policy=_POLICY)
    local, _, domain = mail_from.rpartition("@")
    mail["From"] = Address(header(display_name), local, domain)
    mail["Subject"] = header(rendered.subject)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices, please
    mail["List-Id"] = list_id(mail_from)
    # Quoted-printable always: a person's own link can be put between its lines.
    mark = sha256(f"{rendered.body}\0{rendered.html}".encode()).hexdigest()[:32]
    links = {STOP: rendered.unsubscribe, ANSWER: rendered.answer}

    def marked(text: str, where: str) -> str:
        for which, link in links.items():
            text = _marked(text, link, f"{which}{where}{mark}")
        return text

    mail.set_content(marked(rendered.body, "text"), cte="quoted-printable")
    if rendered.html:
        html = marked(rendered.html, "html")
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    # last: setting the content drops what is called Content-
    mail["Content-Language"] = header(rendered.language)
    head, _, body = mail.as_bytes().partition(b"\r\n\r\n")
    parts = re.split(rf"\r\n({STOP}|{ANSWER})(text|html){mark}\r\n".encode(), body)
    pieces = parts[::3]
    return Template(
        head=head + b"\r\n",
        body=tuple(_DOT_AT_START.sub(b"..", piece) for piece in pieces),
        links=tuple(
            (which.decode(), where == b"html")
            for which, where in zip(parts[1::3], parts[2::3], strict=True)
        ),
        relaxed_head=relaxed_headers(head),
        relaxed=(*(relaxed_lines(p) for p in pieces[:-1]), relaxed_body(pieces[-1])),
    )


def _marked(text: str, link: str, mark: str) -> str:
    """Return the text with a line of its own, the mark, wherever the link stands."""
    if not link:
        return text
    return text.replace(link, f"\n{mark}\n") + ("\n" if text.endswith(link) else "")


def _quoted(link: str) -> bytes:
    """Return a link between two soft line breaks, quoted-printable (RFC 2045 section 6.7)."""
    if len(link) <= _LINK_LINE and "=" not in link and not link.startswith("."):
        return b"=\r\n%b=\r\n" % link.encode("ascii")
    text = link.replace("=", "=3D")
    lines = []
    while len(text) > _LINK_LINE:
        end = _LINK_LINE - (text[:_LINK_LINE].rfind("=") > _LINK_LINE - 3) * 3
        lines.append(text[:end])
        text = text[end:]
    lines.append(text)
    safe = ["=2E" + line[1:] if line.startswith(".") else line for line in lines]
    return ("=\r\n" + "=\r\n".join(safe) + "=\r\n").encode("ascii")
