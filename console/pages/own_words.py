"""The phrases of a person's own link, by language: the way out of a channel, and the way back.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of the other pages do; English is the
original. A channel's name is put in where no language bends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from console.pages.phrases import ENGLISH

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "sms": "text messages",
        "voice": "telephone calls",
        "email": "e-mails",
        "ask": "Stop {words}?",
        "no_more": (
            "You will get no more {words} from {sender}, warnings of danger to life included."
        ),
        "stop": "Stop {words}",
        "stopped": "Stopped",
        "stopped_before": "You have stopped {words}",
        "by_mistake": "Stopped by mistake? You can start again here, now or later.",
        "start": "Start {words} again",
        "started": "Started again",
        "as_before": "You will get {words} from {sender} again, as you did before.",
        "not_started": "Not started",
        "cannot": "This link cannot start {words} again",
        "not_registered": (
            "You are no longer registered for {words} from {sender}, and get none. Ask {sender} to"
            " register you anew."
        ),
        "test": "A test",
        "was_test": "This was a test or an exercise",
        "nobody": "The message with this link was a test or an exercise that reached nobody.",
        "nothing_stopped": "Nothing was stopped",
        "stops_nothing": "Nothing was stopped, and this link stops nothing.",
        "nothing_started": "Nothing was started",
        "starts_nothing": "Nothing was started, and this link starts nothing.",
        "no_link": "No such link",
        "not_ours": (
            "This link is not one of ours, or was cut short. Open it from the message once more."
        ),
    }
)

_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "sms": "negeseuon testun",
        "voice": "galwadau ffôn",
        "email": "negeseuon e-bost",
        "ask": "Atal {words}?",
        "no_more": (
            "Ni fyddwch yn cael {words} gan {sender} mwyach, gan gynnwys rhybuddion am berygl i"
            " fywyd."
        ),
        "stop": "Atal {words}",
        "stopped": "Wedi'i atal",
        "stopped_before": "Rydych wedi atal {words}",
        "by_mistake": (
            "Wedi atal drwy gamgymeriad? Gallwch ailddechrau yma, nawr neu yn nes ymlaen."
        ),
        "start": "Ailddechrau {words}",
        "started": "Wedi ailddechrau",
        "as_before": "Byddwch yn cael {words} gan {sender} eto, fel o'r blaen.",
        "not_started": "Heb ddechrau",
        "cannot": "Ni all y ddolen hon ailddechrau {words}",
        "not_registered": (
            "Nid ydych wedi cofrestru mwyach i gael {words} gan {sender}, ac nid ydych yn cael dim."
            " Gofynnwch i {sender} eich cofrestru o'r newydd."
        ),
        "test": "Prawf",
        "was_test": "Prawf neu ymarfer oedd hwn",
        "nobody": ("Prawf neu ymarfer na chyrhaeddodd neb oedd y neges â'r ddolen hon."),
        "nothing_stopped": "Ni chafodd dim ei atal",
        "stops_nothing": "Ni chafodd dim ei atal, ac nid yw'r ddolen hon yn atal dim.",
        "nothing_started": "Ni chafodd dim ei ddechrau",
        "starts_nothing": "Ni chafodd dim ei ddechrau, ac nid yw'r ddolen hon yn dechrau dim.",
        "no_link": "Nid oes dolen o'r fath",
        "not_ours": (
            "Nid un o'n dolenni ni yw hon, neu cafodd ei thorri'n fyr. Agorwch hi o'r neges unwaith"
            " eto."
        ),
    }
)

_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "sms": "الرسائل النصية",
        "voice": "المكالمات الهاتفية",
        "email": "رسائل البريد الإلكتروني",
        "ask": "إيقاف {words}؟",
        "no_more": (
            "لن تتلقى بعد الآن {words} من {sender}، بما في ذلك التحذيرات من الخطر على الحياة."
        ),
        "stop": "إيقاف {words}",
        "stopped": "تم الإيقاف",
        "stopped_before": "لقد أوقفت {words}",
        "by_mistake": "هل أوقفتها عن طريق الخطأ؟ يمكنك البدء من جديد هنا، الآن أو لاحقًا.",
        "start": "استئناف {words}",
        "started": "تم الاستئناف",
        "as_before": "ستتلقى {words} من {sender} مرة أخرى كما كنت من قبل.",
        "not_started": "لم يتم الاستئناف",
        "cannot": "لا يمكن لهذا الرابط استئناف {words}",
        "not_registered": (
            "لم تعد مسجلًا لتلقي {words} من {sender}، ولا تتلقى أيًا منها. اطلب من {sender} تسجيلك من"
            " جديد."
        ),
        "test": "اختبار",
        "was_test": "كان هذا اختبارًا أو تمرينًا",
        "nobody": "كانت الرسالة التي تحمل هذا الرابط اختبارًا أو تمرينًا لم يصل إلى أحد.",
        "nothing_stopped": "لم يتم إيقاف شيء",
        "stops_nothing": "لم يتم إيقاف شيء، وهذا الرابط لا يوقف شيئًا.",
        "nothing_started": "لم يبدأ شيء",
        "starts_nothing": "لم يبدأ شيء، وهذا الرابط لا يبدأ شيئًا.",
        "no_link": "لا يوجد رابط كهذا",
        "not_ours": "هذا الرابط ليس من روابطنا، أو أنه مبتور. افتحه من الرسالة مرة أخرى.",
    }
)

OWN_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {ENGLISH: _ENGLISH, "cy": _WELSH, "ar": _ARABIC}
)
"""Every phrase of a person's own link, by the language's tag; the languages are those of PHRASES.
"""
