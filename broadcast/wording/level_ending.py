"""What is said where a threat level of its own ends: that of a place, a sector or a community.

The name stands before the sentence, so that it needs no form of its own in any language. The
translations await a native speaker's check, as all others (`broadcast.wording.pack`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from broadcast.wording.pack import Pack, fill

ENDED_WORDS: Final = MappingProxyType(
    {
        "en": "{place}: there is no longer a separate threat level",
        "cy": "{place}: nid oes lefel bygythiad ar wahân bellach",
        "pl": "{place}: odrębny poziom zagrożenia już nie obowiązuje",
        "ro": "{place}: nu mai există un nivel de amenințare separat",
        "es": "{place}: ya no hay un nivel de amenaza específico",
        "pt": "{place}: já não há um nível de ameaça específico",
        "fr": "{place} : il n'y a plus de niveau de menace particulier",
        "it": "{place}: non c'è più un livello di minaccia specifico",
        "bn": "{place}: আলাদা কোনো হুমকির মাত্রা আর নেই",
        "gu": "{place}: હવે કોઈ અલગ ખતરાનું સ્તર નથી",
        "pa": "{place}: ਹੁਣ ਕੋਈ ਵੱਖਰਾ ਖ਼ਤਰੇ ਦਾ ਪੱਧਰ ਨਹੀਂ ਹੈ",
        "tr": "{place}: artık ayrı bir tehdit seviyesi yok",
        "ar": "{place}: لم يعد هناك مستوى تهديد خاص",
        "ur": "{place}: اب خطرے کی کوئی الگ سطح نہیں ہے",
        "ta": "{place}: இனி தனி அச்சுறுத்தல் நிலை இல்லை",
        "fa": "{place}: دیگر سطح تهدید جداگانه‌ای وجود ندارد",
        "so": "{place}: hadda ma jiro heer khatar oo gooni ah",
        "lt": "{place}: atskiro grėsmės lygio nebėra",
        "el": "{place}: δεν υπάρχει πλέον ξεχωριστό επίπεδο απειλής",
        "ru": "{place}: отдельный уровень угрозы больше не действует",
        "zh": "{place}：不再有单独的威胁级别",
        "bg": "{place}: вече няма отделно ниво на заплаха",
        "sq": "{place}: nuk ka më nivel të veçantë kërcënimi",
    }
)


def level_ended(pack: Pack, place: str) -> str:
    """Return the sentence, without a full stop, that the level of a place is no more."""
    return fill(ENDED_WORDS[pack.tag], place=place)
