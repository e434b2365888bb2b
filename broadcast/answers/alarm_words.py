"""Words on which an answer is looked at before all others: gun, fire, attack, in every language
that we speak. One too many costs a look, one too few may cost a life, so they are many.

The table AWAITS A NATIVE SPEAKER'S CHECK. A star stands for any ending.
"""

from __future__ import annotations

from broadcast.answers.folding import folded

ALARM_WORDS = {
    "en": "gun*, shot, shots, shoot*, rifle*, pistol*, firearm*, weapon*, armed, knife, knives,"
    " knifed, machete*, sword*, axe, stab*, bomb*, explo*, blast, grenade*, device, fire, fires,"
    " burning, smoke, arson, attack*, terror*, hostage*, kill*, murder*, dead, dying, blood,"
    " bleeding, acid, hurt, injured, unconscious, trapped, kidnap*, abduct*, suicide, emergency,"
    " urgent, ambulance, danger*",
    "cy": "gwn, gynnau, saethu, saethodd, cyllell*, bom, ffrwydr*, tân, mwg, ymosod*, gwystl*,"
    " lladd*, gwaed, argyfwng, perygl*, trywanu",
    "pl": "broń, bronią, pistolet*, strzel*, strzał*, karabin*, nóż, nożem, noża, bomb*, wybuch*,"
    " pożar*, ogień, dym, atak*, napad*, zakładni*, zabi*, krew, ranny, ranni, pomocy,"
    " niebezpiecz*, maczet*",
    "ro": "armă, arma, arme, pistol*, împușc*, cuțit*, bomb*, explo*, foc, incendi*, fum, atac*,"
    " ostatic*, ucis*, omor*, sânge, rănit*, ajutor, pericol*, urgent*",
    "es": "arma*, pistola*, dispar*, tiro*, rifle*, cuchill*, navaja*, machete*, bomba*, explo*,"
    " fuego, incendio*, humo, ataque*, atac*, rehén*, rehenes, mata*, muert*, sangre, herid*,"
    " auxilio, socorro, ayuda, peligro*, urgente",
    "pt": "arma*, pistola*, tiro*, dispar*, faca*, bomba*, explo*, fogo, incêndio*, fumo, fumaça,"
    " ataque*, atac*, refém, reféns, mata*, mort*, sangue, ferid*, socorro, ajuda, perigo*,"
    " urgente",
    "fr": "arme*, pistolet*, fusil*, tir, tirs, tire, coups, couteau*, machette*, bombe*, explo*,"
    " feu, incendie*, fumée, attaque*, attentat*, otage*, tué*, mort, morts, sang, blessé*,"
    " secours, danger*, urgent*",
    "it": "arma, armi, armato, pistola, pistole, fucil*, spar*, coltell*, bomba, bombe, esplo*,"
    " fuoco, incendio, fumo, attacc*, attentat*, ostagg*, uccis*, mort*, sangue, ferit*, aiuto,"
    " soccorso, pericol*, urgente",
    "bn": "বন্দুক*, পিস্তল*, গুলি*, ছুরি*, চাকু*, বোমা*, বিস্ফোরণ*, আগুন*, ধোঁয়া*, হামলা*, আক্রমণ*,"
    " জিম্মি*, খুন*, রক্ত*, আহত*, বাঁচাও, বিপদ*",
    "gu": "બંદૂક*, પિસ્તોલ*, ગોળી*, છરી*, ચપ્પુ*, બોમ્બ*, વિસ્ફોટ*, આગ, ધુમાડો, હુમલો*, હુમલા*, બંધક*,"
    " ખૂન*, લોહી*, ઘાયલ, બચાવો, જોખમ*",
    "pa": "ਬੰਦੂਕ*, ਪਿਸਤੌਲ*, ਗੋਲੀ*, ਚਾਕੂ*, ਛੁਰ*, ਬੰਬ*, ਧਮਾਕ*, ਅੱਗ, ਧੂੰਆਂ, ਹਮਲ*, ਬੰਧਕ*, ਕਤਲ*, ਖੂਨ*, ਜ਼ਖਮੀ,"
    " ਬਚਾਓ, ਖ਼ਤਰ*, ਖਤਰ*",
    "tr": "silah*, tabanca*, tüfek*, ateş*, bıçak*, bomba*, patla*, yangın*, duman*, saldır*,"
    " rehine*, öldür*, ölü*, kan, yaralı*, imdat, yardım*, tehlike*, acil",
    "ar": "سلاح*, مسلح*, مسدس*, بندقية*, رصاص*, سكين*, قنبلة*, انفجار*, نار, حريق*, دخان*, هجوم*,"
    " رهينة*, رهائن*, قتل*, دم, جريح*, جرحى, النجدة, خطر*, طعن*, السلاح, الحريق, النار, الهجوم",
    "ur": "بندوق*, پستول*, گولی*, چاقو*, چھری*, بم, دھماک*, آگ, دھواں, حملہ, حملے, یرغمال*, قتل*,"
    " خون, زخمی*, بچاؤ, خطر*, اسلحہ",
    "ta": "துப்பாக்கி*, கத்தி*, குண்டு*, வெடி*, தீ, நெருப்பு*, புகை*, தாக்குதல்*, தாக்கு*, பணயக்*, கொலை*,"
    " இரத்தம்*, ரத்தம்*, காயம்*, காப்பாற்று*, ஆபத்து*",
    "fa": "اسلحه*, تفنگ*, هفت‌تیر, تیراندازی*, شلیک*, گلوله*, چاقو*, بمب*, انفجار*, آتش*, دود,"
    " حمله*, گروگان*, قتل*, کشت*, خون*, زخمی*, خطر*",
    "so": "qori*, bastoolad*, rasaas*, mindi*, bam, bambo*, qarax*, dab, dabka, qiiq, weerar*,"
    " lahayst*, dil*, dhiig*, dhaawac*, khatar*, hub",
    "lt": "ginkl*, šautuv*, pistolet*, šaud*, šūv*, peil*, bomb*, sprog*, gaisr*, ugnis, dūm*,"
    " užpuol*, atak*, įkait*, nužud*, krauj*, sužeist*, pagalb*, pavoj*",
    "el": "όπλο*, όπλα, πιστόλι*, πυροβολ*, μαχαίρ*, βόμβα*, βόμβες, έκρηξη*, φωτιά*, πυρκαγιά*,"
    " καπνό*, επίθεση*, επιτίθ*, όμηρο*, σκοτώ*, αίμα*, τραυματ*, κίνδυνο*, βοήθεια",
    "ru": "оружи*, пистолет*, ружь*, автомат*, стреля*, выстрел*, нож, ножом, ножа, бомб*, взрыв*,"
    " пожар*, огонь, горит, дым, напад*, атак*, заложник*, уби*, кровь, ранен*, спасите, опасн*,"
    " теракт*",
    "zh": "枪, 槍, 开枪, 刀, 炸弹, 炸彈, 爆炸, 火, 着火, 烟, 袭击, 襲擊, 攻击, 攻擊, 人质, 人質,"
    " 杀, 殺, 血, 救命, 危险, 危險, 受伤, 受傷",
    "bg": "оръжи*, пистолет*, стреля*, изстрел*, нож, ножа, ножове, бомб*, взрив*, експлоз*,"
    " пожар*, огън*, дим, напад*, атак*, заложни*, уби*, кръв, ранен*, опасн*",
    "sq": "armë*, arma*, pistolet*, qëllo*, shtën*, thik*, bomb*, shpërth*, zjarr*, tym*, sulm*,"
    " peng*, vra*, gjak*, plagos*, rrezik*",
}


def _parts(starred: bool) -> frozenset[str]:
    found = set()
    for tag, words in ALARM_WORDS.items():
        for word in words.split(","):
            if tag != "zh" and word.strip().endswith("*") == starred:
                found.add("".join(folded(word)))
    return frozenset(found)


_WHOLE, _STEMS = _parts(starred=False), _parts(starred=True)
_SHORTEST, _LONGEST = min(map(len, _STEMS)), max(map(len, _STEMS))
_SIGNS = tuple(w.strip() for w in ALARM_WORDS["zh"].split(","))


def is_alarming(words: str) -> bool:
    """Return whether an answer holds a word of the table: then it is raised at once."""
    for word in folded(words):
        if word in _WHOLE:
            return True
        if any(word[:n] in _STEMS for n in range(_SHORTEST, min(len(word), _LONGEST) + 1)):
            return True
    return any(sign in words for sign in _SIGNS)
