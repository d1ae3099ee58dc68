"""What kind of answer a question asks for, and which places of a text are of it, in English and Russian.

>>> kind_of("How long is the warranty?"), kind_of("Кто утверждает пересчёт?")
('duration', 'person')
>>> [found.of("Brno, since May 2024") for found in places_of("date", "Brno, since May 2024")]
['May 2024']
"""

from __future__ import annotations

import re
from typing import Final, Literal

from ragkit.types import Span

Kind = Literal[
    "person", "place", "date", "duration", "money", "percent", "count", "number", "reason", "manner", "yesno",
    "thing", "other",
]  # fmt: skip

# The first that is found decides, so the narrower ones stand above.
_ASKED: Final[tuple[tuple[Kind, str], ...]] = (
    ("percent", r"what (?:percentage|percent|share|proportion|fraction)|how many percent"
                r"|как(?:ой|ая|ую) (?:процент|доля|долю|часть)|сколько процентов"),
    ("money", r"how much (?:money|does \w+(?: \w+){0,6} (?:cost|pay|charge)|(?:is|was|did|would) .*"
              r"(?:cost|pay|worth|paid))|what (?:\w+ )?(?:price|fee|cost|costs|salary|amount of money|reward"
              r"|fine)\b|what does .* cost|how expensive|сколько (?:стоит|стоят|стоила|стоило|стоили"
              r"|будет стоить)"
              r"|сколько (?:денег|рублей|долларов|евро)|(?:какова|какая|какую|какой) (?:\w+ )?(?:цена|цену"
              r"|стоимость|плата|плату|штраф|сумма|сумму)|за какую (?:цену|сумму)|во сколько об(?:ошл|ойд)"),
    ("duration", r"how (?:long|often|soon|frequently)|how (?:many|much) (?:\w+ )?(?:seconds?|minutes?|hours?"
                 r"|days?|weeks?|months?|years?|decades?|centuries|time)\b|for what (?:time|period)"
                 r"|what (?:is the )?(?:time limit|period|duration|deadline|timeout|frequency)"
                 r"|как (?:долго|часто|скоро|быстро)|сколько (?:времени|секунд|минут|часов|дней|недель"
                 r"|месяцев"
                 r"|лет|годов|суток)|(?:за|в течение) как(?:ое|ой|ого) (?:время|времени|срок|периода?)"
                 r"|(?:каков|какой|в какой) (?:\w+ )?срок|через сколько|на сколько (?:времени|дней|лет)"),
    ("date", r"(?:^|\W)when\b|(?:what|which) (?:year|date|day|days|month|century|decade|era|period"
             r"|season|time"
             r"|quarter)\b|since when|until when|what (?:was|is) the (?:\w+ )?(?:year|date)\b|как скоро"
             r"|когда\b"
             r"|(?:в|на|с|до|к|от|какого|по) ?как(?:ом|ой|ого|ие|ое|ую|им) (?:году?|года|годы|день|дни"
             r"|дня|дату|даты"
             r"|дате|месяц\w*|век\w*|столети\w*|врем\w+|период\w*|эпох\w+|десятилети\w*)|какого (?:числа"
             r"|года)"
             r"|(?:какая|какой|каков[аоы]?) (?:был[аои]? )?(?:дат[аы]|год|день)"),
    ("count", r"how (?:many|much|large|big|small|high|tall|deep|wide|far|fast|old|heavy|hot|cold|late"
              r"|early|strong"
              r"|close|near|thick|great|few|little)\b|what (?:is|was|are|were) the (?:\w+ )?(?:number"
              r"|size|population"
              r"|height|length|width|weight|distance|speed|temperature|rate|limit|maximum|minimum"
              r"|capacity|age"
              r"|amount|total|ratio|score|value|average|density|area|volume|depth)\b|what (?:number|size"
              r"|weight"
              r"|population|speed|temperature|distance|age)\b|сколько\b|скольких|насколько|как (?:далеко"
              r"|велик\w*"
              r"|высок\w*|глубок\w*)|во сколько раз|(?:каков[аоы]?|как(?:ая|ой|ое|ую"
              r"|ова)) (?:\w+ )?(?:численность"
              r"|размер|высота|длина|ширина|вес|масса|расстояние|скорость|температура|предел|лимит|число"
              r"|количество|площадь|объ[её]м|население|возраст|плотность|вместимость|максим\w+|миним\w+)"),
    ("number", r"(?:what|which) (?:port|version|versions|release|status|code|number|model|error)\b"
               r"|on which port"
               r"|(?:как(?:ой|ая|ие|ую|ом)|номер) (?:порт\w*|верси\w*|код\w*|номер\w*|статус\w*)"),
    ("person", r"(?:^|\W)(?:who|whom|whose)\b|(?:what|which) (?:person|people|man|woman|king|queen|emperor"
               r"|president|minister|scientist|author|artist|actor|actress|player|leader|general|philosopher"
               r"|mathematician|scholar|physicist|chemist|pope|role|team|company|organization|group|bishop"
               r"|name|professor|governor|singer|inventor|director|party)\b|what (?:is|was) the (?:last "
               r"|first |full )?name"
               r"|(?:^|\W)(?:кто|кого|кому|кем|ком|чей|чья|чьё|чьи|чьим)\b|как(?:ой|ая|ие|ого|ому|им"
               r"|ую) (?:\w+ )?(?:человек"
               r"|король|император\w*|президент\w*|уч[её]н\w+|автор\w*|актер\w*|игрок\w*|лидер\w*"
               r"|генерал\w*|философ\w*|роль"
               r"|команд\w+|компани\w+|организаци\w+|групп\w+|математик\w*|физик\w*|химик\w*)"
               r"|как (?:звали|зовут|называ\w+)"),
    ("place", r"(?:^|\W)where\b|(?:what|which) (?:country|countries|city|cities|state|states|place"
              r"|places|region"
              r"|continent|town|river|street|island|area|building|location|county|province|district|ocean|sea"
              r"|mountain|nation|address|folder|directory|page|stadium|university|college|school)\b|(?:^"
              r"|\W)(?:где|куда"
              r"|откуда)\b|как(?:ой|ая|ом|ую|их|ие|ое|ими|ого) (?:\w+ )?(?:стран\w+|город\w*|штат\w*"
              r"|мест\w+|регион\w*|континент\w*"
              r"|рек[аиуе]|улиц\w+|остров\w*|район\w*|здани\w+|провинци\w+|округ\w*|мор[еяю]"
              r"|государств\w+|папк\w+"
              r"|стадион\w*|университет\w*)"),
    ("reason", r"(?:^|\W)why\b|what (?:is|was|were|are) the (?:\w+ )?(?:reasons?|causes?|purpose)"
               r"|what (?:caused"
               r"|causes|led to)|for what reason|(?:^|\W)(?:почему|зачем|отчего)\b|по какой причине"
               r"|из-за чего"
               r"|(?:какова|какие|что (?:было|стало|является)) (?:\w+ )?(?:причин\w+|цель\w*)|что вызвало"),
    ("manner", r"(?:^|\W)how (?:do|does|did|can|could|to|should|is|are|was|were|may|must|would|will|has"
               r"|have)\b"
               r"|what (?:should|must|do|can) (?:i|we|you) (?:do|use|run|type)|(?:^|\W)как (?!(?:ой|ая"
               r"|ое|ие)\b)\w+"
               r"|каким образом|что (?:нужно|надо|следует )?(?:с?делать)|с чего начать"),
    ("yesno", r"^\W*(?:is|are|was|were|do|does|did|can|could|may|must|has|have|had|should|will|would|am)\b"
              r"|(?:^|\w )ли\b|^можно\b|^нужно ли|^есть ли"),
    ("thing", r"(?:^|\W)(?:what|which)\b|(?:^|\W)(?:что|чего|чему|чем|каков[аоы]?|какие|какой|какая"
              r"|какое|каких"
              r"|каким|какими|какого|какую|каком|какому|какова|котор\w+)\b"),
)  # fmt: skip
_KINDS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKED)

_DIGITS = r"(?<![\w.,])[-−–]?\d+(?:[  \u202f]\d{3}(?!\d))*(?:[.,:/]\d+)*"
_IN_WORDS = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen"
    r"|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?"
    r"|dozens?|half"
    r"|once|twice|one-third|two-thirds|quarter|один|одна|одно|одного|одной|два|две|двух|три|тр[её]х"
    r"|четыре|четыр[её]х"
    r"|пять|пяти|шесть|шести|семь|семи|восемь|восьми|девять|девяти|десять|десяти|одиннадцать|двенадцать"
    r"|двенадцати"
    r"|пятнадцать|двадцать|двадцати|тридцать|тридцати|сорок|пятьдесят|сто|ста|двести|триста|тысяч\w*"
    r"|половин\w+|треть"
    r"|четверть|дважды|трижды|десятк\w+|сотн\w+|полтора"
)
_NUMERAL = rf"(?:{_DIGITS}|\b(?:{_IN_WORDS})\b(?:[- ](?:{_IN_WORDS}|and)\b)*)"
_SCALE = (
    r"(?:[ \u00a0-]?(?:thousand|million|billion|trillion|hundred|dozen|тыс\.?|тысяч\w*"
    r"|миллион\w*|миллиард\w*|млн\.?|млрд\.?))"
)
_NUMBER = rf"{_NUMERAL}{_SCALE}?"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?|январ[яьье]|феврал[яье]|март[ае]?|апрел[яье]"
    r"|ма[яйе]"
    r"|июн[яье]|июл[яье]|август[ае]?|сентябр[яье]|октябр[яье]|ноябр[яье]|декабр[яье])"
)
_DAY = (
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|понедельник\w*|вторник\w*|сред[ауыеоы]м?|четверг\w*"
    r"|пятниц\w+|суббот\w+|воскресень\w+|будни\w*|weekdays?|weekends?)"
)
_YEAR = r"(?:1\d{3}|20\d{2})(?:[-–](?:\d{4}|\d{2})|s|-[а-я]+)?(?: (?:год[ауыеом]*|гг?\.))?"
_DATE = (
    rf"(?:(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} \d{{1,2}}(?!\d)(?:st|nd"
    rf"|rd|th)?(?:,? {_YEAR})?"
    rf"|{_MONTH},? (?:of )?{_YEAR}|\b{_MONTH}\b|\b{_DAY}\b|(?<![\w$€£.,]){_YEAR}(?!\w)|\b\d{{1,2}}(?:st"
    rf"|nd|rd|th)(?: and \d{{1,2}}"
    r"(?:st|nd|rd|th))? centur(?:y|ies)|\b[XVI]{1,6} век\w*|\b\d{1,2}:\d{2}\b|\b\d{4}-\d{2}-\d{2}\b"
    r"|\b\d{1,2}\.\d{1,2}\.\d{4}\b|\d+ (?:BC|AD|BCE|CE|до н\. ?э\.))"
)
_UNIT_OF_TIME = (
    r"(?:milliseconds?|seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?|centur(?:y"
    r"|ies)|ms|working days?"
    r"|business days?|секунд\w*|минут\w*|час(?:а|ов|у|ы)?|сут(?:ки|ок)|дн(?:я|ей|и)|день|недел\w+"
    r"|месяц\w*|год(?:а|у|ы)?|лет"
    r"|рабочих дн\w+|десятилети\w*|век\w*)"
)
_DURATION = (
    rf"(?:{_NUMBER}(?:[- ](?:working|business|calendar|consecutive|рабочих|рабочих"
    rf"|календарных))?[-  ]{_UNIT_OF_TIME}\b"
    rf"|(?:a|an|one|every|each|раз в|кажды[йе]|кажд\w+) {_UNIT_OF_TIME}\b|\b(?:daily|weekly|monthly"
    rf"|yearly|annually|hourly|quarterly"
    r"|ежедневно|еженедельно|ежемесячно|ежегодно|круглосуточно)\b)"
)
_MONEY = (
    rf"(?:(?:US|A|C)?[$€£¥₽] ?{_DIGITS}{_SCALE}?|{_NUMBER} ?(?:dollars?|euros?|pounds?|cents?|rou?bles?"
    rf"|USD|EUR|GBP|[$€£₽]|руб\.|руб\w*"
    r"|доллар\w*|евро|фунт\w*|цент\w*)|\bfree(?: of charge)?\b|\bбесплатн\w+)"
)
_PERCENT = (
    rf"(?:{_NUMBER}(?:[  ]?%|[  ](?:per ?cent|percent\w*|процент\w*))|(?:one|two|three|a)[- ](?:thirds?|half"
    r"|quarters?|fifths?)|\bhalf\b|половин\w+|треть\w*|четверт\w+)"
)
_NAME = (
    r"(?:[\"“«][^\"”»\n]{2,60}[\"”»]|(?:\b(?:the )?)?(?:[A-ZА-ЯЁ][\w'’.&-]*\w|[A-ZА-ЯЁ]\.)(?: (?:(?:of"
    r"|the|de|von|van|and|der|da|la|le|du|al"
    r"|for) ){0,2}(?:[A-ZА-ЯЁ][\w'’.&-]*\w|[A-ZА-ЯЁ]\.|[IVX]+\b|\d{1,4}\b))*)"
)
_REASON = (
    r"\b(?:because|since|due to|so that|in order to|as a result|owing to|therefore|thus|caused"
    r"|to (?:avoid|prevent|make|keep"
    r"|allow|protect|ensure)|for fear|потому|поскольку|так как|из-за|чтобы|ради|вследствие|благодаря"
    r"|поэтому|вызван\w*"
    r"|по причине|в связи с)\b"
)
_MANNER = (
    r"\b(?:by \w+ing|using|with the (?:command|help)|through|via|run|click|press|open|choose|select|set"
    r"|add|switch|go to|enter|type"
    r"|install|create|use|call|pass|declare|define|нажм\w+|откро\w+|выбер\w+|запуст\w+|введ\w+"
    r"|добавь?\w*|установ\w+|созда\w+"
    r"|использу\w+|перейд\w+|командой|помощью|вызов\w+|путём|путем|укаж\w+|включ\w+|объяв\w+)\b"
)
_PLACES: Final[dict[Kind, re.Pattern[str]]] = {
    "person": re.compile(_NAME),
    "place": re.compile(_NAME),
    "date": re.compile(_DATE, re.IGNORECASE),
    "duration": re.compile(_DURATION, re.IGNORECASE),
    "money": re.compile(_MONEY, re.IGNORECASE),
    "percent": re.compile(_PERCENT, re.IGNORECASE),
    "count": re.compile(_NUMBER, re.IGNORECASE),
    "number": re.compile(_NUMBER, re.IGNORECASE),
    "reason": re.compile(_REASON, re.IGNORECASE),
    "manner": re.compile(_MANNER, re.IGNORECASE),
}


def kind_of(question: str) -> Kind:
    """The kind of answer that a question asks for; `other` for a question that is a list of keywords."""
    return next((kind for kind, pattern in _KINDS if pattern.search(question)), "other")


def places_of(kind: Kind, text: str) -> list[Span]:
    """The places of a text that are of a kind, in order; none for kinds that no pattern tells."""
    pattern = _PLACES.get(kind)
    return [Span(*match.span()) for match in pattern.finditer(text)] if pattern else []
