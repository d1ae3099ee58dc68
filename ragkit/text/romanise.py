"""Cyrillic and Greek in Latin letters, for models that read nothing else.

Names and loan words are much the same in all languages once they are in one alphabet: of *Пантерс* an English
embedder makes single letters, of *Panters* nearly what it makes of *Panthers*.

Source: BGN/PCGN romanisation of Russian (1947), with the soft and the hard sign left out, as names in English
texts have them; the further letters of Ukrainian, Belarusian, Serbian, Macedonian and Greek one by one after
the systems of the same series.
"""

from __future__ import annotations

_LETTERS = (
    "аa бb вv гg дd еe ёyo жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ыy эe юyu яya "
    "іi їyi єye ґg ўw ђdj јj љlj њnj ћc џdz ѓgj ќkj ѕdz "
    "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs ςs τt υy φf χch ψps ωo άa έe ήi ίi όo ύy ώo ϊi ϋy"
)
_LOWER = {pair[0]: pair[1:] for pair in _LETTERS.split()} | {"ъ": "", "ь": ""}
_TABLE = str.maketrans(_LOWER | {own.upper(): latin.capitalize() for own, latin in _LOWER.items()})


def romanised(text: str) -> str:
    """The text with its Cyrillic and Greek letters in Latin ones; all else stays as it is.

    >>> romanised("Сколько очков уступила защита Пантерс?")
    'Skolko ochkov ustupila zashchita Panters?'
    """
    return text.translate(_TABLE)
