"""What is said of a cancelled message: fixed words for each reason, in every language of the packs.

A cancel is one person's act, so that person's own words never go out: they would be a message that
nobody approved. The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of `packs/` do;
English is the original.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from broadcast.wording.languages import pack_for

REASONS = ("in_error", "over", "replaced", "other")
"""Why a message was cancelled: sent in error, over, replaced by another message, anything else."""

_WORDS: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "en": (
            "This message was sent in error. Please disregard it.",
            "This message is cancelled. What it told you about is over.",
            "This message is cancelled. Another message has replaced it.",
            "This message is cancelled. Please disregard it.",
        ),
        "cy": (
            "Anfonwyd y neges hon mewn camgymeriad. Anwybyddwch hi.",
            "Mae'r neges hon wedi'i chanslo. Mae'r hyn y soniai amdano wedi dod i ben.",
            "Mae'r neges hon wedi'i chanslo. Mae neges arall wedi cymryd ei lle.",
            "Mae'r neges hon wedi'i chanslo. Anwybyddwch hi.",
        ),
        "pl": (
            "Ta wiadomość została wysłana przez pomyłkę. Prosimy ją zignorować.",
            "Ta wiadomość została odwołana. Zdarzenie, o którym informowała, już się zakończyło.",
            "Ta wiadomość została odwołana. Zastąpiła ją inna wiadomość.",
            "Ta wiadomość została odwołana. Prosimy ją zignorować.",
        ),
        "ro": (
            "Acest mesaj a fost trimis din greșeală. Vă rugăm să îl ignorați.",
            "Acest mesaj este anulat. Situația despre care v-a informat s-a încheiat.",
            "Acest mesaj este anulat. A fost înlocuit de alt mesaj.",
            "Acest mesaj este anulat. Vă rugăm să îl ignorați.",
        ),
        "es": (
            "Este mensaje se envió por error. No lo tenga en cuenta.",
            "Este mensaje queda anulado. La situación de la que informaba ha terminado.",
            "Este mensaje queda anulado. Otro mensaje lo sustituye.",
            "Este mensaje queda anulado. No lo tenga en cuenta.",
        ),
        "pt": (
            "Esta mensagem foi enviada por engano. Ignore-a.",
            "Esta mensagem foi cancelada. A situação de que informava terminou.",
            "Esta mensagem foi cancelada. Outra mensagem a substitui.",
            "Esta mensagem foi cancelada. Ignore-a.",
        ),
        "fr": (
            "Ce message a été envoyé par erreur. N'en tenez pas compte.",
            "Ce message est annulé. La situation dont il parlait est terminée.",
            "Ce message est annulé. Un autre message le remplace.",
            "Ce message est annulé. N'en tenez pas compte.",
        ),
        "it": (
            "Questo messaggio è stato inviato per errore. Non tenetene conto.",
            "Questo messaggio è annullato. La situazione di cui parlava è finita.",
            "Questo messaggio è annullato. Un altro messaggio lo sostituisce.",
            "Questo messaggio è annullato. Non tenetene conto.",
        ),
        "bn": (
            "এই বার্তাটি ভুল করে পাঠানো হয়েছিল। অনুগ্রহ করে এটি উপেক্ষা করুন।",
            "এই বার্তাটি বাতিল করা হয়েছে। এতে যে ঘটনার কথা বলা হয়েছিল তা শেষ হয়েছে।",
            "এই বার্তাটি বাতিল করা হয়েছে। এর জায়গায় অন্য একটি বার্তা এসেছে।",
            "এই বার্তাটি বাতিল করা হয়েছে। অনুগ্রহ করে এটি উপেক্ষা করুন।",
        ),
        "gu": (
            "આ સંદેશ ભૂલથી મોકલાયો હતો. કૃપા કરીને તેને અવગણો.",
            "આ સંદેશ રદ કરવામાં આવ્યો છે. તેમાં જણાવેલી ઘટના પૂરી થઈ છે.",
            "આ સંદેશ રદ કરવામાં આવ્યો છે. તેની જગ્યાએ બીજો સંદેશ આવ્યો છે.",
            "આ સંદેશ રદ કરવામાં આવ્યો છે. કૃપા કરીને તેને અવગણો.",
        ),
        "pa": (
            "ਇਹ ਸੁਨੇਹਾ ਗਲਤੀ ਨਾਲ ਭੇਜਿਆ ਗਿਆ ਸੀ। ਕਿਰਪਾ ਕਰਕੇ ਇਸ ਨੂੰ ਨਜ਼ਰਅੰਦਾਜ਼ ਕਰੋ।",
            "ਇਹ ਸੁਨੇਹਾ ਰੱਦ ਕਰ ਦਿੱਤਾ ਗਿਆ ਹੈ। ਇਸ ਵਿੱਚ ਦੱਸੀ ਘਟਨਾ ਖ਼ਤਮ ਹੋ ਗਈ ਹੈ।",
            "ਇਹ ਸੁਨੇਹਾ ਰੱਦ ਕਰ ਦਿੱਤਾ ਗਿਆ ਹੈ। ਇਸ ਦੀ ਥਾਂ ਹੋਰ ਸੁਨੇਹਾ ਆ ਗਿਆ ਹੈ।",
            "ਇਹ ਸੁਨੇਹਾ ਰੱਦ ਕਰ ਦਿੱਤਾ ਗਿਆ ਹੈ। ਕਿਰਪਾ ਕਰਕੇ ਇਸ ਨੂੰ ਨਜ਼ਰਅੰਦਾਜ਼ ਕਰੋ।",
        ),
        "tr": (
            "Bu mesaj yanlışlıkla gönderildi. Lütfen dikkate almayın.",
            "Bu mesaj iptal edildi. Sözünü ettiği durum sona erdi.",
            "Bu mesaj iptal edildi. Yerini başka bir mesaj aldı.",
            "Bu mesaj iptal edildi. Lütfen dikkate almayın.",
        ),
        "ar": (
            "أُرسلت هذه الرسالة عن طريق الخطأ. يرجى تجاهلها.",
            "أُلغيت هذه الرسالة. لقد انتهى الوضع الذي تحدثت عنه.",
            "أُلغيت هذه الرسالة. حلت محلها رسالة أخرى.",
            "أُلغيت هذه الرسالة. يرجى تجاهلها.",
        ),
        "ur": (
            "یہ پیغام غلطی سے بھیجا گیا تھا۔ براہ کرم اسے نظر انداز کریں۔",
            "یہ پیغام منسوخ کر دیا گیا ہے۔ اس میں جس صورت حال کا ذکر تھا وہ ختم ہو گئی ہے۔",
            "یہ پیغام منسوخ کر دیا گیا ہے۔ اس کی جگہ دوسرا پیغام آ گیا ہے۔",
            "یہ پیغام منسوخ کر دیا گیا ہے۔ براہ کرم اسے نظر انداز کریں۔",
        ),
        "ta": (
            "இந்தச் செய்தி தவறுதலாக அனுப்பப்பட்டது. தயவுசெய்து இதைப் பொருட்படுத்த வேண்டாம்.",
            "இந்தச் செய்தி ரத்து செய்யப்பட்டது. இது குறிப்பிட்ட நிலைமை முடிந்துவிட்டது.",
            "இந்தச் செய்தி ரத்து செய்யப்பட்டது. இதற்குப் பதிலாக வேறு செய்தி வந்துள்ளது.",
            "இந்தச் செய்தி ரத்து செய்யப்பட்டது. தயவுசெய்து இதைப் பொருட்படுத்த வேண்டாம்.",
        ),
        "fa": (
            "این پیام به اشتباه فرستاده شد. لطفاً آن را نادیده بگیرید.",
            "این پیام لغو شده است. وضعیتی که از آن خبر داده بود پایان یافته است.",
            "این پیام لغو شده است. پیام دیگری جای آن را گرفته است.",
            "این پیام لغو شده است. لطفاً آن را نادیده بگیرید.",
        ),
        "so": (
            "Fariintan si khalad ah ayaa loo diray. Fadlan iska dhaaf.",
            "Fariintan waa la joojiyay. Wixii ay ka warrantay way dhammaadeen.",
            "Fariintan waa la joojiyay. Fariin kale ayaa beddeshay.",
            "Fariintan waa la joojiyay. Fadlan iska dhaaf.",
        ),
        "lt": (
            "Šis pranešimas išsiųstas per klaidą. Prašome į jį nekreipti dėmesio.",
            "Šis pranešimas atšauktas. Įvykis, apie kurį jis pranešė, baigėsi.",
            "Šis pranešimas atšauktas. Jį pakeitė kitas pranešimas.",
            "Šis pranešimas atšauktas. Prašome į jį nekreipti dėmesio.",
        ),
        "el": (
            "Αυτό το μήνυμα στάλθηκε κατά λάθος. Παρακαλούμε αγνοήστε το.",
            "Αυτό το μήνυμα ακυρώθηκε. Η κατάσταση για την οποία σας ενημέρωνε έληξε.",
            "Αυτό το μήνυμα ακυρώθηκε. Το αντικατέστησε άλλο μήνυμα.",
            "Αυτό το μήνυμα ακυρώθηκε. Παρακαλούμε αγνοήστε το.",
        ),
        "ru": (
            "Это сообщение отправлено по ошибке. Не принимайте его во внимание.",
            "Это сообщение отменено. То, о чём в нём говорилось, закончилось.",
            "Это сообщение отменено. Его заменило другое сообщение.",
            "Это сообщение отменено. Не принимайте его во внимание.",
        ),
        "zh": (
            "此消息系误发，请勿理会。",
            "此消息已取消。其中所述情况已经结束。",
            "此消息已取消，已由另一条消息取代。",
            "此消息已取消，请勿理会。",
        ),
        "bg": (
            "Това съобщение е изпратено по грешка. Моля, не го вземайте предвид.",
            "Това съобщение е отменено. Ситуацията, за която се отнасяше, приключи.",
            "Това съобщение е отменено. Заменено е с друго съобщение.",
            "Това съобщение е отменено. Моля, не го вземайте предвид.",
        ),
        "sq": (
            "Ky mesazh u dërgua gabimisht. Ju lutemi mos e merrni parasysh.",
            "Ky mesazh është anuluar. Situata për të cilën ju njoftonte ka përfunduar.",
            "Ky mesazh është anuluar. Atë e ka zëvendësuar një mesazh tjetër.",
            "Ky mesazh është anuluar. Ju lutemi mos e merrni parasysh.",
        ),
    }
)


# (what stands before the old headline, that its instruction is no longer valid). True for every
# reason, a replaced message too: "it" is the message that is cancelled.
_OLD_MESSAGE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "en": ("Cancelled: {headline}", "You no longer need to do what it told you."),
        "cy": (
            "Wedi'i chanslo: {headline}",
            "Nid oes angen i chi wneud yr hyn a ddywedodd mwyach.",
        ),
        "pl": ("Odwołano: {headline}", "Nie trzeba już robić tego, o co prosiła."),
        "ro": ("Anulat: {headline}", "Nu mai este nevoie să faceți ce vă cerea."),
        "es": ("Anulado: {headline}", "Ya no tiene que hacer lo que pedía."),
        "pt": ("Cancelado: {headline}", "Já não precisa de fazer o que ela pedia."),
        "fr": ("Annulé : {headline}", "Vous n'avez plus besoin de faire ce qu'il demandait."),
        "it": ("Annullato: {headline}", "Non è più necessario fare ciò che chiedeva."),
        "bn": ("বাতিল: {headline}", "এতে যা করতে বলা হয়েছিল তা আর করার দরকার নেই।"),
        "gu": ("રદ: {headline}", "તેમાં જે કરવા કહ્યું હતું તે હવે કરવાની જરૂર નથી."),
        "pa": ("ਰੱਦ: {headline}", "ਇਸ ਵਿੱਚ ਜੋ ਕਰਨ ਲਈ ਕਿਹਾ ਗਿਆ ਸੀ, ਉਹ ਹੁਣ ਕਰਨ ਦੀ ਲੋੜ ਨਹੀਂ।"),
        "tr": ("İptal edildi: {headline}", "Bu mesajda istenenleri artık yapmanıza gerek yok."),
        "ar": ("أُلغي: {headline}", "لم يعد عليك فعل ما طلبته."),
        "ur": ("منسوخ: {headline}", "اس میں جو کرنے کو کہا گیا تھا، اب وہ کرنے کی ضرورت نہیں۔"),
        "ta": ("ரத்து: {headline}", "இதில் கூறியதை இனி செய்யத் தேவையில்லை."),
        "fa": ("لغو شد: {headline}", "دیگر لازم نیست آنچه را خواسته بود انجام دهید."),
        "so": ("La joojiyay: {headline}", "Uma baahnid inaad sii samayso wixii ay kaa codsatay."),
        "lt": ("Atšaukta: {headline}", "Nebereikia daryti to, ko jame buvo prašoma."),
        "el": ("Ακυρώθηκε: {headline}", "Δεν χρειάζεται πλέον να κάνετε ό,τι ζητούσε."),
        "ru": ("Отменено: {headline}", "Больше не нужно делать то, о чём в нём просили."),
        "zh": ("已取消：{headline}", "无需再按其要求行事。"),
        "bg": ("Отменено: {headline}", "Вече не е нужно да правите това, което искаше."),
        "sq": ("Anuluar: {headline}", "Nuk keni më nevojë të bëni atë që kërkonte."),
    }
)


def headline(old: str, language: str) -> str:
    """Return the headline of a cancelled message, which says that it is cancelled."""
    return _OLD_MESSAGE[pack_for(language).tag][0].replace("{headline}", old)


def nothing_to_do(language: str) -> str:
    """Return that what the message told people to do is no longer valid."""
    return _OLD_MESSAGE[pack_for(language).tag][1]


def words(reason: str | None, language: str) -> str:
    """Return what a cancelled message says in the nearest language that we have; no reason counts
    as "other".
    """
    return _WORDS[pack_for(language).tag][REASONS.index(reason or "other")]


def in_languages(reason: str | None, languages: Iterable[str]) -> dict[str, str]:
    """Return the words in each of a message's languages, once per text: (tag of the message) →
    words.
    """
    found: dict[str, str] = {}
    for tag in languages:
        said = words(reason, tag)
        if said not in found.values():
            found[tag] = said
    return found


def all_words() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return every fixed word of this module, in order: what the wording revision is computed
    over.
    """
    return tuple((tag, (*said, *_OLD_MESSAGE[tag])) for tag, said in sorted(_WORDS.items()))
