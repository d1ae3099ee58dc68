"""Cyrillic and Greek in Latin letters, for models that read nothing else.

Names and loan words are much the same in all languages once they are in one alphabet: of *Пантерс* an English
embedder makes single letters, of *Panters* nearly what it makes of *Panthers*.

Source: BGN/PCGN romanisation of Russian (1947), with the soft and the hard sign left out, as names in English
texts have them; the further letters of Ukrainian, Belarusian, Serbian, Macedonian and Greek one by one after
the systems of the same series. The letters of Kazakh, Tatar, Bashkir, Tajik and Mongolian become what English
has for them in names (*Ақтөбе*, *Aktobe*); one with an accent that is no letter of its own loses it.
"""

from __future__ import annotations

import unicodedata

_LETTERS = (
    "аa бb вv гg дd еe ёyo жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ыy эe юyu яya "
    "әa ғg қk ңng өo ұu үu һh ҳh ҷj җj ҡk ҙz ҫs "
    "іi їyi єye ґg ўw ђdj јj љlj њnj ћc џdz ѓgj ќkj ѕdz "
    "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs ςs τt υy φf χch ψps ωo άa έe ήi ίi όo ύy ώo ϊi ϋy"
)
_LOWER = {pair[0]: pair[1:] for pair in _LETTERS.split()} | {"ъ": "", "ь": ""}
_PLAIN = _LOWER | {own.upper(): latin.capitalize() for own, latin in _LOWER.items()}
_BASES = {
    c: unicodedata.normalize("NFD", c)[0] for c in map(chr, (*range(0x370, 0x530), *range(0x1F00, 0x2000)))
}
_TABLE = str.maketrans({c: _PLAIN[base] for c, base in _BASES.items() if base in _PLAIN} | _PLAIN)


def romanised(text: str) -> str:
    """The text with its Cyrillic and Greek letters in Latin ones; all else stays, composed (NFC).

    >>> romanised("Сколько очков уступила защита Пантерс?")
    'Skolko ochkov ustupila zashchita Panters?'
    """
    return unicodedata.normalize("NFC", text).translate(_TABLE)
