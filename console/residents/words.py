"""The phrases of the pages on which people register and choose, by language.

The translations AWAIT A NATIVE SPEAKER'S CHECK, as those of the other pages do; English is the
original. A phrase that begins with "wrong_" says what is wrong, by the problem's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from console.pages.phrases import ENGLISH
from console.residents.choice_words import with_choices

_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "join": "Get messages from {sender}",
        "join_short": "Get messages",
        "error": "Error",
        "problem": "There is a problem",
        "go_on": "Continue",
        "step": "Step {number} of 5",
        "trial": "This is a trial. Codes and messages go to a simulator: nothing leaves it.",
        "place": "Which place do you want to hear about?",
        "place_why": (
            "Type the name of your borough, ward or neighbourhood. We keep this place only."
        ),
        "place_name": "Name of the place",
        "find": "Find",
        "found": "Choose your place",
        "found_none": "No place here has that name. Try a shorter or another name.",
        "no_places": "No places are set up here yet. Please come back later.",
        "topics": "What do you want to hear about?",
        "topics_why": "Choose one or more. You can change this at any time.",
        "topic_threat_level": "Changes of the threat level",
        "topic_incident": "Incidents: what happens now, and what to do",
        "topic_appeal": "Appeals for witnesses",
        "topic_advice": "Advice, such as how to protect yourself",
        "topic_crime_update": "Crime updates",
        "topic_exercise": "Exercises: practice messages, marked EXERCISE",
        "channel": "How should we reach you?",
        "channel_why": "Choose one. You can add others later.",
        "channel_sms": "Text message",
        "channel_voice": "Telephone call, also to a landline",
        "channel_email": "E-mail",
        "no_channels": "Nobody can register here at the moment. Please come back later.",
        "address_sms": "What is your mobile number?",
        "address_voice": "What is your telephone number?",
        "address_email": "What is your e-mail address?",
        "number": "Telephone number",
        "mail": "E-mail address",
        "number_hint": "A number of the United Kingdom, such as 07700 900123",
        "mail_hint": "Such as name@example.org",
        "kept": (
            "We keep your address, your place and what you chose, to send you these messages and"
            " for nothing else, until you tell us to stop. Nobody else gets them."
        ),
        "charged": (
            "Getting messages costs nothing in the United Kingdom. Abroad, and in the Channel"
            " Islands and the Isle of Man, your company may charge you; so it may for texts that"
            " you send to us."
        ),
        "agree": "Yes, send me these messages",
        "send_code": "Send me a code",
        "code": "Type the code that we sent you",
        "code_sent": (
            "If {address} can get a code from us, it is on its way. It has six digits and is good"
            " for 10 minutes."
        ),
        "code_island": (
            "This is a number of the Channel Islands or the Isle of Man. Texts and calls there cost"
            " more, and your company may charge you."
        ),
        "code_label": "Code",
        "code_enter": "Confirm",
        "again_head": "No code?",
        "again_why": "It can take a minute. Look for it among unwanted mail too.",
        "again": "Send a new code",
        "other_address": "Give another address",
        "done": "You are registered",
        "done_more": (
            "Messages about {place} reach you by {channel} from now on. In an emergency, always"
            " call 999."
        ),
        "by_sms": "text message",
        "by_voice": "telephone call",
        "by_email": "e-mail",
        "my_choices": "My choices",
        "sign_in": "Sign in",
        "sign_in_why": (
            "Give the number or e-mail address that you confirmed with us. We send you a code:"
            " there is no password."
        ),
        "sign_in_label": "Mobile number, telephone number or e-mail address",
        "registered_before": "You have registered before? Sign in",
        "begin_again": "Begin again",
        "form_gone": "This page is no longer open",
        "form_gone_more": "You took longer than an hour, or this is done already.",
        "wrong_area_unknown": "Search for a place and choose it",
        "wrong_topic_missing": "Choose one topic or more",
        "wrong_topic_unknown": "Choose topics from the list",
        "wrong_channel_unknown": "Choose how we reach you",
        "wrong_consent_missing": "Tick the box if you want messages; otherwise leave this page",
        "wrong_address_missing": "Write your number or address",
        "wrong_number_invalid": "This is no telephone number: write it as 07700 900123",
        "wrong_number_too_short": "Digits are missing: write it as 07700 900123",
        "wrong_number_too_long": "There are too many digits: write it as 07700 900123",
        "wrong_number_not_allowed": "We cannot use premium, short or service numbers",
        "wrong_number_not_reachable": "This number exists in films and plays only",
        "wrong_country_closed": "Give a number of the United Kingdom, or choose e-mail",
        "wrong_landline": "This number takes no texts: choose a telephone call",
        "wrong_email_invalid": "This is no e-mail address: write it as name@example.org",
        "wrong_email_domain": "Mail cannot be sent there: write an address as name@example.org",
        "wrong_code_wrong": "This is not the code: look again and type all six digits",
        "wrong_code_tried_too_often": "Five wrong codes were typed: have a new one sent",
        "wrong_code_expired": "This code was used or is too old: have a new one sent",
        "wrong_too_many_codes": "Too many codes were asked for: wait a while, then try again",
        "wrong_codes_spent": (
            "No more codes can be sent this way today: try another way, or tomorrow"
        ),
        "wrong_form_stale": "Nothing was done: send the form once more",
        "saved": "Saved. Your next message follows these choices.",
        "follow": "Each part is saved by itself, at once: the next message follows it.",
        "ways": "How we reach you",
        "is_stopped": "stopped",
        "not_chosen": "not used",
        "stop_one": "Stop: {way}",
        "start_one": "Start again: {way}",
        "use": "Which of them should we use?",
        "first": "Which of them first?",
        "save": "Save",
        "add_way": "Add another way",
        "my_place": "My place",
        "place_point": "The exact place that was given for you.",
        "place_none": "None: only messages for everybody reach you.",
        "place_change": "Choose another place",
        "my_topics": "My topics",
        "severity": "How serious",
        "severity_label": "Tell me of",
        "severity_all": "everything",
        "severity_Extreme": "danger to many lives only",
        "severity_Severe": "serious danger and worse",
        "severity_Moderate": "possible danger and worse",
        "severity_Minor": "small danger and worse",
        "language": "Language",
        "language_label": "Send me messages in, where there is a translation",
        "quiet": "Quiet hours",
        "quiet_why": (
            "What can wait waits until they end. Warnings of danger to life come through at any"
            " hour. Leave both times empty for none."
        ),
        "quiet_begin": "From (hours and minutes, such as 22:00)",
        "quiet_end": "Until (such as 07:00)",
        "quiet_zone": "By the clock of",
        "stop_head": "Stop all messages",
        "stop_why": (
            "You stop getting every message, also in danger. You can start again here at any time."
        ),
        "stop_all": "Stop all messages now",
        "start_head": "Start again",
        "start_all": "Start again",
        "all_stopped": "You have stopped all messages. You get none, also in danger.",
        "stopped_now": "Stopped. It holds from now on.",
        "started_now": "Started again.",
        "leave": "Signed in",
        "sessions": "You are signed in on this many devices: {number}.",
        "sign_out": "Sign out",
        "sign_out_all": "Sign out everywhere",
        "wrong_quiet_hours_invalid": "Write the hours as 22:00 and 07:00",
        "my_messages": "My messages",
        "messages_none": "You have got no message from us yet.",
        "line_delivered": "Delivered by {way}, {time}.",
        "line_accepted": "Sent by {way}, {time}.",
        "line_in_doubt": "Sent by {way}, {time}; nobody knows whether it arrived.",
        "my_data": "Everything we keep of you",
        "my_data_why": "Your contacts, choices, consents, stops and the messages you were sent.",
        "take_json": "Take it along as JSON",
        "take_csv": "Take it along as a table (CSV)",
        "add_way_why": "We send a code there before we use it.",
        "get_messages": "Get messages by text, call or e-mail",
        "wrong_language_unknown": "Choose a language from the list",
        "sample": "Send me a sample",
        "sample_sent": "A sample is on its way.",
        "last_month": "What this would have meant last month",
        "month_why": (
            "In the last 30 days this many messages went out here: {number}. By what you have"
            " chosen now you would have got:"
        ),
        "month_sum": "Messages: {number}. At night: {night}.",
        "month_topic": "Topic",
        "month_number": "Messages",
        "month_night": "At night",
        "month_waited": "After your quiet hours",
        "wrong_postcode_unknown": (
            "We do not know this postcode: search by the name of your place"
        ),
        "delete": "Delete me",
        "delete_why": (
            "We erase your name, contacts, place and choices for good, and you get no more"
            " messages, also in danger. That you were sent messages stays, without saying to whom."
            " You can register again at any time."
        ),
        "delete_now": "Delete me for good",
        "deleted": "You are deleted",
        "deleted_more": "We keep nothing of you by which we could reach you.",
        "registrations": "More than one registration",
        "registrations_why": (
            "Are you registered twice, such as at home and as a shop? Join the "
            "registrations, and what is not urgent comes to you once and says for which of "
            "them. Warnings of danger to life go to every contact of all of them."
        ),
        "registrations_see": "See and join my registrations",
        "registrations_joined": "Joined with this registration",
        "registrations_part": "Keep my registrations apart again",
        "registrations_add": "Join another registration of mine",
        "registrations_add_why": (
            "Give a number or e-mail address of the other registration. We send a code "
            "there. Stopping all messages then stops them for both."
        ),
        "came_joined": "Joined. What is not urgent comes once from now on.",
        "came_nobody_else": "No other registration is reached there. Nothing was changed.",
        "came_several": (
            "Several registrations are reached there, so we cannot know which one is yours. "
            "Nothing was changed."
        ),
        "came_apart": "This registration stands by itself again.",
        "kind_resident": "Resident",
        "kind_business": "Business",
        "kind_partner": "Partner",
        "kind_officer": "Officer",
    }
)

_WELSH: Mapping[str, str] = MappingProxyType(
    {
        "join": "Cael negeseuon gan {sender}",
        "join_short": "Cael negeseuon",
        "error": "Gwall",
        "problem": "Mae problem",
        "go_on": "Parhau",
        "step": "Cam {number} o 5",
        "trial": "Treial yw hwn. Mae codau a negeseuon yn mynd i efelychydd yn unig.",
        "place": "Am ba le yr hoffech glywed?",
        "place_why": (
            "Teipiwch enw eich bwrdeistref, ward neu gymdogaeth. Dim ond y lle hwn a gadwn."
        ),
        "place_name": "Enw'r lle",
        "find": "Chwilio",
        "found": "Dewiswch eich lle",
        "found_none": (
            "Nid oes lle o'r enw hwnnw yma. Rhowch gynnig ar enw byrrach neu enw arall."
        ),
        "no_places": "Nid oes lleoedd wedi'u gosod yma eto. Dewch yn ôl yn nes ymlaen.",
        "topics": "Am beth yr hoffech glywed?",
        "topics_why": "Dewiswch un neu fwy. Gallwch newid hyn unrhyw bryd.",
        "topic_threat_level": "Newidiadau i'r lefel bygythiad",
        "topic_incident": "Digwyddiadau: beth sy'n digwydd nawr, a beth i'w wneud",
        "topic_appeal": "Apeliadau am dystion",
        "topic_advice": "Cyngor, er enghraifft sut i'ch diogelu eich hun",
        "topic_crime_update": "Diweddariadau am droseddau",
        "topic_exercise": "Ymarferion: negeseuon ymarfer, wedi'u marcio EXERCISE",
        "channel": "Sut dylem gysylltu â chi?",
        "channel_why": "Dewiswch un. Gallwch ychwanegu rhai eraill yn nes ymlaen.",
        "channel_sms": "Neges destun",
        "channel_voice": "Galwad ffôn, i linell dir hefyd",
        "channel_email": "E-bost",
        "no_channels": "Ni all neb gofrestru yma ar hyn o bryd. Dewch yn ôl yn nes ymlaen.",
        "address_sms": "Beth yw rhif eich ffôn symudol?",
        "address_voice": "Beth yw eich rhif ffôn?",
        "address_email": "Beth yw eich cyfeiriad e-bost?",
        "number": "Rhif ffôn",
        "mail": "Cyfeiriad e-bost",
        "number_hint": "Rhif o'r Deyrnas Unedig, fel 07700 900123",
        "mail_hint": "Er enghraifft enw@example.org",
        "kept": (
            "Cadwn eich cyfeiriad, eich lle a'ch dewisiadau er mwyn anfon y negeseuon hyn atoch, ac"
            " am ddim rheswm arall, nes i chi ddweud wrthym am stopio. Nid oes neb arall yn eu"
            " cael."
        ),
        "charged": (
            "Nid yw cael negeseuon yn costio dim yn y Deyrnas Unedig. Dramor, ac yn Ynysoedd y"
            " Sianel ac Ynys Manaw, gall eich cwmni godi tâl; felly hefyd am negeseuon a anfonwch"
            " atom ni."
        ),
        "agree": "Iawn, anfonwch y negeseuon hyn ataf",
        "send_code": "Anfonwch god ataf",
        "code": "Teipiwch y cod a anfonwyd atoch",
        "code_sent": (
            "Os gall {address} gael cod gennym, mae ar ei ffordd. Mae ganddo chwe digid ac mae'n"
            " ddilys am 10 munud."
        ),
        "code_island": (
            "Rhif o Ynysoedd y Sianel neu Ynys Manaw yw hwn. Mae negeseuon a galwadau yno'n costio"
            " mwy, a gall eich cwmni godi tâl."
        ),
        "code_label": "Cod",
        "code_enter": "Cadarnhau",
        "again_head": "Dim cod?",
        "again_why": "Gall gymryd munud. Edrychwch ymhlith post diangen hefyd.",
        "again": "Anfon cod newydd",
        "other_address": "Rhoi cyfeiriad arall",
        "done": "Rydych wedi cofrestru",
        "done_more": (
            "Bydd negeseuon am {place} yn eich cyrraedd drwy {channel} o hyn ymlaen. Mewn argyfwng,"
            " ffoniwch 999 bob amser."
        ),
        "by_sms": "neges destun",
        "by_voice": "galwad ffôn",
        "by_email": "e-bost",
        "my_choices": "Fy newisiadau",
        "sign_in": "Mewngofnodi",
        "sign_in_why": (
            "Rhowch y rhif neu'r cyfeiriad e-bost a gadarnhawyd gennych. Anfonwn god atoch: nid oes"
            " cyfrinair."
        ),
        "sign_in_label": "Rhif ffôn symudol, rhif ffôn neu gyfeiriad e-bost",
        "registered_before": "Wedi cofrestru o'r blaen? Mewngofnodwch",
        "begin_again": "Dechrau eto",
        "form_gone": "Nid yw'r dudalen hon ar agor mwyach",
        "form_gone_more": "Aeth mwy nag awr heibio, neu mae hyn wedi'i wneud eisoes.",
        "wrong_area_unknown": "Chwiliwch am le a'i ddewis",
        "wrong_topic_missing": "Dewiswch un pwnc neu fwy",
        "wrong_topic_unknown": "Dewiswch bynciau o'r rhestr",
        "wrong_channel_unknown": "Dewiswch sut y cysylltwn â chi",
        "wrong_consent_missing": (
            "Ticiwch y blwch os ydych eisiau negeseuon; fel arall gadewch y dudalen"
        ),
        "wrong_address_missing": "Ysgrifennwch eich rhif neu'ch cyfeiriad",
        "wrong_number_invalid": "Nid rhif ffôn yw hwn: ysgrifennwch ef fel 07700 900123",
        "wrong_number_too_short": "Mae digidau ar goll: ysgrifennwch ef fel 07700 900123",
        "wrong_number_too_long": "Mae gormod o ddigidau: ysgrifennwch ef fel 07700 900123",
        "wrong_number_not_allowed": "Ni allwn ddefnyddio rhifau premiwm, byr na gwasanaeth",
        "wrong_number_not_reachable": "Mewn ffilmiau a dramâu yn unig y mae'r rhif hwn yn bod",
        "wrong_country_closed": "Rhowch rif o'r Deyrnas Unedig, neu dewiswch e-bost",
        "wrong_landline": "Nid yw'r rhif hwn yn cael negeseuon testun: dewiswch alwad ffôn",
        "wrong_email_invalid": "Nid cyfeiriad e-bost yw hwn: ysgrifennwch ef fel enw@example.org",
        "wrong_email_domain": (
            "Ni ellir anfon post yno: ysgrifennwch gyfeiriad fel enw@example.org"
        ),
        "wrong_code_wrong": "Nid dyma'r cod: edrychwch eto a theipiwch y chwe digid",
        "wrong_code_tried_too_often": "Teipiwyd pum cod anghywir: gofynnwch am un newydd",
        "wrong_code_expired": "Defnyddiwyd y cod hwn neu mae'n rhy hen: gofynnwch am un newydd",
        "wrong_too_many_codes": (
            "Gofynnwyd am ormod o godau: arhoswch, yna rhowch gynnig arall arni"
        ),
        "wrong_codes_spent": (
            "Ni ellir anfon rhagor o godau fel hyn heddiw: rhowch gynnig ar ffordd arall, neu yfory"
        ),
        "wrong_form_stale": "Ni wnaed dim: anfonwch y ffurflen unwaith eto",
        "saved": "Wedi'i gadw. Bydd eich neges nesaf yn dilyn y dewisiadau hyn.",
        "follow": (
            "Caiff pob rhan ei chadw ar ei phen ei hun, ar unwaith: bydd y neges nesaf yn ei dilyn."
        ),
        "ways": "Sut yr ydym yn cysylltu â chi",
        "is_stopped": "wedi'i atal",
        "not_chosen": "heb ei ddefnyddio",
        "stop_one": "Atal: {way}",
        "start_one": "Ailddechrau: {way}",
        "use": "Pa rai ohonynt y dylem eu defnyddio?",
        "first": "Pa un yn gyntaf?",
        "save": "Cadw",
        "add_way": "Ychwanegu ffordd arall",
        "my_place": "Fy lle",
        "place_point": "Yr union le a roddwyd ar eich cyfer.",
        "place_none": "Dim: negeseuon i bawb yn unig sy'n eich cyrraedd.",
        "place_change": "Dewis lle arall",
        "my_topics": "Fy mhynciau",
        "severity": "Pa mor ddifrifol",
        "severity_label": "Rhowch wybod i mi am",
        "severity_all": "bopeth",
        "severity_Extreme": "berygl i lawer o fywydau yn unig",
        "severity_Severe": "berygl difrifol a gwaeth",
        "severity_Moderate": "berygl posibl a gwaeth",
        "severity_Minor": "berygl bach a gwaeth",
        "language": "Iaith",
        "language_label": "Anfonwch negeseuon ataf, lle mae cyfieithiad, yn",
        "quiet": "Oriau tawel",
        "quiet_why": (
            "Bydd yr hyn a all aros yn aros nes iddynt ddod i ben. Daw rhybuddion am berygl i fywyd"
            " ar unrhyw awr. Gadewch y ddau amser yn wag am ddim."
        ),
        "quiet_begin": "O (oriau a munudau, fel 22:00)",
        "quiet_end": "Tan (fel 07:00)",
        "quiet_zone": "Yn ôl cloc",
        "stop_head": "Atal pob neges",
        "stop_why": (
            "Ni chewch unrhyw neges mwyach, hyd yn oed mewn perygl. Gallwch ailddechrau yma unrhyw"
            " bryd."
        ),
        "stop_all": "Atal pob neges nawr",
        "start_head": "Ailddechrau",
        "start_all": "Ailddechrau",
        "all_stopped": "Rydych wedi atal pob neges. Ni chewch yr un, hyd yn oed mewn perygl.",
        "stopped_now": "Wedi'i atal. Mae'n dal o hyn ymlaen.",
        "started_now": "Wedi ailddechrau.",
        "leave": "Wedi mewngofnodi",
        "sessions": "Rydych wedi mewngofnodi ar gynifer o ddyfeisiau: {number}.",
        "sign_out": "Allgofnodi",
        "sign_out_all": "Allgofnodi ym mhobman",
        "wrong_quiet_hours_invalid": "Ysgrifennwch yr oriau fel 22:00 a 07:00",
        "my_messages": "Fy negeseuon",
        "messages_none": "Nid ydych wedi cael neges gennym eto.",
        "line_delivered": "Wedi'i danfon drwy {way}, {time}.",
        "line_accepted": "Wedi'i hanfon drwy {way}, {time}.",
        "line_in_doubt": "Wedi'i hanfon drwy {way}, {time}; ni wyddys a gyrhaeddodd.",
        "my_data": "Popeth a gadwn amdanoch",
        "my_data_why": (
            "Eich cysylltiadau, dewisiadau, cydsyniadau, ataliadau a'r negeseuon a anfonwyd atoch."
        ),
        "take_json": "Ei gymryd fel JSON",
        "take_csv": "Ei gymryd fel tabl (CSV)",
        "add_way_why": "Anfonwn god yno cyn ei ddefnyddio.",
        "get_messages": "Cael negeseuon drwy neges destun, galwad neu e-bost",
        "wrong_language_unknown": "Dewiswch iaith o'r rhestr",
        "sample": "Anfonwch sampl ataf",
        "sample_sent": "Mae sampl ar ei ffordd.",
        "last_month": "Beth fyddai hyn wedi'i olygu y mis diwethaf",
        "month_why": (
            "Yn y 30 diwrnod diwethaf anfonwyd cynifer o negeseuon yma: {number}. Yn ôl eich"
            " dewisiadau nawr byddech wedi cael:"
        ),
        "month_sum": "Negeseuon: {number}. Yn y nos: {night}.",
        "month_topic": "Pwnc",
        "month_number": "Negeseuon",
        "month_night": "Yn y nos",
        "month_waited": "Ar ôl eich oriau tawel",
        "wrong_postcode_unknown": "Nid ydym yn adnabod y cod post hwn: chwiliwch yn ôl enw'r lle",
        "delete": "Dilëwch fi",
        "delete_why": (
            "Byddwn yn dileu eich enw, cysylltiadau, lle a dewisiadau am byth, ac ni chewch ragor o"
            " negeseuon, hyd yn oed mewn perygl. Erys y ffaith bod negeseuon wedi'u hanfon, heb"
            " ddweud at bwy. Gallwch gofrestru eto unrhyw bryd."
        ),
        "delete_now": "Dilëwch fi am byth",
        "deleted": "Rydych wedi'ch dileu",
        "deleted_more": "Nid ydym yn cadw dim y gallem eich cyrraedd drwyddo.",
        "registrations": "Mwy nag un cofrestriad",
        "registrations_why": (
            "A ydych wedi cofrestru ddwywaith, er enghraifft gartref ac fel siop? Unwch y "
            "cofrestriadau, a daw'r hyn nad yw'n frys atoch unwaith gan ddweud dros ba rai "
            "ohonynt. Mae rhybuddion am berygl i fywyd yn mynd i bob cyswllt ohonynt i gyd."
        ),
        "registrations_see": "Gweld ac uno fy nghofrestriadau",
        "registrations_joined": "Wedi'u huno â'r cofrestriad hwn",
        "registrations_part": "Cadw fy nghofrestriadau ar wahân eto",
        "registrations_add": "Uno cofrestriad arall sydd gennyf",
        "registrations_add_why": (
            "Rhowch rif neu gyfeiriad e-bost y cofrestriad arall. Anfonwn god yno. Bydd atal "
            "pob neges wedyn yn eu hatal i'r ddau."
        ),
        "came_joined": "Wedi'u huno. Daw'r hyn nad yw'n frys unwaith o hyn ymlaen.",
        "came_nobody_else": "Nid oes cofrestriad arall a gyrhaeddir yno. Ni newidiwyd dim.",
        "came_several": (
            "Cyrhaeddir sawl cofrestriad yno, felly ni allwn wybod pa un sy'n eiddo i chi. "
            "Ni newidiwyd dim."
        ),
        "came_apart": "Mae'r cofrestriad hwn ar ei ben ei hun eto.",
        "kind_resident": "Preswylydd",
        "kind_business": "Busnes",
        "kind_partner": "Partner",
        "kind_officer": "Swyddog",
    }
)

_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "join": "تلقي الرسائل من {sender}",
        "join_short": "تلقي الرسائل",
        "error": "خطأ",
        "problem": "توجد مشكلة",
        "go_on": "متابعة",
        "step": "الخطوة {number} من 5",
        "trial": "هذه تجربة. تذهب الرموز والرسائل إلى جهاز محاكاة فقط.",
        "place": "عن أي مكان تريد أن تصلك الأخبار؟",
        "place_why": "اكتب اسم بلديتك أو دائرتك أو حيك. لا نحتفظ إلا بهذا المكان.",
        "place_name": "اسم المكان",
        "find": "بحث",
        "found": "اختر مكانك",
        "found_none": "لا يوجد مكان بهذا الاسم هنا. جرب اسمًا أقصر أو اسمًا آخر.",
        "no_places": "لم يتم إعداد أي أماكن هنا بعد. يرجى العودة لاحقًا.",
        "topics": "ما الذي تريد أن تصلك الرسائل عنه؟",
        "topics_why": "اختر موضوعًا واحدًا أو أكثر. يمكنك تغيير ذلك في أي وقت.",
        "topic_threat_level": "تغيرات مستوى التهديد",
        "topic_incident": "الحوادث: ما يحدث الآن وما عليك فعله",
        "topic_appeal": "البحث عن شهود",
        "topic_advice": "نصائح، مثل كيفية حماية نفسك",
        "topic_crime_update": "مستجدات الجرائم",
        "topic_exercise": "التمارين: رسائل تدريبية تحمل كلمة EXERCISE",
        "channel": "كيف نصل إليك؟",
        "channel_why": "اختر طريقة واحدة. يمكنك إضافة طرق أخرى لاحقًا.",
        "channel_sms": "رسالة نصية",
        "channel_voice": "مكالمة هاتفية، إلى هاتف أرضي أيضًا",
        "channel_email": "بريد إلكتروني",
        "no_channels": "لا يمكن لأحد التسجيل هنا في الوقت الحالي. يرجى العودة لاحقًا.",
        "address_sms": "ما رقم هاتفك المحمول؟",
        "address_voice": "ما رقم هاتفك؟",
        "address_email": "ما عنوان بريدك الإلكتروني؟",
        "number": "رقم الهاتف",
        "mail": "عنوان البريد الإلكتروني",
        "number_hint": "رقم من المملكة المتحدة، مثل 07700 900123",
        "mail_hint": "مثل name@example.org",
        "kept": (
            "نحتفظ بعنوانك ومكانك وما اخترته لنرسل إليك هذه الرسائل وليس لأي غرض آخر، إلى أن تطلب"
            " منا التوقف. ولا يحصل عليها أحد غيرنا."
        ),
        "charged": (
            "تلقي الرسائل مجاني في المملكة المتحدة. أما في الخارج وفي جزر القنال وجزيرة مان فقد"
            " تفرض شركتك رسومًا، وكذلك على الرسائل النصية التي ترسلها إلينا."
        ),
        "agree": "نعم، أرسلوا إلي هذه الرسائل",
        "send_code": "أرسلوا إلي رمزًا",
        "code": "اكتب الرمز الذي أرسلناه إليك",
        "code_sent": (
            "إذا كان بإمكان {address} تلقي رمز منا فهو في الطريق. يتكون من ستة أرقام وهو صالح لمدة"
            " 10 دقائق."
        ),
        "code_island": (
            "هذا رقم من جزر القنال أو جزيرة مان. الرسائل والمكالمات هناك تكلف أكثر وقد تفرض شركتك"
            " رسومًا."
        ),
        "code_label": "الرمز",
        "code_enter": "تأكيد",
        "again_head": "لم يصل الرمز؟",
        "again_why": "قد يستغرق ذلك دقيقة. ابحث عنه أيضًا في البريد غير المرغوب فيه.",
        "again": "إرسال رمز جديد",
        "other_address": "إدخال عنوان آخر",
        "done": "تم تسجيلك",
        "done_more": (
            "ستصلك الرسائل المتعلقة بـ {place} عبر {channel} من الآن فصاعدًا. في حالة الطوارئ اتصل"
            " دائمًا بالرقم 999."
        ),
        "by_sms": "رسالة نصية",
        "by_voice": "مكالمة هاتفية",
        "by_email": "البريد الإلكتروني",
        "my_choices": "اختياراتي",
        "sign_in": "تسجيل الدخول",
        "sign_in_why": (
            "أدخل الرقم أو عنوان البريد الإلكتروني الذي أكدته لدينا. نرسل إليك رمزًا: لا توجد كلمة"
            " مرور."
        ),
        "sign_in_label": "رقم المحمول أو رقم الهاتف أو عنوان البريد الإلكتروني",
        "registered_before": "هل سجلت من قبل؟ سجل الدخول",
        "begin_again": "البدء من جديد",
        "form_gone": "لم تعد هذه الصفحة مفتوحة",
        "form_gone_more": "مرت أكثر من ساعة، أو تم هذا بالفعل.",
        "wrong_area_unknown": "ابحث عن مكان واختره",
        "wrong_topic_missing": "اختر موضوعًا واحدًا أو أكثر",
        "wrong_topic_unknown": "اختر مواضيع من القائمة",
        "wrong_channel_unknown": "اختر كيف نصل إليك",
        "wrong_consent_missing": "ضع علامة في المربع إذا كنت تريد الرسائل، وإلا فغادر هذه الصفحة",
        "wrong_address_missing": "اكتب رقمك أو عنوانك",
        "wrong_number_invalid": "هذا ليس رقم هاتف: اكتبه هكذا 07700 900123",
        "wrong_number_too_short": "هناك أرقام ناقصة: اكتبه هكذا 07700 900123",
        "wrong_number_too_long": "هناك أرقام زائدة: اكتبه هكذا 07700 900123",
        "wrong_number_not_allowed": (
            "لا يمكننا استخدام الأرقام المميزة أو القصيرة أو أرقام الخدمات"
        ),
        "wrong_number_not_reachable": "هذا الرقم موجود في الأفلام والمسرحيات فقط",
        "wrong_country_closed": "أدخل رقمًا من المملكة المتحدة أو اختر البريد الإلكتروني",
        "wrong_landline": "هذا الرقم لا يستقبل رسائل نصية: اختر مكالمة هاتفية",
        "wrong_email_invalid": "هذا ليس عنوان بريد إلكتروني: اكتبه هكذا name@example.org",
        "wrong_email_domain": "لا يمكن إرسال البريد إلى هناك: اكتب عنوانًا مثل name@example.org",
        "wrong_code_wrong": "هذا ليس الرمز: تحقق مرة أخرى واكتب الأرقام الستة",
        "wrong_code_tried_too_often": "كُتبت خمسة رموز خاطئة: اطلب رمزًا جديدًا",
        "wrong_code_expired": "استُخدم هذا الرمز أو انتهت صلاحيته: اطلب رمزًا جديدًا",
        "wrong_too_many_codes": "طُلبت رموز كثيرة جدًا: انتظر قليلًا ثم حاول مرة أخرى",
        "wrong_codes_spent": (
            "لا يمكن إرسال المزيد من الرموز بهذه الطريقة اليوم: جرب طريقة أخرى أو غدًا"
        ),
        "wrong_form_stale": "لم يتم شيء: أرسل النموذج مرة أخرى",
        "saved": "تم الحفظ. رسالتك التالية تتبع هذه الاختيارات.",
        "follow": "يُحفظ كل جزء على حدة وفورًا: الرسالة التالية تتبعه.",
        "ways": "كيف نصل إليك",
        "is_stopped": "متوقف",
        "not_chosen": "غير مستخدم",
        "stop_one": "إيقاف: {way}",
        "start_one": "استئناف: {way}",
        "use": "أي منها نستخدم؟",
        "first": "أيها أولًا؟",
        "save": "حفظ",
        "add_way": "إضافة طريقة أخرى",
        "my_place": "مكاني",
        "place_point": "المكان المحدد المسجل لك.",
        "place_none": "لا يوجد: تصلك الرسائل الموجهة إلى الجميع فقط.",
        "place_change": "اختيار مكان آخر",
        "my_topics": "مواضيعي",
        "severity": "درجة الخطورة",
        "severity_label": "أخبروني عن",
        "severity_all": "كل شيء",
        "severity_Extreme": "ما يهدد حياة كثيرين فقط",
        "severity_Severe": "الخطر الشديد وما فوقه",
        "severity_Moderate": "الخطر المحتمل وما فوقه",
        "severity_Minor": "الخطر القليل وما فوقه",
        "language": "اللغة",
        "language_label": "أرسلوا الرسائل إلي، حيث توجد ترجمة، باللغة",
        "quiet": "ساعات الهدوء",
        "quiet_why": (
            "ما يمكن تأجيله ينتظر حتى تنتهي. أما التحذيرات من الخطر على الحياة فتصل في أي ساعة."
            " اترك الوقتين فارغين لإلغائها."
        ),
        "quiet_begin": "من (ساعات ودقائق، مثل 22:00)",
        "quiet_end": "حتى (مثل 07:00)",
        "quiet_zone": "حسب توقيت",
        "stop_head": "إيقاف كل الرسائل",
        "stop_why": (
            "لن تصلك أي رسالة بعد الآن، حتى عند الخطر. يمكنك البدء من جديد هنا في أي وقت."
        ),
        "stop_all": "إيقاف كل الرسائل الآن",
        "start_head": "البدء من جديد",
        "start_all": "البدء من جديد",
        "all_stopped": "لقد أوقفت كل الرسائل. لن يصلك شيء، حتى عند الخطر.",
        "stopped_now": "تم الإيقاف ويسري من الآن.",
        "started_now": "تم الاستئناف.",
        "leave": "تسجيل الدخول الحالي",
        "sessions": "عدد الأجهزة التي سجلت الدخول عليها: {number}.",
        "sign_out": "تسجيل الخروج",
        "sign_out_all": "تسجيل الخروج من كل الأجهزة",
        "wrong_quiet_hours_invalid": "اكتب الساعات هكذا 22:00 و07:00",
        "my_messages": "رسائلي",
        "messages_none": "لم تصلك أي رسالة منا بعد.",
        "line_delivered": "تم التسليم عبر {way}، {time}.",
        "line_accepted": "أُرسلت عبر {way}، {time}.",
        "line_in_doubt": "أُرسلت عبر {way}، {time}؛ ولا يُعرف إن كانت قد وصلت.",
        "my_data": "كل ما نحتفظ به عنك",
        "my_data_why": "جهات اتصالك واختياراتك وموافقاتك وما أوقفته والرسائل المرسلة إليك.",
        "take_json": "تنزيل بصيغة JSON",
        "take_csv": "تنزيل كجدول (CSV)",
        "add_way_why": "نرسل رمزًا إليه قبل استخدامه.",
        "get_messages": "تلقي الرسائل نصيًا أو هاتفيًا أو بالبريد الإلكتروني",
        "wrong_language_unknown": "اختر لغة من القائمة",
        "sample": "أرسلوا إلي عينة",
        "sample_sent": "العينة في الطريق.",
        "last_month": "ماذا كان سيعني هذا في الشهر الماضي",
        "month_why": (
            "في آخر 30 يومًا أُرسل من هنا هذا العدد من الرسائل: {number}. وفق اختياراتك الآن كان"
            " سيصلك:"
        ),
        "month_sum": "الرسائل: {number}. ليلًا: {night}.",
        "month_topic": "الموضوع",
        "month_number": "الرسائل",
        "month_night": "ليلًا",
        "month_waited": "بعد ساعات الهدوء",
        "wrong_postcode_unknown": "لا نعرف هذا الرمز البريدي: ابحث باسم مكانك",
        "delete": "احذفوني",
        "delete_why": (
            "نمحو اسمك وجهات اتصالك ومكانك واختياراتك نهائيًا، ولن تصلك أي رسائل بعد ذلك، حتى عند"
            " الخطر. يبقى أن رسائل قد أُرسلت دون ذكر لمن. يمكنك التسجيل من جديد في أي وقت."
        ),
        "delete_now": "احذفوني نهائيًا",
        "deleted": "تم حذفك",
        "deleted_more": "لا نحتفظ بأي شيء يمكننا الوصول إليك من خلاله.",
        "registrations": "أكثر من تسجيل واحد",
        "registrations_why": (
            "هل سجلت مرتين، مثلًا في منزلك وكمتجر؟ اجمع التسجيلات فيصلك ما ليس عاجلًا مرة "
            "واحدة ويذكر لأي منها. أما تحذيرات الخطر على الحياة فتصل إلى كل وسائل الاتصال في "
            "جميعها."
        ),
        "registrations_see": "عرض تسجيلاتي وجمعها",
        "registrations_joined": "مجموع مع هذا التسجيل",
        "registrations_part": "افصل تسجيلاتي من جديد",
        "registrations_add": "اجمع تسجيلًا آخر لي",
        "registrations_add_why": (
            "أعط رقم التسجيل الآخر أو بريده الإلكتروني. نرسل إليه رمزًا. وإيقاف كل الرسائل "
            "يوقفها عندئذ للتسجيلين."
        ),
        "came_joined": "تم الجمع. ما ليس عاجلًا يصل مرة واحدة من الآن.",
        "came_nobody_else": "لا يوجد تسجيل آخر يصل إليه هذا العنوان. لم يتغير شيء.",
        "came_several": (
            "عدة تسجيلات تصل إلى هذا العنوان، فلا يمكننا معرفة أيها لك. لم يتغير شيء."
        ),
        "came_apart": "هذا التسجيل قائم بذاته من جديد.",
        "kind_resident": "ساكن",
        "kind_business": "منشأة",
        "kind_partner": "شريك",
        "kind_officer": "ضابط",
    }
)

RESIDENT_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        tag: with_choices(tag, words)
        for tag, words in ((ENGLISH, _ENGLISH), ("cy", _WELSH), ("ar", _ARABIC))
    }
)
"""Every phrase of these pages, by the language's tag; who reads another language gets English."""

LANGUAGE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "cy": "Cymraeg",
        "pl": "Polski",
        "ro": "Română",
        "es": "Español",
        "pt": "Português",
        "fr": "Français",
        "it": "Italiano",
        "bn": "বাংলা",
        "gu": "ગુજરાતી",
        "pa": "ਪੰਜਾਬੀ",
        "tr": "Türkçe",
        "ar": "العربية",
        "ur": "اردو",
        "ta": "தமிழ்",
        "fa": "فارسی",
        "so": "Soomaali",
        "lt": "Lietuvių",
        "el": "Ελληνικά",
        "ru": "Русский",
        "zh": "中文",
        "bg": "Български",
        "sq": "Shqip",
    }
)
"""The languages that messages may come in, each by its own name."""
