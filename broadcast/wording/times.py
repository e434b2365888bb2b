"""Times as people read them: local, with the name of their time zone, the day in their language.

Machines are told RFC 3339 with an offset; what a person reads is made here. The words AWAIT A
NATIVE SPEAKER'S CHECK, as those of `packs/` do; English is the original.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from broadcast.wording.languages import pack_for
from broadcast.wording.pack import fill

DEFAULT_ZONE = "Europe/London"
DAYS_OF_A_WEEK = 7
_CLOCK = re.compile(r"\b\d{1,2}(?:[:.]\d\d\b| ?[ap]\.?m\b| ?h(?:\d\d)?\b)", re.IGNORECASE)


def says_a_time(text: str) -> bool:
    """Return whether somebody's words hold an hour of the clock, such as 18:00, 6 pm or 18h30."""
    return _CLOCK.search(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The days of one language, Monday first, and its months, in the form that stands beside a
    number.

    `until` says how long something holds, `today` a time of this day. `day` is the order of
    {weekday}, {number} and {month}; `year` is the same with {year}.
    """

    until: str
    today: str
    day: str
    year: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    joined: str = "{time}, {day}"

    def __post_init__(self) -> None:
        """Refuse a language with a day or a month too few."""
        if len(self.weekdays) != 7 or len(self.months) != 12:
            raise ValueError(f"{self.until}: seven days and twelve months, each written out")


_PLAIN = ("{weekday} {number} {month}", "{weekday} {number} {month} {year}")
_COMMA = ("{weekday}, {number} {month}", "{weekday}, {number} {month} {year}")
_ARABIC_COMMA = ("{weekday}، {number} {month}", "{weekday}، {number} {month} {year}")
_OF = ("{weekday}, {number} de {month}", "{weekday}, {number} de {month} de {year}")


def _dates(
    until: str,
    today: str,
    order: tuple[str, str],
    weekdays: str,
    months: str,
    joined: str = "{time}, {day}",
) -> Dates:
    day, year = order
    return Dates(
        until=until,
        today=today,
        day=day,
        year=year,
        weekdays=tuple(weekdays.split("|")),
        months=tuple(months.split("|")),
        joined=joined,
    )


_DATES: Mapping[str, Dates] = MappingProxyType(
    {
        "en": _dates(
            "Until {time}",
            "{time} today",
            _PLAIN,
            "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
            "January|February|March|April|May|June|July|August|September|October|November|December",
        ),
        "cy": _dates(
            "Tan {time}",
            "{time} heddiw",
            _PLAIN,
            "dydd Llun|dydd Mawrth|dydd Mercher|dydd Iau|dydd Gwener|dydd Sadwrn|dydd Sul",
            "Ionawr|Chwefror|Mawrth|Ebrill|Mai|Mehefin|Gorffennaf|Awst|Medi|Hydref|Tachwedd|Rhagfyr",
        ),
        "pl": _dates(
            "Obowiązuje do: {time}",
            "{time} dzisiaj",
            _PLAIN,
            "poniedziałek|wtorek|środa|czwartek|piątek|sobota|niedziela",
            "stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października"
            "|listopada|grudnia",
        ),
        "ro": _dates(
            "Până la {time}",
            "{time} astăzi",
            _COMMA,
            "luni|marți|miercuri|joi|vineri|sâmbătă|duminică",
            "ianuarie|februarie|martie|aprilie|mai|iunie|iulie|august|septembrie|octombrie"
            "|noiembrie|decembrie",
        ),
        "es": _dates(
            "Hasta: {time}",
            "{time} de hoy",
            _OF,
            "lunes|martes|miércoles|jueves|viernes|sábado|domingo",
            "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre"
            "|diciembre",
        ),
        "pt": _dates(
            "Até: {time}",
            "{time} de hoje",
            _OF,
            "segunda-feira|terça-feira|quarta-feira|quinta-feira|sexta-feira|sábado|domingo",
            "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro"
            "|dezembro",
        ),
        "fr": _dates(
            "Jusqu'à : {time}",
            "{time} aujourd'hui",
            _PLAIN,
            "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
            "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
        ),
        "it": _dates(
            "Fino a: {time}",
            "{time} di oggi",
            _PLAIN,
            "lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica",
            "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre"
            "|dicembre",
        ),
        "bn": _dates(
            "বহাল থাকবে: {time} পর্যন্ত",
            "আজ {time}",
            _COMMA,
            "সোমবার|মঙ্গলবার|বুধবার|বৃহস্পতিবার|শুক্রবার|শনিবার|রবিবার",
            "জানুয়ারি|ফেব্রুয়ারি|মার্চ|এপ্রিল|মে|জুন|জুলাই|আগস্ট|সেপ্টেম্বর|অক্টোবর|নভেম্বর|ডিসেম্বর",
        ),
        "gu": _dates(
            "ક્યાં સુધી: {time}",
            "આજે {time}",
            _COMMA,
            "સોમવાર|મંગળવાર|બુધવાર|ગુરુવાર|શુક્રવાર|શનિવાર|રવિવાર",
            "જાન્યુઆરી|ફેબ્રુઆરી|માર્ચ|એપ્રિલ|મે|જૂન|જુલાઈ|ઑગસ્ટ|સપ્ટેમ્બર|ઑક્ટોબર|નવેમ્બર|ડિસેમ્બર",
        ),
        "pa": _dates(
            "ਕਦੋਂ ਤੱਕ: {time}",
            "ਅੱਜ {time}",
            _COMMA,
            "ਸੋਮਵਾਰ|ਮੰਗਲਵਾਰ|ਬੁੱਧਵਾਰ|ਵੀਰਵਾਰ|ਸ਼ੁੱਕਰਵਾਰ|ਸ਼ਨਿੱਚਰਵਾਰ|ਐਤਵਾਰ",
            "ਜਨਵਰੀ|ਫ਼ਰਵਰੀ|ਮਾਰਚ|ਅਪ੍ਰੈਲ|ਮਈ|ਜੂਨ|ਜੁਲਾਈ|ਅਗਸਤ|ਸਤੰਬਰ|ਅਕਤੂਬਰ|ਨਵੰਬਰ|ਦਸੰਬਰ",
        ),
        "tr": _dates(
            "Geçerlilik sonu: {time}",
            "bugün {time}",
            ("{number} {month} {weekday}", "{number} {month} {year} {weekday}"),
            "Pazartesi|Salı|Çarşamba|Perşembe|Cuma|Cumartesi|Pazar",
            "Ocak|Şubat|Mart|Nisan|Mayıs|Haziran|Temmuz|Ağustos|Eylül|Ekim|Kasım|Aralık",
        ),
        "ar": _dates(
            "حتى: {time}",
            "{time} اليوم",
            _ARABIC_COMMA,
            "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
            "يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر",
            "{time}، {day}",
        ),
        "ur": _dates(
            "کب تک: {time}",
            "آج {time}",
            _ARABIC_COMMA,
            "پیر|منگل|بدھ|جمعرات|جمعہ|ہفتہ|اتوار",
            "جنوری|فروری|مارچ|اپریل|مئی|جون|جولائی|اگست|ستمبر|اکتوبر|نومبر|دسمبر",
            "{time}، {day}",
        ),
        "ta": _dates(
            "எதுவரை: {time}",
            "இன்று {time}",
            _COMMA,
            "திங்கள்|செவ்வாய்|புதன்|வியாழன்|வெள்ளி|சனி|ஞாயிறு",
            "ஜனவரி|பிப்ரவரி|மார்ச்|ஏப்ரல்|மே|ஜூன்|ஜூலை|ஆகஸ்ட்|செப்டம்பர்|அக்டோபர்|நவம்பர்|டிசம்பர்",
        ),
        "fa": _dates(
            "تا: {time}",
            "امروز {time}",
            _ARABIC_COMMA,
            "دوشنبه|سه‌شنبه|چهارشنبه|پنجشنبه|جمعه|شنبه|یکشنبه",
            "ژانویه|فوریه|مارس|آوریل|مه|ژوئن|ژوئیه|اوت|سپتامبر|اکتبر|نوامبر|دسامبر",
            "{time}، {day}",
        ),
        "so": _dates(
            "Ilaa: {time}",
            "{time} maanta",
            _COMMA,
            "Isniin|Talaado|Arbaco|Khamiis|Jimce|Sabti|Axad",
            "Jannaayo|Febraayo|Maarso|Abriil|Maajo|Juun|Luulyo|Agoosto|Sebteembar|Oktoobar"
            "|Nofeembar|Diseembar",
        ),
        "lt": _dates(
            "Galioja iki: {time}",
            "šiandien {time}",
            ("{month} {number} d., {weekday}", "{year} m. {month} {number} d., {weekday}"),
            "pirmadienis|antradienis|trečiadienis|ketvirtadienis|penktadienis|šeštadienis"
            "|sekmadienis",
            "sausio|vasario|kovo|balandžio|gegužės|birželio|liepos|rugpjūčio|rugsėjo|spalio"
            "|lapkričio|gruodžio",
        ),
        "el": _dates(
            "Ισχύει έως: {time}",
            "{time} σήμερα",
            _PLAIN,
            "Δευτέρα|Τρίτη|Τετάρτη|Πέμπτη|Παρασκευή|Σάββατο|Κυριακή",
            "Ιανουαρίου|Φεβρουαρίου|Μαρτίου|Απριλίου|Μαΐου|Ιουνίου|Ιουλίου|Αυγούστου|Σεπτεμβρίου"
            "|Οκτωβρίου|Νοεμβρίου|Δεκεμβρίου",
        ),
        "ru": _dates(
            "Действует до: {time}",
            "{time} сегодня",
            _COMMA,
            "понедельник|вторник|среда|четверг|пятница|суббота|воскресенье",
            "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря",
        ),
        "zh": _dates(
            "有效期至：{time}",
            "今天 {time}",
            ("{month}{number}日{weekday}", "{year}年{month}{number}日{weekday}"),
            "星期一|星期二|星期三|星期四|星期五|星期六|星期日",
            "1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月",
            "{day} {time}",
        ),
        "bg": _dates(
            "Валидно до: {time}",
            "{time} днес",
            _COMMA,
            "понеделник|вторник|сряда|четвъртък|петък|събота|неделя",
            "януари|февруари|март|април|май|юни|юли|август|септември|октомври|ноември|декември",
        ),
        "sq": _dates(
            "Deri më: {time}",
            "{time} sot",
            _COMMA,
            "e hënë|e martë|e mërkurë|e enjte|e premte|e shtunë|e diel",
            "janar|shkurt|mars|prill|maj|qershor|korrik|gusht|shtator|tetor|nëntor|dhjetor",
        ),
    }
)


def local_time(at: datetime, language: str, zone: str = DEFAULT_ZONE, *, year: bool = True) -> str:
    """Return a moment as people there read it: "14:07 GMT, Thursday 26 November 2026"."""
    here, dates = at.astimezone(ZoneInfo(zone)), _DATES[pack_for(language).tag]
    day = fill(
        dates.year if year else dates.day,
        weekday=dates.weekdays[here.weekday()],
        number=str(here.day),
        month=dates.months[here.month - 1],
        year=str(here.year),
    )
    return fill(dates.joined, time=f"{here:%H:%M} {zone_name(here)}", day=day)


def until(
    at: datetime,
    language: str,
    zone: str = DEFAULT_ZONE,
    *,
    sent: datetime | None = None,
    shows_day: bool = False,
) -> str:
    """Return until when something holds: "Until 14:07 GMT, Thursday 26 November".

    With `sent`, for what is heard or read as it comes, the shortest that is right until then:
    "Until 14:07 GMT today" on the local day of sending (only "Until 14:07 GMT" where the
    telephone `shows_day`), "Until 02:00 GMT, Friday" within the six days after it. Nothing is
    handed over once its time has come, so that "today" is the day on which it arrives. It never
    says "tomorrow": a retry after midnight would then mean a day too late. A weekday is right on
    both sides of midnight.
    """
    said, here = _DATES[pack_for(language).tag], at.astimezone(ZoneInfo(zone))
    time = f"{here:%H:%M} {zone_name(here)}"
    days = None if sent is None else (here.date() - sent.astimezone(ZoneInfo(zone)).date()).days
    if days == 0:
        return fill(said.until, time=time if shows_day else fill(said.today, time=time))
    if days is not None and 0 < days < DAYS_OF_A_WEEK:
        day = said.weekdays[here.weekday()]
        return fill(said.until, time=fill(said.joined, time=time, day=day))
    return fill(said.until, time=local_time(at, language, zone, year=False))


def table_time(at: datetime, zone: str = DEFAULT_ZONE) -> str:
    """Return a moment for a column of a table: "2026-11-26 14:07 GMT"."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{here:%Y-%m-%d %H:%M} {zone_name(here)}"


def zone_name(here: datetime) -> str:
    """Return what people call the zone of a local time at that moment, such as BST; where it has no
    name, how far it is from UTC.
    """
    name = here.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name
