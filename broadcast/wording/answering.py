"""What is said to whoever wrote to us: that it came, and whom to call in danger; that texts have
stopped or go on; how to stop them; where to answer. In every language of the packs.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of `packs/` do; English is the
original. 999 is the emergency number of the United Kingdom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broadcast.wording.languages import pack_for
from broadcast.wording.pack import fill

EMERGENCY = "999"


@dataclass(frozen=True, slots=True)
class _Words:
    thanks: str
    danger: str
    stopped: str
    started: str
    stop_at: str
    answer_at: str


_WORDS: Mapping[str, _Words] = MappingProxyType(
    {
        "en": _Words(
            "Thank you.",
            "In danger call 999.",
            "You will get no more texts from us. To get them again reply START.",
            "You will get our texts again.",
            "To stop these texts: {url}",
            "Answer here: {url}",
        ),
        "cy": _Words(
            "Diolch.",
            "Mewn perygl ffoniwch 999.",
            "Ni chewch ragor o negeseuon testun gennym. I'w cael eto atebwch START.",
            "Byddwch yn cael ein negeseuon testun eto.",
            "I atal y negeseuon hyn: {url}",
            "Atebwch yma: {url}",
        ),
        "pl": _Words(
            "Dziękujemy.",
            "W niebezpieczeństwie dzwoń pod 999.",
            "Nie będziemy już wysyłać SMS-ów. Aby je znów otrzymywać, odpisz START.",
            "Znów będziemy wysyłać SMS-y.",
            "Aby nie otrzymywać SMS-ów: {url}",
            "Odpowiedz tutaj: {url}",
        ),
        "ro": _Words(
            "Vă mulțumim.",
            "În caz de pericol sunați la 999.",
            "Nu veți mai primi SMS-uri de la noi. Pentru a le primi din nou răspundeți START.",
            "Veți primi din nou SMS-urile noastre.",
            "Pentru a opri aceste SMS-uri: {url}",
            "Răspundeți aici: {url}",
        ),
        "es": _Words(
            "Gracias.",
            "En caso de peligro llame al 999.",
            "No recibirá más mensajes de texto nuestros. Para recibirlos de nuevo responda START.",
            "Volverá a recibir nuestros mensajes de texto.",
            "Para no recibir estos mensajes: {url}",
            "Responda aquí: {url}",
        ),
        "pt": _Words(
            "Obrigado.",
            "Em perigo ligue 999.",
            "Não receberá mais SMS nossos. Para os receber de novo responda START.",
            "Voltará a receber os nossos SMS.",
            "Para não receber estes SMS: {url}",
            "Responda aqui: {url}",
        ),
        "fr": _Words(
            "Merci.",
            "En cas de danger appelez le 999.",
            "Vous ne recevrez plus nos SMS. Pour les recevoir à nouveau, répondez START.",
            "Vous recevrez à nouveau nos SMS.",
            "Pour ne plus recevoir ces SMS : {url}",
            "Répondez ici : {url}",
        ),
        "it": _Words(
            "Grazie.",
            "In caso di pericolo chiamate il 999.",
            "Non riceverete più SMS da noi. Per riceverli di nuovo rispondete START.",
            "Riceverete di nuovo i nostri SMS.",
            "Per non ricevere più questi SMS: {url}",
            "Risponda qui: {url}",
        ),
        "bn": _Words(
            "ধন্যবাদ।",
            "বিপদে পড়লে 999 নম্বরে কল করুন।",
            "আমাদের কাছ থেকে আর কোনো টেক্সট পাবেন না। আবার পেতে START লিখে উত্তর দিন।",
            "আপনি আবার আমাদের টেক্সট পাবেন।",
            "এই টেক্সট বন্ধ করতে: {url}",
            "এখানে উত্তর দিন: {url}",
        ),
        "gu": _Words(
            "આભાર.",
            "જોખમમાં હો તો 999 પર કૉલ કરો.",
            "તમને અમારા તરફથી વધુ ટેક્સ્ટ મળશે નહીં. ફરી મેળવવા START જવાબ આપો.",
            "તમને અમારા ટેક્સ્ટ ફરી મળશે.",
            "આ ટેક્સ્ટ બંધ કરવા: {url}",
            "અહીં જવાબ આપો: {url}",
        ),
        "pa": _Words(
            "ਧੰਨਵਾਦ।",
            "ਖ਼ਤਰੇ ਵਿੱਚ 999 'ਤੇ ਕਾਲ ਕਰੋ।",
            "ਤੁਹਾਨੂੰ ਸਾਡੇ ਵੱਲੋਂ ਹੋਰ ਟੈਕਸਟ ਨਹੀਂ ਮਿਲਣਗੇ। ਦੁਬਾਰਾ ਲੈਣ ਲਈ START ਜਵਾਬ ਦਿਓ।",
            "ਤੁਹਾਨੂੰ ਸਾਡੇ ਟੈਕਸਟ ਦੁਬਾਰਾ ਮਿਲਣਗੇ।",
            "ਇਹ ਟੈਕਸਟ ਬੰਦ ਕਰਨ ਲਈ: {url}",
            "ਇੱਥੇ ਜਵਾਬ ਦਿਓ: {url}",
        ),
        "tr": _Words(
            "Teşekkürler.",
            "Tehlikedeyseniz 999'u arayın.",
            "Bizden artık SMS almayacaksınız. Yeniden almak için START yanıtını gönderin.",
            "SMS'lerimizi yeniden alacaksınız.",
            "Bu SMS'leri durdurmak için: {url}",
            "Buradan yanıtlayın: {url}",
        ),
        "ar": _Words(
            "شكرًا لك.",
            "في حالة الخطر اتصل بالرقم 999.",
            "لن تصلك منا رسائل نصية بعد الآن. لتلقيها مجددًا أجب بكلمة START.",
            "ستصلك رسائلنا النصية من جديد.",
            "لإيقاف هذه الرسائل: {url}",
            "أجب هنا: {url}",
        ),
        "ur": _Words(
            "شکریہ۔",
            "خطرے میں 999 پر کال کریں۔",
            "آپ کو ہماری طرف سے مزید ٹیکسٹ نہیں ملیں گے۔ دوبارہ لینے کے لیے START جواب دیں۔",
            "آپ کو ہمارے ٹیکسٹ دوبارہ ملیں گے۔",
            "یہ ٹیکسٹ بند کرنے کے لیے: {url}",
            "یہاں جواب دیں: {url}",
        ),
        "ta": _Words(
            "நன்றி.",
            "ஆபத்தில் 999 ஐ அழைக்கவும்.",
            "எங்களிடமிருந்து இனி குறுஞ்செய்திகள் வராது. மீண்டும் பெற START என பதிலளிக்கவும்.",
            "எங்கள் குறுஞ்செய்திகள் மீண்டும் வரும்.",
            "இந்த குறுஞ்செய்திகளை நிறுத்த: {url}",
            "இங்கே பதிலளிக்கவும்: {url}",
        ),
        "fa": _Words(
            "سپاسگزاریم.",
            "در صورت خطر با 999 تماس بگیرید.",
            "دیگر از ما پیامک نخواهید گرفت. برای دریافت دوباره START را پاسخ دهید.",
            "دوباره پیامک‌های ما را خواهید گرفت.",
            "برای توقف این پیامک‌ها: {url}",
            "اینجا پاسخ دهید: {url}",
        ),
        "so": _Words(
            "Mahadsanid.",
            "Haddii aad khatar ku jirto wac 999.",
            "Farriimo dambe nagama heli doontid. Si aad mar kale u hesho ku jawaab START.",
            "Farriimahayaga mar kale waad heli doontaa.",
            "Si aad farriimahan u joojiso: {url}",
            "Halkan kaga jawaab: {url}",
        ),
        "lt": _Words(
            "Ačiū.",
            "Kilus pavojui skambinkite 999.",
            "SMS žinučių iš mūsų nebegausite. Norėdami vėl jas gauti, atsakykite START.",
            "Vėl gausite mūsų SMS žinutes.",
            "Norėdami nebegauti šių SMS: {url}",
            "Atsakykite čia: {url}",
        ),
        "el": _Words(
            "Ευχαριστούμε.",
            "Σε κίνδυνο καλέστε το 999.",
            "Δεν θα λαμβάνετε άλλα SMS από εμάς. Για να τα λαμβάνετε ξανά απαντήστε START.",
            "Θα λαμβάνετε ξανά τα SMS μας.",
            "Για να σταματήσετε αυτά τα SMS: {url}",
            "Απαντήστε εδώ: {url}",
        ),
        "ru": _Words(
            "Спасибо.",
            "В опасности звоните 999.",
            "Вы больше не будете получать наши SMS. Чтобы снова получать их, ответьте START.",
            "Вы снова будете получать наши SMS.",
            "Чтобы не получать эти SMS: {url}",
            "Ответьте здесь: {url}",
        ),
        "zh": _Words(
            "谢谢。",
            "如遇危险请拨打999。",
            "您将不再收到我们的短信。如需重新接收，请回复START。",
            "您将重新收到我们的短信。",
            "停止接收这些短信：{url}",
            "在此回复：{url}",
        ),
        "bg": _Words(
            "Благодарим ви.",
            "При опасност се обадете на 999.",
            "Няма да получавате повече SMS от нас. За да ги получавате отново, отговорете START.",
            "Отново ще получавате нашите SMS.",
            "За да спрете тези SMS: {url}",
            "Отговорете тук: {url}",
        ),
        "sq": _Words(
            "Faleminderit.",
            "Në rrezik telefononi 999.",
            "Nuk do të merrni më SMS nga ne. Për t'i marrë përsëri përgjigjuni START.",
            "Do t'i merrni përsëri SMS-të tona.",
            "Për t'i ndalur këto SMS: {url}",
            "Përgjigjuni këtu: {url}",
        ),
    }
)


def _of(language: str) -> _Words:
    return _WORDS[pack_for(language).tag]


def languages() -> frozenset[str]:
    """Return the tags of all languages that there are words in."""
    return frozenset(_WORDS)


def acknowledgement(language: str, *, how_to_stop: bool = False) -> str:
    """Return the thanks for an answer: "Thank you. In danger call 999.", and with `how_to_stop` the
    line about STOP behind it, for people who seem to ask how.
    """
    words, pack = _of(language), pack_for(language)
    said = [words.thanks, words.danger]
    return " ".join([*said, f"{pack.stop}{pack.full_stop}"] if how_to_stop else said)


def help_text(language: str, sender: str) -> str:
    """Return the answer to HELP: who we are, how to stop, and whom to call in danger. `sender` is
    "" where we must not be named.
    """
    words, pack = _of(language), pack_for(language)
    who = f"{fill(pack.police_message, sender=sender)}{pack.full_stop}" if sender else ""
    return " ".join(filter(None, [who, f"{pack.stop}{pack.full_stop}", words.danger]))


def stopped(language: str) -> str:
    """Return what confirms a stop."""
    return _of(language).stopped


def started(language: str) -> str:
    """Return what confirms a start."""
    return _of(language).started


def stop_at(language: str, url: str) -> str:
    """Return the line that stands in a text of a sender who takes no replies, in the place of
    "reply STOP": the address at which one stops.
    """
    return fill(_of(language).stop_at, url=url)


def answer_at(language: str, url: str) -> str:
    """Return the line that gives the address at which somebody answers an appeal."""
    return fill(_of(language).answer_at, url=url)
