"""The phrases of the choices beyond the first few, by language.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of the other pages do; English is the
original, and stands in where a language has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "bounced": "Nothing can be delivered here since {time}.",
        "others": "Your other addresses",
        "by_topic": "Choose how serious and by which way, topic by topic",
        "by_topic_why": (
            "What you choose here counts for messages of that topic, urgent ones too, in the place"
            " of your usual choices."
        ),
        "by_topic_way": "By which way",
        "by_topic_by": " – by {way}",
        "by_topic_then": ", then {way}",
        "as_usual": "as usual",
        "wrong_topic_channel": "Choose among the ways that you use",
        "places": "My other places",
        "places_why": (
            "Do you work, go to school or keep a shop elsewhere, or are you visiting? You get"
            " messages for each of your places, each message once."
        ),
        "places_full": "You have five other places: remove one to add another.",
        "places_kind": "What is it to you?",
        "places_last_day": "Last day of a visit (of a visit only)",
        "places_until": "until {time}",
        "place_home": "Home",
        "place_work": "Work",
        "place_shop": "Shop",
        "place_school": "School",
        "place_visiting": "Visiting",
        "wrong_visit_until": "Write the last day of your visit",
        "wrong_visit_over": "This day is over: write a later one",
        "wrong_place_missing": "Choose a place from the list",
        "wrong_place_kind_unknown": "Choose what the place is to you",
        "language_then": "otherwise in",
        "language_none": "no other",
        "month_not": "Not sent, and why",
        "why_not_chosen": "not among your topics",
        "why_below_severity": "less serious than you asked for",
        "why_no_channel": "not sent by your ways",
        "why_stopped": "you stopped messages",
        "why_no_consent": "not sent by your ways",
        "why_quiet_hours": "over before your quiet hours ended",
        "daily": "Or once a day",
        "daily_why": (
            "What can wait comes in this hour of the day and at no other. Warnings of danger to"
            " life come through at any hour."
        ),
        "daily_hour": "The hour",
        "daily_none": "not once a day",
        "why_elsewhere": "for other places",
        "others_why": "We use these only where the first one takes no messages any more.",
        "use_first": "Use this one first: {address}",
        "take_away": "Remove: {address}",
        "wrong_contact_unknown": "Your addresses have changed: look at the list again",
    }
)
_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "bounced": "Ni ellir danfon dim yma ers {time}.",
        "others": "Eich cyfeiriadau eraill",
        "by_topic": "Dewis pa mor ddifrifol a thrwy ba ffordd, fesul pwnc",
        "by_topic_why": (
            "Mae'r hyn a ddewiswch yma yn cyfrif am negeseuon y pwnc hwnnw, rhai brys hefyd, yn lle"
            " eich dewisiadau arferol."
        ),
        "by_topic_way": "Drwy ba ffordd",
        "by_topic_by": " – drwy {way}",
        "by_topic_then": ", wedyn {way}",
        "as_usual": "fel arfer",
        "wrong_topic_channel": "Dewiswch o blith y ffyrdd a ddefnyddiwch",
        "places": "Fy lleoedd eraill",
        "places_why": (
            "Ydych chi'n gweithio, yn mynd i'r ysgol neu'n cadw siop yn rhywle arall, neu'n ymweld?"
            " Cewch negeseuon am bob un o'ch lleoedd, pob neges unwaith."
        ),
        "places_full": "Mae gennych bum lle arall: dilëwch un i ychwanegu un arall.",
        "places_kind": "Beth yw'r lle i chi?",
        "places_last_day": "Diwrnod olaf ymweliad (ar gyfer ymweliad yn unig)",
        "places_until": "tan {time}",
        "place_home": "Cartref",
        "place_work": "Gwaith",
        "place_shop": "Siop",
        "place_school": "Ysgol",
        "place_visiting": "Ymweld",
        "wrong_visit_until": "Ysgrifennwch ddiwrnod olaf eich ymweliad",
        "wrong_visit_over": "Mae'r diwrnod hwn wedi bod: ysgrifennwch un diweddarach",
        "wrong_place_missing": "Dewiswch le o'r rhestr",
        "wrong_place_kind_unknown": "Dewiswch beth yw'r lle i chi",
        "language_then": "fel arall yn",
        "language_none": "dim arall",
        "month_not": "Heb eu hanfon, a pham",
        "why_not_chosen": "nid ymhlith eich pynciau",
        "why_below_severity": "llai difrifol nag y gofynnoch amdano",
        "why_no_channel": "heb eu hanfon drwy eich ffyrdd chi",
        "why_stopped": "ataloch chi negeseuon",
        "why_no_consent": "heb eu hanfon drwy eich ffyrdd chi",
        "why_quiet_hours": "ar ben cyn diwedd eich oriau tawel",
        "daily": "Neu unwaith y dydd",
        "daily_why": (
            "Daw'r hyn a all aros yn yr awr hon o'r dydd ac nid mewn unrhyw awr arall. Daw"
            " rhybuddion am berygl i fywyd ar unrhyw awr."
        ),
        "daily_hour": "Yr awr",
        "daily_none": "nid unwaith y dydd",
        "why_elsewhere": "ar gyfer lleoedd eraill",
        "others_why": (
            "Dim ond os na fydd y cyntaf yn derbyn negeseuon mwyach y defnyddiwn y rhain."
        ),
        "use_first": "Defnyddio hwn yn gyntaf: {address}",
        "take_away": "Dileu: {address}",
        "wrong_contact_unknown": "Mae eich cyfeiriadau wedi newid: edrychwch ar y rhestr eto",
    }
)
_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "bounced": "لا يمكن تسليم أي شيء هنا منذ {time}.",
        "others": "عناوينك الأخرى",
        "by_topic": "اختر درجة الخطورة والوسيلة لكل موضوع",
        "by_topic_why": (
            "ما تختاره هنا يسري على رسائل ذلك الموضوع، والعاجلة منها أيضًا، بدلًا من اختياراتك"
            " المعتادة."
        ),
        "by_topic_way": "بأي وسيلة",
        "by_topic_by": " – {way}",
        "by_topic_then": "، ثم {way}",
        "as_usual": "كالمعتاد",
        "wrong_topic_channel": "اختر من بين الوسائل التي تستخدمها",
        "places": "أماكني الأخرى",
        "places_why": (
            "هل تعمل أو تدرس أو لديك متجر في مكان آخر، أو أنت في زيارة؟ تصلك الرسائل الخاصة بكل"
            " مكان من أماكنك، كل رسالة مرة واحدة."
        ),
        "places_full": "لديك خمسة أماكن أخرى: أزل واحدًا لتضيف غيره.",
        "places_kind": "ما هو هذا المكان بالنسبة إليك؟",
        "places_last_day": "آخر يوم للزيارة (للزيارة فقط)",
        "places_until": "حتى {time}",
        "place_home": "المنزل",
        "place_work": "العمل",
        "place_shop": "المتجر",
        "place_school": "المدرسة",
        "place_visiting": "زيارة",
        "wrong_visit_until": "اكتب آخر يوم من زيارتك",
        "wrong_visit_over": "مضى هذا اليوم: اكتب يومًا لاحقًا",
        "wrong_place_missing": "اختر مكانًا من القائمة",
        "wrong_place_kind_unknown": "اختر ما هو هذا المكان بالنسبة إليك",
        "language_then": "وإلا فباللغة",
        "language_none": "لا غيرها",
        "month_not": "ما لم يُرسل، ولماذا",
        "why_not_chosen": "ليست من مواضيعك",
        "why_below_severity": "أقل خطورة مما طلبت",
        "why_no_channel": "لم تُرسل بوسائلك",
        "why_stopped": "أوقفت الرسائل",
        "why_no_consent": "لم تُرسل بوسائلك",
        "why_quiet_hours": "انتهت قبل نهاية ساعات هدوئك",
        "daily": "أو مرة واحدة في اليوم",
        "daily_why": (
            "ما يمكن تأجيله يصل في هذه الساعة من اليوم فقط. أما التحذيرات من الخطر على الحياة"
            " فتصل في أي ساعة."
        ),
        "daily_hour": "الساعة",
        "daily_none": "ليس مرة واحدة في اليوم",
        "why_elsewhere": "لأماكن أخرى",
        "others_why": "لا نستخدمها إلا إذا لم يعد الأول يستقبل الرسائل.",
        "use_first": "استخدموا هذا أولًا: {address}",
        "take_away": "إزالة: {address}",
        "wrong_contact_unknown": "تغيرت عناوينك: انظر إلى القائمة مرة أخرى",
    }
)

CHOICE_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": _ENGLISH, "cy": _WELSH, "ar": _ARABIC}
)
"""Every phrase, by the language's tag."""


def with_choices(tag: str, words: Mapping[str, str]) -> Mapping[str, str]:
    """Return the phrases of a language's pages, and those of the choices beside them."""
    return MappingProxyType({**_ENGLISH, **CHOICE_WORDS.get(tag, {}), **words})
