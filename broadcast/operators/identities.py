"""Whether two names look the same, and whether two e-mail addresses are one mailbox: who counts as
another person.
"""

from __future__ import annotations

import unicodedata

from broadcast.content.text_rules import LOOK_ALIKES, check_text
from broadcast.problems import Rejected, refuse

NAME_LENGTH = 100
_MORE_LOOK_ALIKES = str.maketrans(
    "ՕօՍսհոզքցᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏔᏃᏙᎠꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ",
    "OoUuhnqpgABCEHJKLMPRSTWZVDBPDTGKJCZFMNLSRVHWXYAEIOU",
)
_ALIKE = str.maketrans("il1|!0", "lllllo")
_DOTS_MEAN_NOTHING = frozenset({"gmail.com", "googlemail.com"})
_RESERVED = ("machine:", "fasttime")


def as_seen(name: str) -> str:
    """Return a name as people see it: no case, no spaces, nothing invisible, look-alikes of other
    scripts and 0O, 1Il as one letter.
    """
    bare = unicodedata.normalize("NFKD", name).translate(LOOK_ALIKES).translate(_MORE_LOOK_ALIKES)
    folded = unicodedata.normalize("NFKC", bare.casefold().translate(LOOK_ALIKES)).translate(_ALIKE)
    return "".join(
        char
        for char in folded
        if unicodedata.category(char)[0] not in "CZ" and char not in "\u115f\u1160\u3164\uffa0"
    )


def check_name(name: str) -> str:
    """Return an operator's name with its spaces made plain; raises Rejected (name_missing,
    name_too_long, name_invalid, control_character …).
    """
    if len(name) > 10 * NAME_LENGTH or len(" ".join(name.split())) > NAME_LENGTH:
        raise refuse(
            "name_too_long",
            f"a name has at most {NAME_LENGTH} characters",
            "give the name that colleagues use",
            field="name",
        )
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") for char in name):
        raise refuse(
            "control_character", "the name holds a control character", "type it again", field="name"
        )
    plain = " ".join(name.split())
    if not plain:
        raise refuse(
            "name_missing", "an operator needs a name", "give the person's name", field="name"
        )
    problems = check_text("name", plain, required=True, placeholders=False)
    if problems:
        raise Rejected(problems)
    if not any(char.isalpha() for char in plain):
        raise refuse(
            "name_invalid", "the name has no letter", "give the person's name", field="name"
        )
    if as_seen(plain).startswith(tuple(as_seen(word) for word in _RESERVED)):
        raise refuse(
            "name_invalid",
            "names that start like this are the machine's own",
            "give the person's name",
            field="name",
        )
    return plain


def mailbox(email: str) -> str:
    """Return whose mailbox an address is: no case, no sub-address (`kit+x@…`), and at Google no
    dots.
    """
    local, _, domain = unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    local = local.strip('"').partition("+")[0] or local
    domain = domain.rstrip(".")
    if domain in _DOTS_MEAN_NOTHING:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
