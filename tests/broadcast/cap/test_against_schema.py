"""What the CAP schema refuses, we refuse: documents bent at random, both asked."""

from __future__ import annotations

import copy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from broadcast.cap.validation.lexical import broken_rule
from broadcast.cap.validation.structure import INFO
from broadcast.cap.validation.validate import validate
from tests.broadcast.cap.documents import area, document, info
from tests.broadcast.cap.schemas import CAP, schema_accepts
from tests.sources import OWN, REFERENCE

SIGNATURE = (
    '<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignedInfo/></d:Signature>'
)
FULL = document(
    source="<source>s</source>",
    scope="<scope>Restricted</scope>",
    restriction="<restriction>r</restriction>",
    addresses="<addresses>a b</addresses>",
    code="<code>c</code><code>d</code>",
    note="<note>n</note>",
    references="<references>a,b,2026-05-01T11:00:00-00:00</references>",
    incidents='<incidents>one "two three"</incidents>',
    infos=info(
        category="<category>Safety</category><category>Fire</category>",
        event="<event>Fire</event><responseType>Avoid</responseType><responseType>Shelter</responseType>",
        middle=(
            "<audience>a</audience><eventCode><valueName>a</valueName><value>b</value></eventCode>"
            "<effective>2026-05-01T12:00:00-00:00</effective><onset>2026-05-01T12:00:00-00:00</onset><expires>2026-05-01T14:00:00+01:00</expires>"
            "<senderName>s</senderName><headline>h</headline><description>d</description><instruction>i</instruction>"
            "<web>http://example.org/</web><contact>c</contact><parameter><valueName>a</valueName><value>b</value></parameter>"
            "<resource><resourceDesc>a</resourceDesc><mimeType>b</mimeType><size>1</size><uri>u</uri><derefUri>x</derefUri><digest>y</digest></resource>"
        ),
        areas=area(
            "<polygon>1,1 2,1 2,2 1,1</polygon><circle>1,1"
            " 1</circle><geocode><valueName>GSS</valueName><value>E09000033</value></geocode>"
            "<altitude>1</altitude><ceiling>2</ceiling>"
        ),
    )
    + info(language=""),
    end=SIGNATURE,
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "", " ", "Actual", "actual", "Public", "en", "en-", " en ", "e n", "-1", "+1.", ".",
            "1e3", "01", "NaN", "x" * 9, "http://[", "%", "a b", "1:2", "//",
            "2026-05-01T12:00:00-00:00", " 2026-05-01T12:00:00+14:00 ", "2026-05-01T24:00:00-00:00",
            "2026-02-29T12:00:00-00:00", "2026-05-01T12:00:00Z",
            "0001-01-01T00:00:00+14:00", "9999-12-31T24:00:00-00:00", "2026-05-01T12:00:00,00:00",
            "2026-05-01T12:00:00-14:01",
        ]
    ),
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"),
                                   exclude_characters="\ufffe\uffff"), max_size=12),
    st.from_regex(r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", fullmatch=True),
)  # fmt: skip
TAGS = st.sampled_from(
    [
        "identifier",
        "sent",
        "status",
        "note",
        "info",
        "language",
        "category",
        "event",
        "web",
        "parameter",
        "valueName",
        "value",
        "area",
        "areaDesc",
        "altitude",
        "x",
        "alert",
    ]
)
STEP = st.tuples(
    st.sampled_from(
        [
            "delete",
            "double",
            "swap",
            "rename",
            "text",
            "stray",
            "attribute",
            "child",
            "namespace",
            "move",
            "retype",
        ]
    ),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    TAGS,
    VALUES,
)
ATTRIBUTES = (
    "id", "{http://www.w3.org/XML/1998/namespace}lang",
    "{http://www.w3.org/2001/XMLSchema-instance}nil",
    "{http://www.w3.org/2001/XMLSchema-instance}type",
    "{http://www.w3.org/2001/XMLSchema-instance}other",
)  # fmt: skip


def bend(root, step):
    """Change one thing. `schemaLocation` is left alone: libxml2 would look for the file."""
    action, which, other, tag, value = step
    nodes = [node for node in root.iter() if node is not root]
    if not nodes:
        return
    node, second = nodes[which % len(nodes)], nodes[other % len(nodes)]
    parent = node.getparent()
    if action == "delete":
        parent.remove(node)
    elif action == "double":
        parent.insert(parent.index(node), copy.deepcopy(node))
    elif action == "swap":
        if (follower := node.getnext()) is not None:
            parent.insert(parent.index(node), follower)
    elif action == "rename":
        node.tag = f"{{{CAP}}}{tag}"
    elif action == "text":
        node.text = value
    elif action == "stray":
        node.tail = value
    elif action == "attribute":
        node.set(ATTRIBUTES[other % len(ATTRIBUTES)], value)
    elif action == "child":
        etree.SubElement(node, f"{{{CAP}}}{tag}").text = value
    elif action == "namespace":
        node.tag = "{http://www.w3.org/2000/09/xmldsig#}" + etree.QName(node).localname
    elif action == "move":
        if not any(ancestor is node for ancestor in (second, *second.iterancestors())):
            second.append(node)
    elif action == "retype":
        leaves = [n for n in nodes if not len(n)]
        leaves[which % len(leaves)].text = value


def bent(steps):
    root = etree.fromstring(FULL)
    for step in steps:
        bend(root, step)
    return etree.tostring(root)


@pytest.mark.reference
@settings(max_examples=300)
@given(st.lists(STEP, min_size=1, max_size=3))
def test_our_schema_says_what_that_of_oasis_says(steps):
    data = bent(steps)
    assert schema_accepts(data, OWN) == schema_accepts(data, REFERENCE)


@settings(max_examples=300)
@given(st.lists(STEP, min_size=1, max_size=3))
def test_whatever_the_schema_refuses_is_rejected(steps):
    data = bent(steps)
    verdict = validate(data)
    if not schema_accepts(data):
        assert verdict.verdict == "reject"


def test_the_document_that_is_bent_is_good_before():
    assert schema_accepts(FULL.encode())
    assert validate(FULL.encode()).verdict == "warn"  # the signature, and scope Restricted is fine


SLOTS = {slot.tag: slot for slot in INFO}


def one_value(tag, text):
    node = etree.fromstring(
        document(
            infos=info(
                language="<language/>" if tag == "language" else "",
                middle="" if tag == "language" else f"<{tag}/>",
            )
        )
    )
    next(node.iter(f"{{{CAP}}}{tag}")).text = text
    return etree.tostring(node)


@settings(max_examples=300)
@given(st.text(alphabet="aZ09:/?#[]@!$&'()*+,;=%-._~ <>\"{}|\\^`\té", max_size=14))
@example("http://x:999999999/")
@example("1:2")
@example("//:")
@example("a%2")
@example("http://[::1]/?#")
@example("http://a@b@c/")
def test_an_address_is_read_as_the_schema_reads_it(text):
    assert schema_accepts(one_value("web", text)) == (broken_rule(SLOTS["web"], text) == "")


@settings(max_examples=300)
@given(st.text(alphabet="aZ09- \té", max_size=12))
def test_a_language_is_read_as_the_schema_reads_it(text):
    assert schema_accepts(one_value("language", text)) == (
        broken_rule(SLOTS["language"], text) == ""
    )


@settings(max_examples=300)
@given(
    st.one_of(
        st.from_regex(
            r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9][-+][01][0-9]:[0-5][0-9]",
            fullmatch=True,
        ),
        VALUES,
    )
)
def test_a_time_is_read_as_the_schema_reads_it_between_the_years_2_and_9998(text):
    ours = broken_rule(SLOTS["expires"], text) == ""
    if text[:4] not in ("0001", "9999"):
        assert schema_accepts(one_value("expires", text)) == ours
    elif ours:
        assert schema_accepts(one_value("expires", text))


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=30).map(lambda junk: FULL.encode()[:900] + junk + FULL.encode()[900:]),
    )
)
def test_no_bytes_make_it_raise(data):
    assert validate(data).verdict in ("accept", "warn", "reject")


@settings(max_examples=300)
@given(
    st.integers(0, len(FULL)),
    st.integers(0, 40),
    st.text(alphabet="<>&;/\"'=![]-? aé\u202e\x00\x0b\ufffe", max_size=20),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-7"]),
)
def test_no_damage_to_a_good_document_makes_it_raise(at, length, inserted, encoding):
    validate((FULL[:at] + inserted + FULL[at + length :]).encode(encoding))
