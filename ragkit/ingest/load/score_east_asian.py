"""How likely a text is Chinese, Japanese or Korean.

Each charset was laid out by how common its characters are, so a character's place tells much: the first level
of GB 2312, Big5 and JIS X 0208 holds the characters of daily use. The most frequent ones are listed here.
The shares are rounded from counts over a few hundred pages each; they have to tell a text from the same bytes
read in another charset, where characters fall anywhere.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

from ragkit.ingest.load.scores import ASCII, Score

_HAN = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使"
    "情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化"
    "老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反"
    "受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且"
)
_HAN_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方"
    "多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使"
    "情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化"
    "老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反"
    "受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且"
)
_KANJI = (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手"
    "米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協"
    "取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川"
    "向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基"
)
_SYLLABLES = (
    "이다는에의을가고하지은로한를도사기있어서인대자정시수그나일해보부라것리들으전원주상과아제만장구성스게면여니안비동신소국적"
    "했었습된되될년공경우관화용와중모무문미발방법본분생선세실연오요위유음입재조진체치학행현회후까데때마말며물및바반변불"
    "속순식십알않야약양언업없였영예운월든개러드크트르노간거계교당러려력록료명목민배백북산살설업질차천청초최추출통표품필함합"
)


def score_chinese(text: str) -> Score:
    """The score of `text`, which was read in GB 18030, as Chinese in simplified characters."""
    return _score(text, _simplified())


def score_traditional(text: str) -> Score:
    """The score of `text`, which was read in Big5, as Chinese in traditional characters."""
    return _score(text, _traditional())


def score_japanese(text: str) -> Score:
    """The score of `text`, which was read in Shift-JIS or EUC-JP, as Japanese."""
    return _score(text, _japanese())


def score_korean(text: str) -> Score:
    """The score of `text`, which was read in EUC-KR, as Korean."""
    return _score(text, _korean())


_Table = Mapping[str, float]
_RARE = -13.0
# The mean of natural text is -6.5 to -8; any bytes read as such give -11 and less.
_PLAUSIBLE = -9.0
_MIN_LETTERS = 3
# A mark in the middle of a Latin word is a letter of another charset.
_BY_LATIN = -6.0


def _score(text: str, table: _Table) -> Score:
    total, judged, strange, n_marks, of_wide, previous = 0.0, 0, 0, 0, 0.0, ""
    for c in text:
        if c.isascii():
            total += ASCII
        else:
            log = table.get(c, -15.0)
            judged += 1
            strange += log <= _RARE
            n_marks += c in _NO_WORDS
            if previous.isalpha() and previous.isascii() and c in _NO_WORDS:
                log += _BY_LATIN
            total += log
            of_wide += log
        previous = c
    if judged - n_marks < _MIN_LETTERS or of_wide / judged < _PLAUSIBLE:
        strange = 4 * max(judged, 1)
    # Names and terms have rare characters, up to some in a hundred.
    return Score(total, judged=judged, strange=strange // 4)


def _table(shares: list[tuple[str, float]]) -> _Table:
    """Each group of characters shares its part of a text evenly; the first group that has one counts."""
    table: dict[str, float] = {}
    for letters, share in shares:
        new = [c for c in dict.fromkeys(letters) if c not in table]
        table |= dict.fromkeys(new, math.log(share / len(new)))
    return table


def _level(charset: str, first: int, last: int, trails: range) -> str:
    """The characters of a charset whose first byte is in a range, in its order."""
    places = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in trails)
    return "".join(place.decode(charset, errors="ignore") for place in places)


_EUC = range(0xA1, 0xFF)
_BIG5 = range(0x40, 0xFF)
_MARKS = "，。、；：？！（）《》「」『』“”‘’—…·〈〉【】　〜・％"
_NO_WORDS = frozenset(_MARKS)
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))


@functools.cache
def _simplified() -> _Table:
    return _table(
        [
            (_HAN[:110], 0.36),
            (_HAN, 0.22),
            (_MARKS, 0.12),
            (_level("gb2312", 0xB0, 0xD7, _EUC), 0.26),
            (_WIDE, 0.01),
            (_level("gb2312", 0xD8, 0xF7, _EUC), 0.004),
            (_level("gb2312", 0xA1, 0xA9, _EUC), 0.001),
        ]
    )


@functools.cache
def _traditional() -> _Table:
    return _table(
        [
            (_HAN_TRADITIONAL[:110], 0.36),
            (_HAN_TRADITIONAL, 0.22),
            (_MARKS, 0.12),
            (_level("big5", 0xA4, 0xC6, _BIG5), 0.27),
            (_WIDE, 0.01),
            (_level("big5", 0xC9, 0xF9, _BIG5), 0.004),
            (_level("big5", 0xA1, 0xA3, _BIG5), 0.001),
        ]
    )


@functools.cache
def _japanese() -> _Table:
    hiragana, katakana = "".join(map(chr, range(0x3041, 0x3094))), "".join(map(chr, range(0x30A1, 0x30FD)))
    return _table(
        [
            ("のにはをたがでてとしれさいるなもかすあまっりこられんくうきけだよえそ", 0.42),
            (_MARKS, 0.10),
            (hiragana, 0.03),
            (katakana, 0.15),
            (_KANJI, 0.19),
            (_level("euc_jp", 0xB0, 0xCF, _EUC), 0.10),
            (_WIDE, 0.01),
            (_level("euc_jp", 0xD0, 0xF4, _EUC), 0.002),
            (_level("euc_jp", 0xA1, 0xA8, _EUC), 0.001),
            ("".join(map(chr, range(0xFF61, 0xFFA0))), 0.0001),
        ]
    )


@functools.cache
def _korean() -> _Table:
    return _table(
        [
            (_SYLLABLES[:60], 0.45),
            (_SYLLABLES, 0.30),
            (_level("euc_kr", 0xB0, 0xC8, _EUC), 0.22),
            (_MARKS, 0.02),
            (_WIDE, 0.003),
            (_level("euc_kr", 0xCA, 0xFD, _EUC), 0.003),
            (_level("euc_kr", 0xA1, 0xAC, _EUC), 0.002),
        ]
    )
