"""The words of a code, of a sample, and of what is said of an address that takes no messages, in
the languages of the residents' pages.

The translations AWAIT A NATIVE SPEAKER'S CHECK; English is the original, and stands in for a
language that is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} is your code to register for alerts.",
        "join_discreetly": "{sender}: {code} is your code to register.",
        "known": "{sender}: you are registered. {code} is your code to sign in.",
        "sign_in": "{sender}: {code} is your code to sign in.",
        "add": "{sender}: {code} is your code to get messages here.",
        "same_person": "{sender}: {code} is your code to join your registrations.",
        "sample": (
            "{sender}: this is a sample of the messages that you will get. Nothing has happened, do"
            " nothing."
        ),
        "bounced_email": "{sender}: your e-mail address takes no messages from us any more.",
        "bounced_sms": "{sender}: your mobile number takes no messages from us any more.",
        "bounced_voice": "{sender}: your telephone number takes no calls from us any more.",
        "look": "Check it at {page}.",
        "subject_bounced": "{sender}: we could not reach you",
        "lasts": "Valid for 10 minutes. Not you? Do nothing.",
        "subject": "Your code for {sender}",
    }
)
_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} yw eich cod i gofrestru ar gyfer rhybuddion.",
        "join_discreetly": "{sender}: {code} yw eich cod i gofrestru.",
        "known": "{sender}: rydych wedi cofrestru eisoes. {code} yw eich cod i fewngofnodi.",
        "sign_in": "{sender}: {code} yw eich cod i fewngofnodi.",
        "add": "{sender}: {code} yw eich cod i gael negeseuon yma.",
        "same_person": "{sender}: {code} yw eich cod i uno eich cofrestriadau.",
        "sample": (
            "{sender}: sampl yw hwn o'r negeseuon a gewch. Nid oes dim wedi digwydd, peidiwch"
            " gwneud dim."
        ),
        "bounced_email": "{sender}: nid yw eich cyfeiriad e-bost yn derbyn ein negeseuon mwyach.",
        "bounced_sms": "{sender}: nid yw eich rhif symudol yn derbyn ein negeseuon mwyach.",
        "bounced_voice": "{sender}: nid yw eich rhif ffôn yn derbyn ein galwadau mwyach.",
        "look": "Gwiriwch ef yn {page}.",
        "subject_bounced": "{sender}: ni allem eich cyrraedd",
        "lasts": "Mae'n ddilys am 10 munud. Os na wnaethoch ofyn amdano, peidiwch gwneud dim.",
        "subject": "Eich cod ar gyfer {sender}",
    }
)
_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} هو رمزك للتسجيل في التنبيهات.",
        "join_discreetly": "{sender}: {code} هو رمزك للتسجيل.",
        "known": "{sender}: أنت مسجل بالفعل. {code} هو رمزك لتسجيل الدخول.",
        "sign_in": "{sender}: {code} هو رمزك لتسجيل الدخول.",
        "add": "{sender}: {code} هو رمزك لتلقي الرسائل هنا.",
        "same_person": "{sender}: {code} هو رمزك لضم تسجيلاتك.",
        "sample": "{sender}: هذه عينة من الرسائل التي ستصلك. لم يحدث شيء، فلا تفعل شيئًا.",
        "bounced_email": "{sender}: لم يعد عنوان بريدك الإلكتروني يستقبل رسائلنا.",
        "bounced_sms": "{sender}: لم يعد رقم هاتفك المحمول يستقبل رسائلنا.",
        "bounced_voice": "{sender}: لم يعد رقم هاتفك يستقبل مكالماتنا.",
        "look": "تحقق منه في {page}.",
        "subject_bounced": "{sender}: لم نتمكن من الوصول إليك",
        "lasts": "الرمز صالح لمدة 10 دقائق. إذا لم تطلبه فلا تفعل شيئًا.",
        "subject": "رمزك لدى {sender}",
    }
)
_POLISH: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} to Twój kod do rejestracji w systemie ostrzeżeń.",
        "join_discreetly": "{sender}: {code} to Twój kod do rejestracji.",
        "known": "{sender}: masz już rejestrację. {code} to Twój kod do logowania.",
        "sign_in": "{sender}: {code} to Twój kod do logowania.",
        "add": "{sender}: {code} to Twój kod, aby dostawać wiadomości tutaj.",
        "same_person": "{sender}: {code} to Twój kod do połączenia rejestracji.",
        "sample": (
            "{sender}: tak będą wyglądać wiadomości do Ciebie. Nic się nie stało, nie trzeba nic"
            " robić."
        ),
        "bounced_email": "{sender}: Twój adres e-mail nie przyjmuje już naszych wiadomości.",
        "bounced_sms": "{sender}: Twój numer komórkowy nie przyjmuje już naszych wiadomości.",
        "bounced_voice": "{sender}: Twój numer telefonu nie przyjmuje już naszych połączeń.",
        "look": "Sprawdź to na {page}.",
        "subject_bounced": "{sender}: nie udało się nam do Ciebie dotrzeć",
        "lasts": "Jest ważny 10 minut. Jeśli to nie Twoja prośba, nie rób nic.",
        "subject": "Twój kod: {sender}",
    }
)
_ROMANIAN: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} este codul dumneavoastră de înscriere pentru alerte.",
        "join_discreetly": "{sender}: {code} este codul dumneavoastră de înscriere.",
        "known": "{sender}: sunteți deja înscris. {code} este codul dumneavoastră de conectare.",
        "sign_in": "{sender}: {code} este codul dumneavoastră de conectare.",
        "add": "{sender}: {code} este codul dumneavoastră pentru a primi mesaje aici.",
        "same_person": "{sender}: {code} este codul dumneavoastră pentru a uni înscrierile.",
        "sample": (
            "{sender}: acesta este un exemplu de mesaj pe care îl veți primi. Nu s-a întâmplat"
            " nimic, nu trebuie să faceți nimic."
        ),
        "bounced_email": "{sender}: adresa dumneavoastră de e-mail nu mai primește mesajele"
        " noastre.",
        "bounced_sms": "{sender}: numărul dumneavoastră de mobil nu mai primește mesajele noastre.",
        "bounced_voice": "{sender}: numărul dumneavoastră de telefon nu mai primește apelurile"
        " noastre.",
        "look": "Verificați la {page}.",
        "subject_bounced": "{sender}: nu am putut ajunge la dumneavoastră",
        "lasts": "Este valabil 10 minute. Dacă nu l-ați cerut, nu faceți nimic.",
        "subject": "Codul dumneavoastră pentru {sender}",
    }
)
_BENGALI: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} হলো সতর্কবার্তার জন্য নিবন্ধনের কোড।",
        "join_discreetly": "{sender}: {code} হলো নিবন্ধনের কোড।",
        "known": "{sender}: আপনি আগেই নিবন্ধিত। {code} হলো সাইন ইন করার কোড।",
        "sign_in": "{sender}: {code} হলো সাইন ইন করার কোড।",
        "add": "{sender}: {code} হলো এখানে বার্তা পাওয়ার কোড।",
        "same_person": "{sender}: {code} হলো আপনার নিবন্ধনগুলি একসঙ্গে করার কোড।",
        "sample": "{sender}: আপনি যে বার্তা পাবেন এটি তার নমুনা। কিছু ঘটেনি, কিছু করতে হবে না।",
        "bounced_email": "{sender}: আপনার ই-মেইল ঠিকানায় আমাদের বার্তা আর পৌঁছায় না।",
        "bounced_sms": "{sender}: আপনার মোবাইল নম্বরে আমাদের বার্তা আর পৌঁছায় না।",
        "bounced_voice": "{sender}: আপনার টেলিফোন নম্বরে আমাদের কল আর পৌঁছায় না।",
        "look": "{page} ঠিকানায় দেখে নিন।",
        "subject_bounced": "{sender}: আপনার কাছে পৌঁছানো যায়নি",
        "lasts": "এটি ১০ মিনিট চলবে। আপনি না চেয়ে থাকলে কিছু করবেন না।",
        "subject": "আপনার কোড: {sender}",
    }
)
_PUNJABI: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} ਚੇਤਾਵਨੀਆਂ ਲਈ ਰਜਿਸਟਰ ਕਰਨ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "join_discreetly": "{sender}: {code} ਰਜਿਸਟਰ ਕਰਨ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "known": "{sender}: ਤੁਸੀਂ ਪਹਿਲਾਂ ਹੀ ਰਜਿਸਟਰ ਹੋ। {code} ਸਾਈਨ ਇਨ ਕਰਨ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "sign_in": "{sender}: {code} ਸਾਈਨ ਇਨ ਕਰਨ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "add": "{sender}: {code} ਇੱਥੇ ਸੁਨੇਹੇ ਲੈਣ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "same_person": "{sender}: {code} ਆਪਣੀਆਂ ਰਜਿਸਟ੍ਰੇਸ਼ਨਾਂ ਜੋੜਨ ਦਾ ਤੁਹਾਡਾ ਕੋਡ ਹੈ।",
        "sample": "{sender}: ਇਹ ਉਹਨਾਂ ਸੁਨੇਹਿਆਂ ਦਾ ਨਮੂਨਾ ਹੈ ਜੋ ਤੁਹਾਨੂੰ ਮਿਲਣਗੇ। ਕੁਝ ਨਹੀਂ ਹੋਇਆ, ਕੁਝ ਨਾ ਕਰੋ।",
        "bounced_email": "{sender}: ਤੁਹਾਡੇ ਈਮੇਲ ਪਤੇ 'ਤੇ ਹੁਣ ਸਾਡੇ ਸੁਨੇਹੇ ਨਹੀਂ ਪਹੁੰਚਦੇ।",
        "bounced_sms": "{sender}: ਤੁਹਾਡੇ ਮੋਬਾਈਲ ਨੰਬਰ 'ਤੇ ਹੁਣ ਸਾਡੇ ਸੁਨੇਹੇ ਨਹੀਂ ਪਹੁੰਚਦੇ।",
        "bounced_voice": "{sender}: ਤੁਹਾਡੇ ਟੈਲੀਫ਼ੋਨ ਨੰਬਰ 'ਤੇ ਹੁਣ ਸਾਡੀਆਂ ਕਾਲਾਂ ਨਹੀਂ ਪਹੁੰਚਦੀਆਂ।",
        "look": "ਇਸ ਨੂੰ {page} 'ਤੇ ਦੇਖੋ।",
        "subject_bounced": "{sender}: ਅਸੀਂ ਤੁਹਾਡੇ ਤੱਕ ਪਹੁੰਚ ਨਹੀਂ ਸਕੇ",
        "lasts": "ਇਹ 10 ਮਿੰਟ ਚੱਲਦਾ ਹੈ। ਜੇ ਤੁਸੀਂ ਨਹੀਂ ਮੰਗਿਆ ਤਾਂ ਕੁਝ ਨਾ ਕਰੋ।",
        "subject": "ਤੁਹਾਡਾ ਕੋਡ: {sender}",
    }
)
_URDU: Mapping[str, str] = MappingProxyType(
    {
        "join": "{sender}: {code} انتباہات کے لیے رجسٹر ہونے کا آپ کا کوڈ ہے۔",
        "join_discreetly": "{sender}: {code} رجسٹر ہونے کا آپ کا کوڈ ہے۔",
        "known": "{sender}: آپ پہلے سے رجسٹر ہیں۔ {code} سائن ان کرنے کا آپ کا کوڈ ہے۔",
        "sign_in": "{sender}: {code} سائن ان کرنے کا آپ کا کوڈ ہے۔",
        "add": "{sender}: {code} یہاں پیغامات پانے کا آپ کا کوڈ ہے۔",
        "same_person": "{sender}: {code} اپنی رجسٹریشن ملانے کا آپ کا کوڈ ہے۔",
        "sample": (
            "{sender}: یہ ان پیغامات کا نمونہ ہے جو آپ کو ملیں گے۔ کچھ نہیں ہوا، کچھ نہ کریں۔"
        ),
        "bounced_email": "{sender}: آپ کے ای میل پتے پر اب ہمارے پیغامات نہیں پہنچتے۔",
        "bounced_sms": "{sender}: آپ کے موبائل نمبر پر اب ہمارے پیغامات نہیں پہنچتے۔",
        "bounced_voice": "{sender}: آپ کے ٹیلی فون نمبر پر اب ہماری کالیں نہیں پہنچتیں۔",
        "look": "اسے {page} پر دیکھیں۔",
        "subject_bounced": "{sender}: ہم آپ تک نہیں پہنچ سکے",
        "lasts": "یہ 10 منٹ تک کارآمد ہے۔ اگر آپ نے یہ نہیں مانگا تو کچھ نہ کریں۔",
        "subject": "آپ کا کوڈ: {sender}",
    }
)
CODE_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": _ENGLISH,
        "cy": _WELSH,
        "ar": _ARABIC,
        "pl": _POLISH,
        "ro": _ROMANIAN,
        "bn": _BENGALI,
        "pa": _PUNJABI,
        "ur": _URDU,
    }
)
"""Every phrase of a code, by the language's tag."""
