"""What is said of a message that holds no more, in every language of the packs: first a mark, then
why, then that the old words hold no longer.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of `packs/` do; English is the
original.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broadcast.wording import cancelling
from broadcast.wording.languages import pack_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is said of an ended message in one language: its mark (CANCELLED), why, and what goes
    before the old words.
    """

    tag: str
    mark: str
    why: str
    before_old: str


@dataclass(frozen=True, slots=True)
class _Words:
    cancelled: str
    expired: tuple[str, str]
    corrected: tuple[str, str]
    superseded: tuple[str, str]
    stood_down: tuple[str, str]
    before_old: str


_WORDS: Mapping[str, _Words] = MappingProxyType(
    {
        "en": _Words(
            "CANCELLED",
            ("EXPIRED", "This message has expired."),
            ("WRONG", "This message was wrong. A correction has taken its place."),
            ("UPDATED", "An update has taken the place of this message."),
            ("OVER", "What this message told you about is over."),
            "No longer valid. It said:",
        ),
        "cy": _Words(
            "WEDI'I CHANSLO",
            ("WEDI DOD I BEN", "Mae'r neges hon wedi dod i ben."),
            ("ANGHYWIR", "Roedd y neges hon yn anghywir. Mae cywiriad wedi cymryd ei lle."),
            ("WEDI'I DDIWEDDARU", "Mae diweddariad wedi cymryd lle'r neges hon."),
            ("AR BEN", "Mae'r hyn y soniai'r neges hon amdano ar ben."),
            "Nid yw'n ddilys mwyach. Dywedodd:",
        ),
        "pl": _Words(
            "ODWOŁANE",
            ("WYGASŁO", "Ta wiadomość straciła ważność."),
            ("BŁĘDNE", "Ta wiadomość była błędna. Zastąpiło ją sprostowanie."),
            ("ZAKTUALIZOWANE", "Tę wiadomość zastąpiła jej aktualizacja."),
            ("ZAKOŃCZONE", "Zdarzenie, o którym informowała ta wiadomość, zakończyło się."),
            "Już nieaktualne. Dawna treść:",
        ),
        "ro": _Words(
            "ANULAT",
            ("EXPIRAT", "Acest mesaj a expirat."),
            ("GREȘIT", "Acest mesaj a fost greșit. A fost înlocuit de o corecție."),
            ("ACTUALIZAT", "Acest mesaj a fost înlocuit de o actualizare."),
            ("ÎNCHEIAT", "Situația despre care v-a informat acest mesaj s-a încheiat."),
            "Nu mai este valabil. Textul anterior:",
        ),
        "es": _Words(
            "ANULADO",
            ("CADUCADO", "Este mensaje ha caducado."),
            ("ERRÓNEO", "Este mensaje era erróneo. Una corrección lo sustituye."),
            ("ACTUALIZADO", "Una actualización sustituye a este mensaje."),
            ("TERMINADO", "La situación de la que informaba este mensaje ha terminado."),
            "Ya no es válido. Decía:",
        ),
        "pt": _Words(
            "CANCELADO",
            ("EXPIRADO", "Esta mensagem expirou."),
            ("ERRADO", "Esta mensagem estava errada. Uma correção a substitui."),
            ("ATUALIZADO", "Uma atualização substitui esta mensagem."),
            ("ENCERRADO", "A situação de que esta mensagem informava terminou."),
            "Já não é válida. Dizia:",
        ),
        "fr": _Words(
            "ANNULÉ",
            ("EXPIRÉ", "Ce message a expiré."),
            ("ERRONÉ", "Ce message était faux. Une correction le remplace."),
            ("MIS À JOUR", "Une mise à jour remplace ce message."),
            ("TERMINÉ", "La situation dont parlait ce message est terminée."),
            "Ce texte n'est plus valable :",
        ),
        "it": _Words(
            "ANNULLATO",
            ("SCADUTO", "Questo messaggio è scaduto."),
            ("ERRATO", "Questo messaggio era errato. Una correzione lo sostituisce."),
            ("AGGIORNATO", "Un aggiornamento sostituisce questo messaggio."),
            ("TERMINATO", "La situazione di cui parlava questo messaggio è finita."),
            "Non è più valido. Diceva:",
        ),
        "bn": _Words(
            "বাতিল",
            ("মেয়াদ শেষ", "এই বার্তার মেয়াদ শেষ হয়েছে।"),
            ("ভুল", "এই বার্তাটি ভুল ছিল। এর জায়গায় একটি সংশোধন এসেছে।"),
            ("হালনাগাদ হয়েছে", "এই বার্তার জায়গায় একটি হালনাগাদ এসেছে।"),
            ("সমাপ্ত", "এই বার্তায় যে ঘটনার কথা বলা হয়েছিল তা শেষ হয়েছে।"),
            "এটি আর প্রযোজ্য নয়। আগে বলা হয়েছিল:",
        ),
        "gu": _Words(
            "રદ",
            ("સમય પૂરો", "આ સંદેશનો સમય પૂરો થયો છે."),
            ("ખોટું", "આ સંદેશ ખોટો હતો. તેની જગ્યાએ સુધારો આવ્યો છે."),
            ("અપડેટ થયું", "આ સંદેશની જગ્યાએ નવી માહિતી આવી છે."),
            ("સમાપ્ત", "આ સંદેશમાં જણાવેલી ઘટના પૂરી થઈ છે."),
            "હવે માન્ય નથી. પહેલાં કહ્યું હતું:",
        ),
        "pa": _Words(
            "ਰੱਦ",
            ("ਮਿਆਦ ਖ਼ਤਮ", "ਇਸ ਸੁਨੇਹੇ ਦੀ ਮਿਆਦ ਖ਼ਤਮ ਹੋ ਗਈ ਹੈ।"),
            ("ਗਲਤ", "ਇਹ ਸੁਨੇਹਾ ਗਲਤ ਸੀ। ਇਸ ਦੀ ਥਾਂ ਸੋਧ ਆ ਗਈ ਹੈ।"),
            ("ਅੱਪਡੇਟ ਹੋਇਆ", "ਇਸ ਸੁਨੇਹੇ ਦੀ ਥਾਂ ਨਵੀਂ ਜਾਣਕਾਰੀ ਆ ਗਈ ਹੈ।"),
            ("ਸਮਾਪਤ", "ਇਸ ਸੁਨੇਹੇ ਵਿੱਚ ਦੱਸੀ ਘਟਨਾ ਖ਼ਤਮ ਹੋ ਗਈ ਹੈ।"),
            "ਹੁਣ ਲਾਗੂ ਨਹੀਂ। ਪਹਿਲਾਂ ਕਿਹਾ ਸੀ:",
        ),
        "tr": _Words(
            "İPTAL EDİLDİ",
            ("SÜRESİ DOLDU", "Bu mesajın süresi doldu."),
            ("YANLIŞ", "Bu mesaj yanlıştı. Yerini bir düzeltme aldı."),
            ("GÜNCELLENDİ", "Bu mesajın yerini bir güncelleme aldı."),
            ("SONA ERDİ", "Bu mesajın sözünü ettiği durum sona erdi."),
            "Artık geçerli değil. Önceki metin:",
        ),
        "ar": _Words(
            "أُلغيت",
            ("انتهت صلاحيتها", "انتهت صلاحية هذه الرسالة."),
            ("خاطئة", "كانت هذه الرسالة خاطئة. حل محلها تصحيح."),
            ("حُدِّثت", "حل تحديث محل هذه الرسالة."),
            ("انتهى الأمر", "انتهى الوضع الذي تحدثت عنه هذه الرسالة."),
            "لم تعد سارية. كان نصها:",
        ),
        "ur": _Words(
            "منسوخ",
            ("میعاد ختم", "اس پیغام کی میعاد ختم ہو گئی ہے۔"),
            ("غلط", "یہ پیغام غلط تھا۔ اس کی جگہ تصحیح آ گئی ہے۔"),
            ("تازہ کاری ہو گئی", "اس پیغام کی جگہ تازہ معلومات آ گئی ہیں۔"),
            ("ختم", "اس پیغام میں جس صورت حال کا ذکر تھا وہ ختم ہو گئی ہے۔"),
            "اب درست نہیں۔ پہلے کہا گیا تھا:",
        ),
        "ta": _Words(
            "ரத்து",
            ("காலாவதியானது", "இந்தச் செய்தி காலாவதியாகிவிட்டது."),
            ("தவறு", "இந்தச் செய்தி தவறானது. இதற்குப் பதிலாகத் திருத்தம் வந்துள்ளது."),
            ("புதுப்பிக்கப்பட்டது", "இந்தச் செய்திக்குப் பதிலாகப் புதுப்பிப்பு வந்துள்ளது."),
            ("முடிந்தது", "இந்தச் செய்தி குறிப்பிட்ட நிலைமை முடிந்துவிட்டது."),
            "இனி செல்லாது. முன்பு கூறியது:",
        ),
        "fa": _Words(
            "لغو شد",
            ("منقضی شد", "اعتبار این پیام تمام شده است."),
            ("نادرست", "این پیام نادرست بود. اصلاحیه‌ای جای آن را گرفته است."),
            ("به‌روز شد", "پیام به‌روزشده‌ای جای این پیام را گرفته است."),
            ("پایان یافت", "وضعیتی که این پیام از آن خبر داده بود پایان یافته است."),
            "دیگر معتبر نیست. متن پیشین:",
        ),
        "so": _Words(
            "WAA LA JOOJIYAY",
            ("WAY DHACDAY", "Wakhtigii fariintan waa dhammaaday."),
            ("KHALAD", "Fariintani khalad ayay ahayd. Sixitaan ayaa beddelay."),
            ("WAA LA CUSBOONEYSIIYAY", "Fariin cusub ayaa beddeshay fariintan."),
            ("WAY DHAMMAATAY", "Wixii ay fariintani ka warrantay way dhammaadeen."),
            "Hadda ma shaqaynayso. Waxay hore u tiri:",
        ),
        "lt": _Words(
            "ATŠAUKTA",
            ("NEBEGALIOJA", "Šis pranešimas nebegalioja."),
            ("KLAIDINGA", "Šis pranešimas buvo klaidingas. Jį pakeitė pataisymas."),
            ("ATNAUJINTA", "Šį pranešimą pakeitė atnaujinimas."),
            ("BAIGĖSI", "Įvykis, apie kurį pranešė šis pranešimas, baigėsi."),
            "Nebegalioja. Ankstesnis tekstas:",
        ),
        "el": _Words(
            "ΑΚΥΡΩΘΗΚΕ",
            ("ΕΛΗΞΕ", "Αυτό το μήνυμα έληξε."),
            ("ΛΑΘΟΣ", "Αυτό το μήνυμα ήταν λάθος. Το αντικατέστησε μια διόρθωση."),
            ("ΕΝΗΜΕΡΩΘΗΚΕ", "Μια ενημέρωση αντικατέστησε αυτό το μήνυμα."),
            ("ΤΕΛΟΣ", "Η κατάσταση για την οποία ενημέρωνε αυτό το μήνυμα τελείωσε."),
            "Δεν ισχύει πλέον. Έλεγε:",
        ),
        "ru": _Words(
            "ОТМЕНЕНО",
            ("ИСТЕКЛО", "Срок действия этого сообщения истёк."),
            ("ОШИБОЧНО", "Это сообщение было ошибочным. Его заменило исправление."),
            ("ОБНОВЛЕНО", "Это сообщение заменено обновлением."),
            ("ЗАКОНЧИЛОСЬ", "То, о чём говорилось в этом сообщении, закончилось."),
            "Больше не действует. Прежний текст:",
        ),
        "zh": _Words(
            "已取消",
            ("已过期", "此消息已过期。"),
            ("有误", "此消息有误，已由更正取代。"),
            ("已更新", "此消息已由更新取代。"),
            ("已结束", "此消息所述情况已经结束。"),
            "已失效。原文：",
        ),
        "bg": _Words(
            "ОТМЕНЕНО",
            ("ИЗТЕКЛО", "Срокът на това съобщение изтече."),
            ("ГРЕШНО", "Това съобщение беше грешно. Заменено е с поправка."),
            ("ОБНОВЕНО", "Това съобщение е заменено с актуализация."),
            ("ПРИКЛЮЧИ", "Ситуацията, за която се отнасяше това съобщение, приключи."),
            "Вече не важи. Предишен текст:",
        ),
        "sq": _Words(
            "ANULUAR",
            ("SKADUAR", "Ky mesazh ka skaduar."),
            ("I GABUAR", "Ky mesazh ishte i gabuar. Atë e ka zëvendësuar një korrigjim."),
            ("PËRDITËSUAR", "Këtë mesazh e ka zëvendësuar një përditësim."),
            ("PËRFUNDUAR", "Situata për të cilën njoftonte ky mesazh ka përfunduar."),
            "Nuk vlen më. Thoshte:",
        ),
    }
)


def ended(state: str, language: str, reason: str | None = None) -> Ended | None:
    """Return what is said of a version in this state, in the nearest language that we have; None
    where it still holds. `reason` is why it was cancelled.
    """
    tag = pack_for(language).tag
    words = _WORDS[tag]
    match state:
        case "cancelled":
            mark, why = words.cancelled, cancelling.words(reason, language)
        case "expired":
            mark, why = words.expired
        case "corrected":
            mark, why = words.corrected
        case "superseded":
            mark, why = words.superseded
        case "stood_down":
            mark, why = words.stood_down
        case _:
            return None
    return Ended(tag=tag, mark=mark, why=why, before_old=words.before_old)


def stays(kind: str, state: str) -> bool:
    """Return whether what a message says holds on though the message ended: a level that was
    announced stays, and what is over stays over.
    """
    return state == "expired" and kind in ("threat_level_change", "all_clear")
