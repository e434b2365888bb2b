"""Whom a message is for, as CAP's `audience` says it in the language of its info: kinds of people,
sectors, communities, trades and sizes of organisations.

The names of trades are English in every language, those of the Standard Industrial Classification;
the letter before each is the same section of NACE anywhere in Europe. The translations await a
native speaker's check, as all others (`broadcast.wording.pack`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from broadcast.content.model import SUBSCRIBER_KINDS, Audience
from broadcast.content.trades import SIZES, named
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import fill


@dataclass(frozen=True, slots=True)
class AudienceWords:
    """The words of one language. The first five say what is listed, `{who}` is the list; `kinds`
    stand in the order of SUBSCRIBER_KINDS, `called` (organisations of a size) in that of SIZES.
    """

    people: str
    sectors: str
    communities: str
    trades: str
    sizes: str
    kinds: tuple[str, ...]
    called: tuple[str, ...]


AUDIENCE_WORDS: Final[Mapping[str, AudienceWords]] = MappingProxyType(
    {
        "en": AudienceWords(
            "people: {who}",
            "sectors: {who}",
            "communities: {who}",
            "trades: {who}",
            "sizes of organisation: {who}",
            ("residents", "businesses", "partner organisations", "police officers"),
            ("micro", "small", "medium", "large"),
        ),
        "cy": AudienceWords(
            "pobl: {who}",
            "sectorau: {who}",
            "cymunedau: {who}",
            "diwydiannau: {who}",
            "maint y sefydliad: {who}",
            ("trigolion", "busnesau", "sefydliadau partner", "swyddogion heddlu"),
            ("micro", "bach", "canolig", "mawr"),
        ),
        "pl": AudienceWords(
            "osoby: {who}",
            "sektory: {who}",
            "społeczności: {who}",
            "branże: {who}",
            "wielkość organizacji: {who}",
            ("mieszkańcy", "firmy", "organizacje partnerskie", "policjanci"),
            ("mikro", "małe", "średnie", "duże"),
        ),
        "ro": AudienceWords(
            "persoane: {who}",
            "sectoare: {who}",
            "comunități: {who}",
            "domenii de activitate: {who}",
            "dimensiunea organizației: {who}",
            ("locuitori", "firme", "organizații partenere", "polițiști"),
            ("micro", "mici", "mijlocii", "mari"),
        ),
        "es": AudienceWords(
            "personas: {who}",
            "sectores: {who}",
            "comunidades: {who}",
            "actividades económicas: {who}",
            "tamaño de la organización: {who}",
            ("residentes", "empresas", "organizaciones colaboradoras", "agentes de policía"),
            ("micro", "pequeñas", "medianas", "grandes"),
        ),
        "pt": AudienceWords(
            "pessoas: {who}",
            "setores: {who}",
            "comunidades: {who}",
            "atividades económicas: {who}",
            "dimensão da organização: {who}",
            ("residentes", "empresas", "organizações parceiras", "agentes da polícia"),
            ("micro", "pequenas", "médias", "grandes"),
        ),
        "fr": AudienceWords(
            "personnes : {who}",
            "secteurs : {who}",
            "communautés : {who}",
            "branches d'activité : {who}",
            "taille de l'organisation : {who}",
            ("habitants", "entreprises", "organisations partenaires", "policiers"),
            ("très petites", "petites", "moyennes", "grandes"),
        ),
        "it": AudienceWords(
            "persone: {who}",
            "settori: {who}",
            "comunità: {who}",
            "attività economiche: {who}",
            "dimensione dell'organizzazione: {who}",
            ("residenti", "imprese", "organizzazioni partner", "agenti di polizia"),
            ("micro", "piccole", "medie", "grandi"),
        ),
        "bn": AudienceWords(
            "মানুষ: {who}",
            "খাত: {who}",
            "সম্প্রদায়: {who}",
            "ব্যবসার ধরন: {who}",
            "প্রতিষ্ঠানের আকার: {who}",
            ("বাসিন্দা", "ব্যবসাপ্রতিষ্ঠান", "অংশীদার সংস্থা", "পুলিশ কর্মকর্তা"),
            ("অতি ছোট", "ছোট", "মাঝারি", "বড়"),
        ),
        "gu": AudienceWords(
            "લોકો: {who}",
            "ક્ષેત્રો: {who}",
            "સમુદાયો: {who}",
            "વ્યવસાયના પ્રકાર: {who}",
            "સંસ્થાનું કદ: {who}",
            ("રહેવાસીઓ", "વ્યવસાયો", "ભાગીદાર સંસ્થાઓ", "પોલીસ અધિકારીઓ"),
            ("અતિ નાની", "નાની", "મધ્યમ", "મોટી"),
        ),
        "pa": AudienceWords(
            "ਲੋਕ: {who}",
            "ਖੇਤਰ: {who}",
            "ਭਾਈਚਾਰੇ: {who}",
            "ਕਾਰੋਬਾਰ ਦੀ ਕਿਸਮ: {who}",
            "ਸੰਸਥਾ ਦਾ ਆਕਾਰ: {who}",
            ("ਵਸਨੀਕ", "ਕਾਰੋਬਾਰ", "ਭਾਈਵਾਲ ਸੰਸਥਾਵਾਂ", "ਪੁਲਿਸ ਅਧਿਕਾਰੀ"),
            ("ਬਹੁਤ ਛੋਟੀਆਂ", "ਛੋਟੀਆਂ", "ਦਰਮਿਆਨੀਆਂ", "ਵੱਡੀਆਂ"),
        ),
        "tr": AudienceWords(
            "kişiler: {who}",
            "sektörler: {who}",
            "topluluklar: {who}",
            "iş kolları: {who}",
            "kuruluş büyüklüğü: {who}",
            ("sakinler", "işletmeler", "ortak kuruluşlar", "polis memurları"),
            ("mikro", "küçük", "orta", "büyük"),
        ),
        "ar": AudienceWords(
            "الأشخاص: {who}",
            "القطاعات: {who}",
            "المجتمعات: {who}",
            "الأنشطة الاقتصادية: {who}",
            "حجم المنشأة: {who}",
            ("السكان", "المنشآت", "الجهات الشريكة", "ضباط الشرطة"),
            ("متناهية الصغر", "صغيرة", "متوسطة", "كبيرة"),
        ),
        "ur": AudienceWords(
            "لوگ: {who}",
            "شعبے: {who}",
            "برادریاں: {who}",
            "کاروبار کی قسم: {who}",
            "ادارے کا حجم: {who}",
            ("رہائشی", "کاروباری ادارے", "شراکت دار ادارے", "پولیس افسران"),
            ("بہت چھوٹے", "چھوٹے", "درمیانے", "بڑے"),
        ),
        "ta": AudienceWords(
            "மக்கள்: {who}",
            "துறைகள்: {who}",
            "சமூகங்கள்: {who}",
            "தொழில் வகைகள்: {who}",
            "நிறுவனத்தின் அளவு: {who}",
            ("குடியிருப்பாளர்கள்", "வணிகங்கள்", "கூட்டாளர் அமைப்புகள்", "காவல்துறை அதிகாரிகள்"),
            ("மிகச் சிறிய", "சிறிய", "நடுத்தர", "பெரிய"),
        ),
        "fa": AudienceWords(
            "افراد: {who}",
            "بخش‌ها: {who}",
            "جوامع: {who}",
            "رشته‌های فعالیت: {who}",
            "اندازه سازمان: {who}",
            ("ساکنان", "کسب‌وکارها", "سازمان‌های همکار", "مأموران پلیس"),
            ("بسیار کوچک", "کوچک", "متوسط", "بزرگ"),
        ),
        "so": AudienceWords(
            "dadka: {who}",
            "qaybaha: {who}",
            "bulshooyinka: {who}",
            "noocyada ganacsiga: {who}",
            "cabbirka hay'adda: {who}",
            ("deggeneyaasha", "ganacsiyada", "hay'adaha lammaanaha ah", "saraakiisha booliiska"),
            ("aad u yar", "yar", "dhexdhexaad", "weyn"),
        ),
        "lt": AudienceWords(
            "žmonės: {who}",
            "sektoriai: {who}",
            "bendruomenės: {who}",
            "veiklos rūšys: {who}",
            "organizacijos dydis: {who}",
            ("gyventojai", "įmonės", "organizacijos partnerės", "policijos pareigūnai"),
            ("labai mažos", "mažos", "vidutinės", "didelės"),
        ),
        "el": AudienceWords(
            "άτομα: {who}",
            "κλάδοι: {who}",
            "κοινότητες: {who}",
            "επαγγελματικές δραστηριότητες: {who}",
            "μέγεθος οργανισμού: {who}",
            ("κάτοικοι", "επιχειρήσεις", "συνεργαζόμενοι οργανισμοί", "αστυνομικοί"),
            ("πολύ μικροί", "μικροί", "μεσαίοι", "μεγάλοι"),
        ),
        "ru": AudienceWords(
            "кому: {who}",
            "отрасли: {who}",
            "общины: {who}",
            "виды деятельности: {who}",
            "размер организации: {who}",
            ("жители", "предприятия", "организации-партнёры", "сотрудники полиции"),
            ("микро", "малые", "средние", "крупные"),
        ),
        "zh": AudienceWords(
            "人员：{who}",
            "行业：{who}",
            "社区：{who}",
            "经济活动类别：{who}",
            "机构规模：{who}",
            ("居民", "企业", "合作机构", "警员"),
            ("微型", "小型", "中型", "大型"),
        ),
        "bg": AudienceWords(
            "хора: {who}",
            "сектори: {who}",
            "общности: {who}",
            "икономически дейности: {who}",
            "размер на организацията: {who}",
            ("жители", "фирми", "партньорски организации", "полицаи"),
            ("микро", "малки", "средни", "големи"),
        ),
        "sq": AudienceWords(
            "personat: {who}",
            "sektorët: {who}",
            "komunitetet: {who}",
            "veprimtaritë: {who}",
            "madhësia e organizatës: {who}",
            ("banorë", "biznese", "organizata partnere", "oficerë policie"),
            ("mikro", "të vogla", "të mesme", "të mëdha"),
        ),
    }
)
"""By the tags of the packs."""


def whom(
    rule: Audience, language: str, *, sectors: Sequence[str], communities: Sequence[str]
) -> str:
    """Return in words whom a message is for, in a language, or in English where we have no words in
    it; "" for everybody. `sectors` and `communities` are the names of the audience's groups in that
    language.
    """
    words = AUDIENCE_WORDS[pack_for(language).tag]
    listed = (
        (words.people, [words.kinds[SUBSCRIBER_KINDS.index(kind)] for kind in rule.kinds]),
        (words.sectors, sectors),
        (words.communities, communities),
        (words.trades, [named(letter) for letter in rule.trades]),
        (words.sizes, [words.called[SIZES.index(size)] for size in rule.sizes]),
    )
    return "; ".join(fill(said, who=", ".join(names)) for said, names in listed if names)
