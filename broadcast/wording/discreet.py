"""What stands in the place of sender and subject for who asked to be sent to discreetly, such as
somebody who lives with a person who must not learn of it: words that say nothing of what a message
is about, or from whom. In every language of the packs.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of `packs/` do; English is the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broadcast.wording.languages import pack_for


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    first: str
    """As long as what a mailbox shows of a mail that is not opened."""
    press: str


_WORDS: Mapping[str, _Words] = MappingProxyType(
    {
        "en": _Words(
            "A message for you",
            "This is the newest message from a list that you joined. You can read all of it in"
            " about a minute.",
            "There is a message for you. To hear it, press 1.",
        ),
        "cy": _Words(
            "Neges i chi",
            "Dyma'r neges ddiweddaraf o restr yr ymunoch â hi. Gallwch ddarllen y cyfan mewn tua"
            " munud.",
            "Mae neges i chi. I'w chlywed, pwyswch 1.",
        ),
        "pl": _Words(
            "Wiadomość dla Ciebie",
            "To najnowsza wiadomość z listy, do której dołączono ten adres. Całość można"
            " przeczytać w około minutę.",
            "Jest dla Ciebie wiadomość. Aby jej wysłuchać, naciśnij 1.",
        ),
        "ro": _Words(
            "Un mesaj pentru dumneavoastră",
            "Acesta este cel mai nou mesaj de pe o listă la care v-ați înscris. Îl puteți citi în"
            " întregime în circa un minut.",
            "Aveți un mesaj. Pentru a-l asculta, apăsați 1.",
        ),
        "es": _Words(
            "Un mensaje para usted",
            "Este es el mensaje más reciente de una lista a la que se apuntó. Puede leerlo entero"
            " en un minuto más o menos.",
            "Hay un mensaje para usted. Para oírlo, pulse 1.",
        ),
        "pt": _Words(
            "Uma mensagem para si",
            "Esta é a mensagem mais recente de uma lista em que se inscreveu. Pode lê-la toda em"
            " cerca de um minuto.",
            "Há uma mensagem para si. Para a ouvir, prima 1.",
        ),
        "fr": _Words(
            "Un message pour vous",
            "Voici le dernier message d'une liste à laquelle vous vous êtes inscrit. Vous pouvez le"
            " lire en entier en une minute environ.",
            "Il y a un message pour vous. Pour l'écouter, appuyez sur 1.",
        ),
        "it": _Words(
            "Un messaggio per lei",
            "Questo è il messaggio più recente di una lista a cui si è iscritto. Può leggerlo tutto"
            " in circa un minuto.",
            "C'è un messaggio per lei. Per ascoltarlo, prema 1.",
        ),
        "bn": _Words(
            "আপনার জন্য একটি বার্তা",
            "আপনি যে তালিকায় যোগ দিয়েছেন এটি তার সর্বশেষ বার্তা। পুরোটা পড়তে প্রায় এক মিনিট লাগবে।",
            "আপনার জন্য একটি বার্তা আছে। শুনতে 1 চাপুন।",
        ),
        "gu": _Words(
            "તમારા માટે એક સંદેશ",
            "તમે જોડાયેલી યાદીનો આ સૌથી નવો સંદેશ છે. તમે તે આખો લગભગ એક મિનિટમાં વાંચી શકો છો.",
            "તમારા માટે એક સંદેશ છે. સાંભળવા માટે 1 દબાવો.",
        ),
        "pa": _Words(
            "ਤੁਹਾਡੇ ਲਈ ਇੱਕ ਸੁਨੇਹਾ",
            "ਇਹ ਉਸ ਸੂਚੀ ਦਾ ਸਭ ਤੋਂ ਨਵਾਂ ਸੁਨੇਹਾ ਹੈ ਜਿਸ ਵਿੱਚ ਤੁਸੀਂ ਸ਼ਾਮਲ ਹੋਏ ਸੀ।"
            " ਤੁਸੀਂ ਇਸਨੂੰ ਲਗਭਗ ਇੱਕ ਮਿੰਟ ਵਿੱਚ ਪੜ੍ਹ ਸਕਦੇ ਹੋ।",
            "ਤੁਹਾਡੇ ਲਈ ਇੱਕ ਸੁਨੇਹਾ ਹੈ। ਸੁਣਨ ਲਈ 1 ਦਬਾਓ।",
        ),
        "tr": _Words(
            "Size bir mesaj",
            "Bu, katıldığınız bir listenin en yeni mesajıdır. Tamamını yaklaşık bir dakikada"
            " okuyabilirsiniz.",
            "Size bir mesaj var. Dinlemek için 1'e basın.",
        ),
        "ar": _Words(
            "رسالة لك",
            "هذه أحدث رسالة من قائمة انضممت إليها. يمكنك قراءتها كلها في دقيقة تقريبًا.",
            "توجد رسالة لك. للاستماع إليها اضغط 1.",
        ),
        "ur": _Words(
            "آپ کے لیے ایک پیغام",
            "یہ اس فہرست کا تازہ ترین پیغام ہے جس میں آپ شامل ہوئے تھے۔"
            " آپ اسے تقریباً ایک منٹ میں پورا پڑھ"
            " سکتے ہیں۔",
            "آپ کے لیے ایک پیغام ہے۔ سننے کے لیے 1 دبائیں۔",
        ),
        "ta": _Words(
            "உங்களுக்கு ஒரு செய்தி",
            "நீங்கள் சேர்ந்த பட்டியலின் புதிய செய்தி இது. முழுவதையும் சுமார் ஒரு நிமிடத்தில் படிக்கலாம்.",
            "உங்களுக்கு ஒரு செய்தி உள்ளது. கேட்க 1 ஐ அழுத்தவும்.",
        ),
        "fa": _Words(
            "پیامی برای شما",
            "این تازه‌ترین پیام فهرستی است که به آن پیوسته‌اید. می‌توانید همهٔ آن را در حدود یک دقیقه"
            " بخوانید.",
            "پیامی برای شما هست. برای شنیدن آن ۱ را فشار دهید.",
        ),
        "so": _Words(
            "Fariin adiga kuu socota",
            "Tani waa fariintii ugu dambaysay ee liis aad ku biirtay. Waxaad wada akhrin kartaa"
            " qiyaastii hal daqiiqo.",
            "Fariin baa kuu socota. Si aad u dhageysato, riix 1.",
        ),
        "lt": _Words(
            "Žinutė jums",
            "Tai naujausia žinutė iš sąrašo, prie kurio prisijungėte. Visą ją perskaitysite maždaug"
            " per minutę.",
            "Jums yra žinutė. Norėdami ją išgirsti, spauskite 1.",
        ),
        "el": _Words(
            "Ένα μήνυμα για εσάς",
            "Αυτό είναι το νεότερο μήνυμα από μια λίστα στην οποία εγγραφήκατε. Μπορείτε να το"
            " διαβάσετε όλο σε ένα λεπτό περίπου.",
            "Υπάρχει ένα μήνυμα για εσάς. Για να το ακούσετε, πατήστε 1.",
        ),
        "ru": _Words(
            "Сообщение для вас",
            "Это новое сообщение из списка, в который вы записались. Его можно прочитать целиком"
            " примерно за минуту.",
            "Для вас есть сообщение. Чтобы прослушать его, нажмите 1.",
        ),
        "zh": _Words(
            "给您的一条消息",
            "这是您加入的列表中的最新消息。您可以在大约一分钟内读完全部内容。",
            "有一条给您的消息。要收听，请按 1。",
        ),
        "bg": _Words(
            "Съобщение за вас",
            "Това е най-новото съобщение от списък, в който сте се записали. Можете да го прочетете"
            " цялото за около минута.",
            "Има съобщение за вас. За да го чуете, натиснете 1.",
        ),
        "sq": _Words(
            "Një mesazh për ju",
            "Ky është mesazhi më i ri nga një listë ku jeni regjistruar. Mund ta lexoni të gjithin"
            " për rreth një minutë.",
            "Ka një mesazh për ju. Për ta dëgjuar, shtypni 1.",
        ),
    }
)


def languages() -> frozenset[str]:
    """Return the tags of all languages that there are words in."""
    return frozenset(_WORDS)


def subject(language: str) -> str:
    """Return a subject that says nothing of what a message is about; it begins a text too."""
    return _WORDS[pack_for(language).tag].subject


def first_words(language: str) -> str:
    """Return what a mail begins with, and what a mailbox shows beside its subject."""
    return _WORDS[pack_for(language).tag].first


def press_to_hear(language: str) -> str:
    """Return what a call says before a key is pressed."""
    return _WORDS[pack_for(language).tag].press
