"""What people really type to stop, to start again and to ask for help: the words by language, and
the rule that tells them from an answer. Pure, and of no provider.

A word counts only where it is the whole message, politeness and talk about our messages apart: who
writes "I saw him at the bus stop" has answered and stopped nothing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from broadcast.answers.folding import folded

Kind = Literal["stop", "start", "help", "stop_unclear", "text"]

STOP_WORDS = {
    "en": "stop, stopall, stop all, unsubscribe, unsubscribed, optout, opt out, remove me,"
    " no more texts, no more messages, leave me alone, stopp, stpo, sotp, sttop, st0p, stip,"
    " unsubcribe, unsuscribe, unsubscibe, unsubscrib",
    "cy": "stopio, stopiwch, atal, peidio, peidiwch",
    "pl": "zatrzymaj, zatrzymać, wypisz, wypisz mnie, rezygnuję, przestań, przestańcie",
    "ro": "opriți, oprește, oprire, dezabonare, dezabonează, stopați",
    "es": "parar, pare, paren, detener, baja, basta, cancelar, no más, darme de baja",
    "pt": "parar, parem, pare, sair, cancelar, remover",
    "fr": "arrêt, arrêter, arrêtez, arrête, stopper, stoppez, désabonner, désinscrire,"
    " désabonnement, se désabonner",
    "it": "basta, ferma, fermare, smettere, smettete, annulla, disiscrivi, disiscrivimi",
    "bn": "বন্ধ, বন্ধ করুন, থামুন, থামান, স্টপ",
    "gu": "બંધ, બંધ કરો, રોકો, સ્ટોપ",
    "pa": "ਬੰਦ, ਬੰਦ ਕਰੋ, ਰੋਕੋ, ਸਟਾਪ",
    "tr": "dur, durdur, durdurun, iptal, çık",
    "ar": "توقف, توقفوا, إيقاف, أوقف, قف, ستوب, إلغاء, إلغاء الاشتراك",
    "ur": "بند, بند کریں, روکیں, روکو, سٹاپ, اسٹاپ",
    "ta": "நிறுத்து, நிறுத்துங்கள், நிறுத்தவும், ஸ்டாப்",
    "fa": "توقف, متوقف, لغو, ایست, استاپ",
    "so": "jooji, joojiya, joogso, iska daa",
    "lt": "sustabdyti, sustabdykite, stabdyti, atsisakyti, atsisakau",
    "el": "σταματήστε, σταμάτα, στοπ, διακοπή, διαγραφή",
    "ru": "стоп, остановить, остановите, отписаться, отписка, хватит, прекратите",
    "zh": "停止, 停, 退订, 退訂, 取消订阅, 取消訂閱",
    "bg": "стоп, спри, спрете, отписване, отпишете ме",
    "sq": "ndalo, ndaloni, ndal, çregjistrohu",
}
"""Words that stop as the whole message, with what people mistype. In every pack's language."""

START_WORDS = {
    "en": "start, unstop, resume, restart, start again, resubscribe, subscribe, strat, satrt",
    "cy": "dechrau, ailddechrau",
    "pl": "wznów, wznowić, zacznij",
    "ro": "începe, reia",
    "es": "empezar, iniciar, comenzar, alta",
    "pt": "iniciar, começar, recomeçar",
    "fr": "démarrer, commencer, reprendre, départ",
    "it": "inizia, iniziare, avvia, riprendi",
    "bn": "শুরু, শুরু করুন, স্টার্ট",
    "gu": "શરૂ, શરૂ કરો, સ્ટાર્ટ",
    "pa": "ਸ਼ੁਰੂ, ਸ਼ੁਰੂ ਕਰੋ, ਸਟਾਰਟ",
    "tr": "başla, başlat",
    "ar": "ابدأ, بدء, ستارت",
    "ur": "شروع, شروع کریں, سٹارٹ",
    "ta": "தொடங்கு, தொடங்குங்கள், ஸ்டார்ட்",
    "fa": "شروع, آغاز, استارت",
    "so": "bilow, billow",
    "lt": "pradėti, pradėkite",
    "el": "έναρξη, ξεκίνα, ξεκινήστε, σταρτ",
    "ru": "старт, начать, возобновить",
    "zh": "开始, 開始, 恢复, 恢復",
    "bg": "старт, започни, започнете",
    "sq": "fillo, rifillo",
}

HELP_WORDS = {
    "en": "help, info, hlep",
    "cy": "cymorth, gwybodaeth",
    "pl": "pomoc",
    "ro": "ajutor",
    "es": "ayuda",
    "pt": "ajuda",
    "fr": "aide",
    "it": "aiuto",
    "bn": "সাহায্য",
    "gu": "મદદ",
    "pa": "ਮਦਦ",
    "tr": "yardım",
    "ar": "مساعدة",
    "ur": "مدد",
    "ta": "உதவி",
    "fa": "کمک",
    "so": "caawimaad, caawin",
    "lt": "pagalba",
    "el": "βοήθεια",
    "ru": "помощь",
    "zh": "帮助, 幫助",
    "bg": "помощ",
    "sq": "ndihmë",
}

_PROVIDER_STOP = "cancel, end, quit, revoke"
_PROVIDER_START = "yes"
"""Words of an ordinary answer on which Twilio acts all the same where they stand alone
(https://help.twilio.com/articles/223134027): what it has stopped we must know of.
"""

_POLITE = (
    "please, pls, plz, plse, kindly, thanks, thank, you, thx, ta, cheers, hi, hello, hey, dear,"
    " sorry, ok, okay, sir, bitte, danke, svp, sil, vous, plait, merci, por, favor, gracias,"
    " obrigado, obrigada, per, grazie, proszę, dziękuję, dzięki, vă, rog, mulțumesc, lütfen,"
    " teşekkürler, пожалуйста, спасибо, моля, благодаря, παρακαλώ, ευχαριστώ, 请, 請, 谢谢, 謝謝,"
    " من, فضلك, فضلكم, رجاء, شكرا, براہ, کرم, شکریہ, لطفا, ممنون, os, gwelwch, yn, dda, diolch,"
    " prašau, ačiū, fadlan, mahadsanid, ju, lutem, faleminderit, দয়া, করে, ধন্যবাদ, કૃપા, કરીને,"
    " ਕਿਰਪਾ, ਕਰਕੇ, தயவுசெய்து, நன்றி"
)
_ABOUT_US = (
    "message, messages, msg, msgs, text, texts, texting, sms, alert, alerts, sending, send,"
    " contacting, messaging, notifications, notification, mails, emails"
)
_AROUND_US = (
    "me, my, these, this, those, all, any, from, of, the, to, number, phone, now, i, want, would,"
    " like, wish, need, can, could, u, more, receiving, getting, reply, replying, immediately,"
    " beg, just"
)
_ROUND_A_BARE_STOP = (
    "all, now, me, i, want, would, like, wish, to, these, just, immediately, reply, more"
)
_NEGATIONS = "no, not, dont, never, didnt, doesnt, wont, cant, cannot, couldnt, wouldnt, shouldnt"
_SIGNS = ("🛑", "⛔", "🚫")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text was understood. `answer`: it is to be kept as one too, for its word may have been
    meant as one ("yes").
    """

    kind: Kind
    answer: bool


def _all(*lists: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(folded(w)) for words in lists for w in words.split(","))


def _ones(*lists: str) -> frozenset[str]:
    return frozenset(phrase[0] for phrase in _all(*lists) if len(phrase) == 1)


_STOP = _all(*STOP_WORDS.values())
_START = _all(*START_WORDS.values())
_HELP = _all(*HELP_WORDS.values())
_BARE_STOP, _BARE_START = _all(_PROVIDER_STOP), _all(_PROVIDER_START)
_POLITELY, _US = _ones(_POLITE), _ones(_ABOUT_US)
_AROUND, _NOT = _ones(_AROUND_US), _ones(_NEGATIONS)
_STOP_ONES = _ones(*STOP_WORDS.values())
_ASKS = _ones("stop, stopp, stopall, unsubscribe, optout, stpo, sotp, unsubcribe, unsuscribe")
_ASKS_WITH = _ones(_PROVIDER_STOP)
_OF_LISTS = _ones("unsubscribe, unsubcribe, unsuscribe, optout, stopall")
"""Nobody asks a robber to do that."""
_ROUND = _ones(_ROUND_A_BARE_STOP)
_CLEAR = 24
"""Who writes more words than this tells us something."""


def understand(body: str, verdict: str = "") -> Reading:
    """Return how a text is meant. `verdict` is the provider's own (Twilio's OptOutType), which
    counts more than the words, for the provider has acted on it.

    "stop_unclear" holds a word that stops and is no plain wish to stop: it stops nobody, is kept as
    an answer, and whoever wrote it is told how to stop.
    """
    said = verdict.strip().lower()
    words = folded(body)
    bare = tuple(w for w in words if w not in _POLITELY) or tuple(words)
    meant = _meant(body, bare)
    if said in ("stop", "start", "help"):
        kind: Kind = said  # type: ignore[assignment]
        return Reading(kind, answer=meant.kind != kind or meant.answer)
    return meant


def _meant(body: str, bare: tuple[str, ...]) -> Reading:
    if not bare:
        shown = [ch for ch in body if not ch.isspace() and unicodedata.category(ch)[0] not in "CM"]
        stops = bool(shown) and all(ch in _SIGNS for ch in shown)
        return Reading("stop", answer=False) if stops else Reading("text", answer=True)
    once = tuple(dict.fromkeys(bare))  # "STOP STOP STOP"
    for phrase in (bare, once):
        if phrase in _STOP or _wishes_to_stop(phrase):
            return Reading("stop", answer=False)
        if phrase in _START or (phrase[0] in ("start", "restart") and _about_us(phrase[1:])):
            return Reading("start", answer=False)
        if phrase in _HELP:
            return Reading("help", answer=True)  # it may be a call for help
        if phrase in _BARE_STOP:
            return Reading("stop", answer=True)
        if phrase in _BARE_START:
            return Reading("start", answer=True)
    if _sounds_like_stop(bare):
        return Reading("stop_unclear", answer=True)
    return Reading("text", answer=True)


def _wishes_to_stop(words: tuple[str, ...]) -> bool:
    """Return whether every word is about stopping our messages, and one is the wish."""
    if len(words) > _CLEAR:
        return False
    joined = " ".join(words).replace("opt out", "optout").replace("no more", "stop more").split()
    if any(word in _NOT for word in joined):
        return False
    asks = any(word in _ASKS for word in joined)
    named = any(word in _US for word in joined)
    ends = named and any(word in _ASKS_WITH for word in joined)
    clear = named or any(word in _OF_LISTS for word in joined)
    round_it = _AROUND | _US | (_ASKS_WITH if named else frozenset()) if clear else _ROUND
    return (asks or ends) and all(word in _ASKS or word in round_it for word in joined)


def _about_us(words: tuple[str, ...]) -> bool:
    return bool(words) and all(w in _US or w in _AROUND or w == "again" for w in words)


def _sounds_like_stop(words: tuple[str, ...]) -> bool:
    if not any(word in _STOP_ONES for word in words) and not {"opt", "out"} <= set(words):
        return False
    return len(words) <= 4 or any(word in _US for word in words)
