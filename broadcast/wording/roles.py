"""What stands in a message that somebody gets once for several registrations: as whom they get it,
in every language of the packs.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those in languages.py do; English is the
original.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from broadcast.wording.languages import pack_for
from broadcast.wording.pack import fill


@dataclass(frozen=True, slots=True)
class _Words:
    said: str
    resident: str
    business: str
    partner: str
    officer: str


_WORDS: Mapping[str, _Words] = MappingProxyType(
    {
        "en": _Words("You get this as: {roles}", "resident", "business", "partner", "officer"),
        "cy": _Words("Cewch hwn fel: {roles}", "preswylydd", "busnes", "partner", "swyddog"),
        "pl": _Words(
            "Otrzymujesz to jako: {roles}", "mieszkaniec", "firma", "partner", "funkcjonariusz"
        ),
        "ro": _Words("Primiți acest mesaj ca: {roles}", "locuitor", "firmă", "partener", "ofițer"),
        "es": _Words("Recibe esto como: {roles}", "residente", "empresa", "socio", "agente"),
        "pt": _Words("Recebe isto como: {roles}", "residente", "empresa", "parceiro", "agente"),
        "fr": _Words(
            "Vous recevez ceci en tant que : {roles}",
            "habitant",
            "entreprise",
            "partenaire",
            "agent",
        ),
        "it": _Words("Riceve questo come: {roles}", "residente", "impresa", "partner", "agente"),
        "bn": _Words("আপনি এটি পাচ্ছেন এই হিসেবে: {roles}", "বাসিন্দা", "ব্যবসা", "অংশীদার", "কর্মকর্তা"),
        "gu": _Words("તમને આ આ રીતે મળે છે: {roles}", "રહેવાસી", "વ્યવસાય", "ભાગીદાર", "અધિકારી"),
        "pa": _Words("ਤੁਹਾਨੂੰ ਇਹ ਇਸ ਵਜੋਂ ਮਿਲਦਾ ਹੈ: {roles}", "ਵਸਨੀਕ", "ਕਾਰੋਬਾਰ", "ਭਾਈਵਾਲ", "ਅਧਿਕਾਰੀ"),
        "tr": _Words(
            "Bunu şu sıfatla alıyorsunuz: {roles}", "sakin", "işletme", "ortak", "görevli"
        ),
        "ar": _Words("تصلك هذه الرسالة بصفتك: {roles}", "ساكن", "منشأة", "شريك", "ضابط"),
        "ur": _Words("آپ کو یہ اس حیثیت سے ملا: {roles}", "رہائشی", "کاروبار", "شراکت دار", "افسر"),
        "ta": _Words("இதை நீங்கள் பெறுவது: {roles}", "குடியிருப்பாளர்", "வணிகம்", "பங்குதாரர்", "அதிகாரி"),
        "fa": _Words(
            "این پیام را به این عنوان می‌گیرید: {roles}", "ساکن", "کسب‌وکار", "همکار", "مأمور"
        ),
        "so": _Words("Waxaad ku helaysaa: {roles}", "deggane", "ganacsi", "lammaane", "sarkaal"),
        "lt": _Words("Tai gaunate kaip: {roles}", "gyventojas", "įmonė", "partneris", "pareigūnas"),
        "el": _Words(
            "Το λαμβάνετε ως: {roles}", "κάτοικος", "επιχείρηση", "συνεργάτης", "αξιωματικός"
        ),
        "ru": _Words(
            "Вы получаете это как: {roles}", "житель", "предприятие", "партнёр", "сотрудник"
        ),
        "zh": _Words("您以下列身份收到此信息：{roles}", "居民", "企业", "合作伙伴", "警员"),
        "bg": _Words("Получавате това като: {roles}", "жител", "фирма", "партньор", "служител"),
        "sq": _Words("E merrni këtë si: {roles}", "banor", "biznes", "partner", "oficer"),
    }
)


def languages() -> frozenset[str]:
    """Return the tags of all languages that there are words in."""
    return frozenset(_WORDS)


def as_whom(language: str, roles: Sequence[str]) -> str:
    """Return the sentence that names as whom somebody gets a message: the kinds of their
    registrations (resident, business, partner, officer), one of which they have several with how
    many. Empty for none.
    """
    words = _WORDS[pack_for(language).tag]
    named = [
        f"{getattr(words, kind)} ({times})" if times > 1 else str(getattr(words, kind))
        for kind, times in Counter(roles).items()
    ]
    return fill(words.said, roles=", ".join(named)) if named else ""
