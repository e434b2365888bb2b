"""The public pages' own phrases, by language, and which of them a reader gets.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of the messages do; English is the
original.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from broadcast.wording.pack import primary

ENGLISH = "en"

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "language": "English",
        "title": "{sender}: threat level and messages",
        "skip": "Skip to the messages",
        "menu": "Pages",
        "now": "Now",
        "past": "Past messages",
        "check": "Is this from us?",
        "todo": "What to do",
        "languages": "Language",
        "levels": "Threat level",
        "of_five": "{rank} of 5",
        "since": "Since {date}.",
        "level_unknown": "not known here",
        "uk": "United Kingdom",
        "ladder": "The five levels, the present one marked",
        "set_by": "Source: {source}",
        "set_here": "Source: approved by two people at {sender}",
        "messages_now": "Messages now",
        "none_now": "There is no message at this moment.",
        "ended": "Ended in the last week",
        "exercises": "Exercises",
        "planned": "Planned exercises",
        "planned_says": "Nothing has happened. Messages of an exercise begin with EXERCISE and"
        " end with it.",
        "planned_when": "from {start} until {end}",
        "exercise": "EXERCISE: this is practice. Nothing has happened, do nothing.",
        "expired": "This message has expired.",
        "superseded": "An update has taken its place.",
        "corrected": "THIS MESSAGE WAS WRONG. A correction has taken its place.",
        "cancelled": "CANCELLED.",
        "stood_down": "ALL CLEAR. This is over.",
        "no_longer": "No longer valid. This is what it said:",
        "more": "This message, its versions and its map",
        "map": "Map: where this message is for",
        "map_of": "The place of this message, {place}, drawn on the borders around it.",
        "drawn": "a drawn area",
        "everywhere": "everywhere",
        "where": "Where: {place}",
        "versions": "Versions",
        "version": "Version {number}, {time}",
        "changed": "Changed: {what}.",
        "first": "The first version.",
        "in_words": "the words",
        "in_place": "where",
        "in_time": "until when",
        "in_severity": "how serious",
        "in_hotlines": "the numbers to call",
        "no_change": "nothing that you read",
        "other_languages": "This message in other languages",
        "months": "Months",
        "no_month": "No message went out in this month.",
        "none_past": "No message has gone out yet.",
        "code_label": "Code of the message",
        "code_hint": "Letters and digits at its end, small or large, with or without spaces.",
        "code_button": "Look it up",
        "no_code": "Type the code that stands in the message.",
        "ours_without": "No code in the message?",
        "ours_senders": "These names, numbers and addresses are really ours:",
        "ours_recent": "These messages went out from us lately. Compare the words:",
        "ours_never": "We never ask for money, for passwords or for bank details.",
        "yes_title": "This message is ours",
        "yes": "Yes, this message is ours",
        "sent_by": "Sent {time} by {sender}. Code {code}, version {number}.",
        "was_changed": "It was changed since it first went out. What holds now is this.",
        "closed": "Its text is for those it was sent to, and is not shown here.",
        "no_title": "Not from us",
        "no": "This message is not from us",
        "no_such_code": (
            "No message of ours has this code. Check the code once more, letter by letter."
        ),
        "no_then": (
            "If it is the same: do not reply, do not open its links, do not pay. Report it:"
            " forward the text to 7726, or call 101. In an emergency call 999."
        ),
        "to_print": "To print",
        "poster": "A poster",
        "press": "A text for the press",
        "poster_over": "Do not put this up. Take it down where it hangs: it no longer holds.",
        "sheet_check": "Is this from us? Look up code {code} at {address}.",
        "press_now": "For publication now",
        "press_over": "NO LONGER VALID. Please publish that it has ended, not what it said.",
        "press_ends": "Ends",
        "press_notes": "Note to editors: please publish the words unchanged, with the time.",
        "feed": "Feed (Atom)",
        "cap": "CAP",
        "as_of": "As of {time}.",
        "emergency": "In an emergency call 999.",
        "todo_attack": "If you are caught in an attack",
        "todo_run": "RUN to a place of safety. This is better than to surrender or negotiate.",
        "todo_hide": (
            "HIDE if there is nowhere to go. Lock the door, turn your phone to silent and turn"
            " off vibration."
        ),
        "todo_tell": "TELL the police by calling 999 when it is safe to do so.",
        "todo_silent": (
            "If you cannot speak: call 999 from a mobile, listen, cough or tap, and press 55 when"
            " asked. Deaf people: 999bsl.co.uk, or a text to 999 from a registered phone."
        ),
        "todo_call": "Whom to call",
        "todo_999": "Danger to life, now: 999",
        "todo_101": "Police, no emergency: 101",
        "todo_report": "Something suspicious, to report it: 0800 789 321",
        "todo_report_note": "The Anti-Terrorist Hotline, day and night, in confidence.",
        "todo_advice": "Advice, nothing to report",
        "todo_advice_note": (
            "Read the messages on this page, and the advice of the police at"
            " gov.uk/ACT. Please keep 999 free."
        ),
        "gone": "There is no such page",
        "gone_more": "The address may be cut short. Go back to the messages, or look up a code.",
        "trouble": "This page cannot be shown at the moment",
        "trouble_more": "The fault is ours. Try again in a minute. In an emergency call 999.",
    }
)

_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "language": "Cymraeg",
        "title": "{sender}: lefel bygythiad a negeseuon",
        "skip": "Neidio i'r negeseuon",
        "menu": "Tudalennau",
        "now": "Nawr",
        "past": "Negeseuon blaenorol",
        "check": "Ai gennym ni y daeth?",
        "todo": "Beth i'w wneud",
        "languages": "Iaith",
        "levels": "Lefel bygythiad",
        "of_five": "{rank} o 5",
        "since": "Ers {date}.",
        "level_unknown": "ddim yn hysbys yma",
        "uk": "Y Deyrnas Unedig",
        "ladder": "Y pum lefel, a'r un bresennol wedi'i nodi",
        "set_by": "Ffynhonnell: {source}",
        "set_here": "Ffynhonnell: cymeradwywyd gan ddau berson yn {sender}",
        "messages_now": "Negeseuon nawr",
        "none_now": "Nid oes neges ar hyn o bryd.",
        "ended": "Daeth i ben yn ystod yr wythnos ddiwethaf",
        "exercises": "Ymarferion",
        "planned": "Ymarferion a gynlluniwyd",
        "planned_says": (
            "Nid oes dim wedi digwydd. Mae negeseuon ymarfer yn dechrau ac yn gorffen gydag"
            " EXERCISE."
        ),
        "planned_when": "o {start} tan {end}",
        "exercise": (
            "EXERCISE / YMARFER: ymarfer yw hwn. Nid oes dim wedi digwydd, peidiwch â gwneud dim."
        ),
        "expired": "Mae'r neges hon wedi dod i ben.",
        "superseded": "Mae diweddariad wedi cymryd ei lle.",
        "corrected": "ROEDD Y NEGES HON YN ANGHYWIR. Mae cywiriad wedi cymryd ei lle.",
        "cancelled": "WEDI'I CHANSLO.",
        "stood_down": "PERYGL DROSODD. Mae hyn ar ben.",
        "no_longer": "Nid yw'n ddilys bellach. Dyma a ddywedodd:",
        "more": "Y neges hon, ei fersiynau a'i map",
        "map": "Map: i ble mae'r neges hon",
        "map_of": "Lle'r neges hon, {place}, wedi'i dynnu ar y ffiniau o'i amgylch.",
        "drawn": "ardal wedi'i thynnu",
        "everywhere": "pobman",
        "where": "Ble: {place}",
        "versions": "Fersiynau",
        "version": "Fersiwn {number}, {time}",
        "changed": "Newidiwyd: {what}.",
        "first": "Y fersiwn gyntaf.",
        "in_words": "y geiriau",
        "in_place": "ble",
        "in_time": "tan pryd",
        "in_severity": "pa mor ddifrifol",
        "in_hotlines": "y rhifau i'w ffonio",
        "no_change": "dim byd yr ydych yn ei ddarllen",
        "other_languages": "Y neges hon mewn ieithoedd eraill",
        "months": "Misoedd",
        "no_month": "Nid aeth neges allan yn y mis hwn.",
        "none_past": "Nid oes neges wedi mynd allan eto.",
        "code_label": "Cod y neges",
        "code_hint": "Llythrennau a rhifau ar ei diwedd, bach neu fawr, gyda neu heb fylchau.",
        "code_button": "Chwilio amdani",
        "no_code": "Teipiwch y cod sydd yn y neges.",
        "ours_without": "Dim cod yn y neges?",
        "ours_senders": "Ein henwau, ein rhifau a'n cyfeiriadau ni yw'r rhain mewn gwirionedd:",
        "ours_recent": "Aeth y negeseuon hyn allan gennym yn ddiweddar. Cymharwch y geiriau:",
        "ours_never": "Nid ydym byth yn gofyn am arian, cyfrineiriau na manylion banc.",
        "yes_title": "Ein neges ni yw hon",
        "yes": "Ie, ein neges ni yw hon",
        "sent_by": "Anfonwyd {time} gan {sender}. Cod {code}, fersiwn {number}.",
        "was_changed": "Fe'i newidiwyd ers iddi fynd allan gyntaf. Dyma sy'n ddilys nawr.",
        "closed": "I'r rhai yr anfonwyd hi atynt y mae ei thestun, ac ni ddangosir hi yma.",
        "no_title": "Nid gennym ni",
        "no": "Nid gennym ni y daeth y neges hon",
        "no_such_code": (
            "Nid oes gan unrhyw neges gennym ni y cod hwn. Gwiriwch y cod eto, fesul llythyren."
        ),
        "no_then": (
            "Os yr un ydyw: peidiwch ag ateb, peidiwch ag agor ei dolenni, peidiwch â thalu."
            " Rhowch wybod: anfonwch y testun ymlaen i 7726, neu ffoniwch 101. Mewn argyfwng"
            " ffoniwch 999."
        ),
        "to_print": "I'w argraffu",
        "poster": "Poster",
        "press": "Testun i'r wasg",
        "poster_over": "Peidiwch â rhoi hwn i fyny. Tynnwch ef i lawr: nid yw'n ddilys mwyach.",
        "sheet_check": "Ai gennym ni y daeth? Chwiliwch am god {code} yn {address}.",
        "press_now": "I'w gyhoeddi nawr",
        "press_over": "NID YW'N DDILYS MWYACH. Cyhoeddwch ei fod wedi dod i ben, nid ei eiriau.",
        "press_ends": "Diwedd",
        "press_notes": "Nodyn i olygyddion: cyhoeddwch y geiriau heb eu newid, gyda'r amser.",
        "feed": "Ffrwd (Atom)",
        "cap": "CAP",
        "as_of": "Ar {time}.",
        "emergency": "Mewn argyfwng ffoniwch 999.",
        "todo_attack": "Os ydych mewn ymosodiad",
        "todo_run": "RHEDWCH i le diogel. Mae hyn yn well nag ildio neu drafod.",
        "todo_hide": (
            "CUDDIWCH os nad oes unman i fynd. Clowch y drws, tawelwch eich ffôn a diffoddwch y"
            " dirgrynu."
        ),
        "todo_tell": "DYWEDWCH wrth yr heddlu drwy ffonio 999 pan fydd yn ddiogel.",
        "todo_silent": (
            "Os na allwch siarad: ffoniwch 999 o ffôn symudol, gwrandewch, peswch neu tapiwch, a"
            " phwyswch 55 pan ofynnir. Pobl fyddar: 999bsl.co.uk, neu neges destun i 999 o ffôn"
            " cofrestredig."
        ),
        "todo_call": "Pwy i'w ffonio",
        "todo_999": "Perygl i fywyd, nawr: 999",
        "todo_101": "Heddlu, dim argyfwng: 101",
        "todo_report": "Rhywbeth amheus, i roi gwybod amdano: 0800 789 321",
        "todo_report_note": "Y Llinell Gymorth Gwrthderfysgaeth, ddydd a nos, yn gyfrinachol.",
        "todo_advice": "Cyngor, dim byd i roi gwybod amdano",
        "todo_advice_note": (
            "Darllenwch y negeseuon ar y dudalen hon, a chyngor yr heddlu yn gov.uk/ACT."
            " Cadwch 999 yn rhydd."
        ),
        "gone": "Nid oes tudalen o'r fath",
        "gone_more": "Gall y cyfeiriad fod yn anghyflawn. Ewch yn ôl i'r negeseuon, neu chwilio.",
        "trouble": "Ni ellir dangos y dudalen hon ar hyn o bryd",
        "trouble_more": (
            "Arnom ni y mae'r bai. Rhowch gynnig arall arni ymhen munud. Mewn argyfwng ffoniwch"
            " 999."
        ),
    }
)

_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "language": "العربية",
        "title": "{sender}: مستوى التهديد والرسائل",
        "skip": "انتقل إلى الرسائل",
        "menu": "الصفحات",
        "now": "الآن",
        "past": "رسائل سابقة",
        "check": "هل هذه الرسالة منا؟",
        "todo": "ماذا تفعل",
        "languages": "اللغة",
        "levels": "مستوى التهديد",
        "of_five": "{rank} من 5",
        "since": "منذ {date}.",
        "level_unknown": "غير معروف هنا",
        "uk": "المملكة المتحدة",
        "ladder": "المستويات الخمسة، والحالي منها مميز",
        "set_by": "المصدر: {source}",
        "set_here": "المصدر: وافق عليه شخصان في {sender}",
        "messages_now": "الرسائل الآن",
        "none_now": "لا توجد رسالة في هذه اللحظة.",
        "ended": "انتهت خلال الأسبوع الماضي",
        "exercises": "تدريبات",
        "planned": "تدريبات مخطط لها",
        "planned_says": "لم يحدث شيء. تبدأ رسائل التدريب وتنتهي بكلمة EXERCISE.",
        "planned_when": "من {start} حتى {end}",
        "exercise": "EXERCISE / تمرين: هذا تدريب. لم يحدث شيء، لا تفعل شيئًا.",
        "expired": "انتهت صلاحية هذه الرسالة.",
        "superseded": "حل محلها تحديث.",
        "corrected": "كانت هذه الرسالة خاطئة. حل محلها تصحيح.",
        "cancelled": "أُلغيت.",
        "stood_down": "زال الخطر. انتهى الأمر.",
        "no_longer": "لم تعد سارية. هذا ما قالته:",
        "more": "هذه الرسالة ونسخها وخريطتها",
        "map": "خريطة: المكان الذي تخصه هذه الرسالة",
        "map_of": "مكان هذه الرسالة، {place}، مرسوم على الحدود المحيطة به.",
        "drawn": "منطقة مرسومة",
        "everywhere": "كل مكان",
        "where": "المكان: {place}",
        "versions": "النسخ",
        "version": "النسخة {number}، {time}",
        "changed": "تغيّر: {what}.",
        "first": "النسخة الأولى.",
        "in_words": "الكلمات",
        "in_place": "المكان",
        "in_time": "حتى متى",
        "in_severity": "مدى الخطورة",
        "in_hotlines": "أرقام الاتصال",
        "no_change": "لا شيء مما تقرأ",
        "other_languages": "هذه الرسالة بلغات أخرى",
        "months": "الأشهر",
        "no_month": "لم تصدر رسالة في هذا الشهر.",
        "none_past": "لم تصدر أي رسالة بعد.",
        "code_label": "رمز الرسالة",
        "code_hint": "حروف وأرقام في آخرها، كبيرة أو صغيرة، بمسافات أو بدونها.",
        "code_button": "ابحث عنها",
        "no_code": "اكتب الرمز الموجود في الرسالة.",
        "ours_without": "لا يوجد رمز في الرسالة؟",
        "ours_senders": "هذه الأسماء والأرقام والعناوين لنا حقًا:",
        "ours_recent": "هذه الرسائل صدرت عنا مؤخرًا. قارن الكلمات:",
        "ours_never": "لا نطلب أبدًا مالًا أو كلمات مرور أو بيانات مصرفية.",
        "yes_title": "هذه الرسالة منا",
        "yes": "نعم، هذه الرسالة منا",
        "sent_by": "أُرسلت {time} من {sender}. الرمز {code}، النسخة {number}.",
        "was_changed": "تغيّرت منذ صدورها أول مرة. هذا هو الساري الآن.",
        "closed": "نصها لمن أُرسلت إليهم، ولا يُعرض هنا.",
        "no_title": "ليست منا",
        "no": "هذه الرسالة ليست منا",
        "no_such_code": "لا توجد رسالة منا بهذا الرمز. تحقق من الرمز مرة أخرى حرفًا حرفًا.",
        "no_then": (
            "إذا كان هو نفسه: لا ترد، ولا تفتح روابطها، ولا تدفع. أبلغ عنها: أعد إرسال النص إلى"
            " 7726، أو اتصل بالرقم 101. في حالة الطوارئ اتصل بالرقم 999."
        ),
        "to_print": "للطباعة",
        "poster": "ملصق",
        "press": "نص للصحافة",
        "poster_over": "لا تعلّقوا هذا الملصق. أزيلوه حيث هو معلّق: لم يعد ساريًا.",
        "sheet_check": "هل هذه الرسالة منا؟ ابحثوا عن الرمز {code} في {address}.",
        "press_now": "للنشر الآن",
        "press_over": "لم تعد سارية. يرجى نشر أنها انتهت، لا ما كانت تقوله.",
        "press_ends": "انتهى",
        "press_notes": "ملاحظة للمحررين: يرجى نشر الكلمات دون تغيير، مع وقتها.",
        "feed": "موجز (Atom)",
        "cap": "CAP",
        "as_of": "حتى {time}.",
        "emergency": "في حالة الطوارئ اتصل بالرقم 999.",
        "todo_attack": "إذا وجدت نفسك في هجوم",
        "todo_run": "اهرب إلى مكان آمن. هذا أفضل من الاستسلام أو التفاوض.",
        "todo_hide": (
            "اختبئ إذا لم يكن هناك مكان تذهب إليه. أغلق الباب بالمفتاح، واجعل هاتفك صامتًا وأوقف"
            " الاهتزاز."
        ),
        "todo_tell": "أبلغ الشرطة بالاتصال بالرقم 999 عندما يكون ذلك آمنًا.",
        "todo_silent": (
            "إذا كنت لا تستطيع الكلام: اتصل بالرقم 999 من هاتف محمول، واستمع، واسعل أو انقر،"
            " واضغط 55 عندما يُطلب منك ذلك. للصم: 999bsl.co.uk، أو رسالة نصية إلى 999 من هاتف"
            " مسجل."
        ),
        "todo_call": "بمن تتصل",
        "todo_999": "خطر على الحياة الآن: 999",
        "todo_101": "الشرطة، ليست حالة طوارئ: 101",
        "todo_report": "شيء مريب، للإبلاغ عنه: 0800 789 321",
        "todo_report_note": "خط مكافحة الإرهاب، ليلًا ونهارًا، بسرية.",
        "todo_advice": "نصيحة، لا شيء للإبلاغ عنه",
        "todo_advice_note": (
            "اقرأ الرسائل في هذه الصفحة، ونصائح الشرطة على gov.uk/ACT. يرجى إبقاء 999 متاحًا."
        ),
        "gone": "لا توجد صفحة كهذه",
        "gone_more": "قد يكون العنوان مبتورًا. عد إلى الرسائل، أو ابحث عن رمز.",
        "trouble": "لا يمكن عرض هذه الصفحة في الوقت الحالي",
        "trouble_more": "الخطأ منا. حاول مرة أخرى بعد دقيقة. في حالة الطوارئ اتصل بالرقم 999.",
    }
)

PHRASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {ENGLISH: _ENGLISH, "cy": _WELSH, "ar": _ARABIC}
)
"""Every phrase of the pages, by the language's tag."""


def chosen(asked: str, accepted: str) -> str:
    """Return the language of a page: the one asked for by the switch, else the best of
    Accept-Language (RFC 9110 section 12.5.4), else English.
    """
    if asked in PHRASES:
        return asked
    wanted: list[tuple[float, int, str]] = []
    for n, part in enumerate(accepted.split(",")[:30]):
        tag, _, weight = part.strip().partition(";")
        quality = 1.0
        if weight.strip().startswith("q="):
            try:
                quality = float(weight.strip()[2:])
            except ValueError:
                quality = 0.0
        if primary(tag.strip()) in PHRASES and quality > 0:
            wanted.append((-quality, n, primary(tag.strip())))
    return min(wanted)[2] if wanted else ENGLISH
