"""The terms of BM25: what a document is indexed under, and what a query looks for.

Both sides go through the same `Analyzer`, so a word of a query finds the word of a document in whatever form
it stands there:

- the text is normalised (`ragkit.text.normalize`) and cut into words; letters of another alphabet that only
  look like the word's own are put right;
- stop words go, unless the text consists of them; short words in capitals (IT, US, ПО) are no stop words;
- words are stemmed by the language of their script in this text; in a mixed text Cyrillic words get the
  Cyrillic language and Latin words the Latin one;
- a compound (`max_length`, `maxLength`, `max-length`, `fastapi.Query`, `--reload`) gives one term for the
  whole, the same for the first three spellings, and one for each part, so either finds the other. Every one
  of them counts towards the length of a document, so a page of code is somewhat longer than its words
  (nDCG@10 on SciFact: whole and parts 0.697, parts alone 0.685, whole alone 0.672);
- numbers have one spelling: `10,000` is `10000`, `3,5` is `3.5`, `v1.2.3` is `1.2.3`;
- scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) and Korean give pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, pairwise
from typing import Final

import Stemmer

from ragkit.errors import ConfigError
from ragkit.text.language import likely_in_script
from ragkit.text.normalize import normal_form
from ragkit.text.stem import SNOWBALL, stem
from ragkit.text.stopwords import STOP_WORDS, stop_words

# Raise it with any change of the terms: indexes made with another version are refused or rebuilt.
VERSION: Final = 1

_CACHED_WORDS = 50_000
_MAX_TERM, _MAX_COMPOUND = 64, 160
# Vowel signs and other marks that \w leaves out, of the scripts that need them inside words.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0900-\u0963\u0971-\u0df3\u0e31-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc"
    "\u0ec8-\u0ece\u102b-\u103e\u1056-\u1060\u17b4-\u17d3\u3099\u309a"
)
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = f"[\\w{_MARKS}]"
_GROUPED = r"\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(?:[.,]\d+)?(?![\w,])"
_TOKEN = re.compile(
    rf"(?<![\w.,]){_GROUPED}|\d+,\d+(?![\w,])|(?:(?<![\w-])--(?=\w))?{_WORD}++(?:[-.'@&]{_WORD}++)*+(?:\+\+|#)?"
)
_CJK_RUN = re.compile(f"([{_UNSPACED}]+)")
_SEPARATORS = re.compile(r"[-.'@&_+#]+")
_CAMEL = re.compile(r"(?<=[a-zа-я0-9])(?=[A-ZА-Я])|(?<=[A-ZА-Я])(?=[A-ZА-Я][a-zа-я])")
_PLURAL_OF_CAPITALS = re.compile("[A-Z]{2,}s")
_NAME_AND_NUMBER = re.compile(r"([^\W\d_]{2,})(\d+(?:\.\d+)*)")
_VERSION = re.compile(r"[vV]?(\d+(?:\.\d+)+)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_ABBREVIATIONS = frozenset({"e.g", "i.e", "т.е", "т.д", "т.п", "т.к", "z.b", "d.h"})
_CLITICS = frozenset({"s", "t", "d", "m", "ll", "re", "ve"})
_ELISIONS = frozenset(
    {"c", "d", "j", "l", "m", "n", "s", "t", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "un", "dell", "all"}
    | {"dall", "nell", "sull", "coll", "quest", "quell", "sant", "degl", "gl"}
)
_LATIN_TO_CYRILLIC = str.maketrans("aceopxykmtbhABCEHKMOPTXYi", "асеорхукмтвнАВСЕНКМОРТХУі")
_CYRILLIC_TO_LATIN = str.maketrans("асеорхуіАВСЕНКМОРТХУІ", "aceopxyiABCEHKMOPTXYI")
_CYRILLIC_LETTER = re.compile("[\u0400-\u04ff]")
_LATIN_LETTER = re.compile("[a-zA-Z\u00c0-\u024f]")
_FOREIGN_LETTER = re.compile("[\u0370-\u1dff\u3040-\ufaff]")
_SCRIPT_CHANGE = re.compile("(?<=[\u0400-\u04ff])(?=[a-zA-Z])|(?<=[a-zA-Z])(?=[\u0400-\u04ff])")
_PERSIAN = re.compile("[پچژگیک]")

_BY_BLOCK = (
    (0x250, "latin"), (0x370, "other"), (0x400, "el"), (0x530, "cyrillic"), (0x590, "hy"), (0x600, "he"),
    (0x780, "arabic"), (0x900, "other"), (0x980, "hi"), (0xB80, "other"), (0xC00, "ta"), (0x1E00, "other"),
    (0x1F00, "latin"), (0x2000, "el"),
)  # fmt: skip
CYRILLIC_LANGUAGES: Final = frozenset({"ru", "uk", "be", "bg", "sr", "mk", "kk"})
_OTHER_SCRIPTS = frozenset(
    {"ar", "fa", "ur", "el", "he", "hi", "hy", "ta", "th", "zh", "ja", "ko", "ne", "yi"}
)
LANGUAGES: Final = frozenset(SNOWBALL) | frozenset(STOP_WORDS) | CYRILLIC_LANGUAGES | _OTHER_SCRIPTS


class Analyzer:
    """Turns a text into the terms of BM25, alike for documents and for queries.

    Args:
        language: an ISO 639-1 code that fixes the stemmer of its script, or "auto": each text is looked at,
            and a short or unclear one is taken as English in Latin letters and as Russian in Cyrillic ones.
        language_hint: the language expected where a text itself does not tell, with "auto".
        remove_stop_words: whether stop words are left out.
        stemming: whether words are reduced to stems.

    Deterministic and safe to share between threads. `fingerprint` names everything the terms depend on; an
    index records it and must be rebuilt when it changes. Raises ConfigError for an unknown language.

    >>> Analyzer().terms("Риски кассового разрыва") == Analyzer().terms("риск: кассовый разрыв")
    True
    >>> Analyzer().terms("maxLength of fastapi.Query")
    ['maxlength', 'max', 'length', 'fastapi.query', 'fastapi', 'queri']
    """

    def __init__(
        self,
        language: str = "auto",
        *,
        language_hint: str | None = None,
        remove_stop_words: bool = True,
        stemming: bool = True,
    ):
        for code in (language, language_hint):
            if code is not None and code != "auto" and code not in LANGUAGES:
                known = ", ".join(sorted(LANGUAGES))
                raise ConfigError(f"bm25: unknown language {code!r}. Expected 'auto' or one of: {known}")
        self.language = language
        self.language_hint = None if language_hint == "auto" else language_hint
        self._remove_stop_words = remove_stop_words
        self._stemming = stemming
        self._vocabularies: dict[tuple[str, str, str, bool], _Vocabulary] = {}

    @property
    def fingerprint(self) -> str:
        """Version and settings; equal fingerprints give equal terms for equal texts."""
        options = f"stop_words={int(self._remove_stop_words)} stemming={int(self._stemming)}"
        languages = f"language={self.language} hint={self.language_hint}"
        return f"ragkit-bm25/{VERSION} {languages} {options} snowball={Stemmer.version()}"

    def terms(self, text: str, *, language_hint: str | None = None) -> list[str]:
        """The terms of `text` in the order of its words, repeated as often as they occur.

        `language_hint` (with "auto" only) is the language to assume where this text does not tell, for
        example that of the document a short passage was cut from; an unknown one is ignored. The terms of a
        compound stand next to each other, the whole first.
        """
        plain = normal_form(text)
        if plain.isupper():
            plain = _lower(plain, self.language)
        latin, cyrillic, arabic = self._languages(plain, language_hint or self.language_hint)
        tokens = _TOKEN.findall(plain)
        found = self._vocabulary(latin, cyrillic, arabic, self._remove_stop_words)
        terms = list(chain.from_iterable(map(found.__getitem__, tokens)))
        if not terms and tokens:
            # "The Who" and "to be or not to be" are looked for too.
            every = self._vocabulary(latin, cyrillic, arabic, False)
            terms = list(chain.from_iterable(map(every.__getitem__, tokens)))
        return terms

    def _languages(self, plain: str, hint: str | None) -> tuple[str, str, str]:
        if self.language != "auto":
            cyrillic = self.language if self.language in CYRILLIC_LANGUAGES else "ru"
            latin = self.language if self.language not in CYRILLIC_LANGUAGES | _OTHER_SCRIPTS else "en"
            return latin, cyrillic, "fa" if self.language == "fa" else "ar"
        latin = hint if hint in SNOWBALL and hint not in CYRILLIC_LANGUAGES | _OTHER_SCRIPTS else "en"
        cyrillic = hint if hint in CYRILLIC_LANGUAGES else "ru"
        arabic = "ar"
        if not plain.isascii():
            if _CYRILLIC_LETTER.search(plain):
                cyrillic = likely_in_script(plain, "cyrillic", usual=cyrillic)
            if hint == "fa" or _PERSIAN.search(plain):
                arabic = "fa"
        if _LATIN_LETTER.search(plain):
            # A few Latin words in another script are mostly names, and need more evidence than prose does.
            odds_log = 8.0 if _FOREIGN_LETTER.search(plain) else 3.0
            latin = likely_in_script(plain, "latin", usual=latin, odds_log=odds_log)
        return latin, cyrillic, arabic

    def _vocabulary(self, latin: str, cyrillic: str, arabic: str, without_stop_words: bool) -> _Vocabulary:
        key = (latin, cyrillic, arabic, without_stop_words)
        found = self._vocabularies.get(key)
        if found is None:
            languages = {"latin": latin, "cyrillic": cyrillic, "arabic": arabic}
            found = self._vocabularies[key] = _Vocabulary(languages, without_stop_words, self._stemming)
        return found


class _Vocabulary(dict[str, tuple[str, ...]]):
    """Words as they stand in a text → their terms, found out at the first sight of a word and kept.

    The cache is emptied when it is full: a rare pause, no bookkeeping for each word, and nothing that threads
    could break, since the worst they do is to find out a word twice.
    """

    def __init__(self, languages: dict[str, str], without_stop_words: bool, stemming: bool):
        super().__init__()
        self._languages = languages
        self._stemming = stemming
        self._stop_words = {
            script: stop_words(language) if without_stop_words else frozenset()
            for script, language in [*languages.items(), *((code, code) for code in _OTHER_SCRIPTS)]
        }

    def __missing__(self, token: str) -> tuple[str, ...]:
        if len(token) > 1 and _CJK_RUN.search(token):
            return tuple(chain.from_iterable(map(self._run, _CJK_RUN.split(token))))
        terms = self._terms(token)
        if len(token) <= _MAX_TERM:
            if len(self) >= _CACHED_WORDS:
                self.clear()
            self[token] = terms
        return terms

    def _run(self, run: str) -> tuple[str, ...]:
        if not run or not _CJK_RUN.match(run):
            return self[run.strip("-.'@&_")] if run.strip("-.'@&_") else ()
        letters = run.casefold()
        return (letters,) if len(letters) == 1 else tuple(a + b for a, b in pairwise(letters))

    def _terms(self, token: str) -> tuple[str, ...]:
        if token.isalpha() and (token[1:].islower() or token.islower()) and not _mixes_scripts(token):
            return self._word(token)
        if token[0].isdecimal() and ("," in token or " " in token):
            return _number(token)
        if version := _VERSION.fullmatch(token):
            return (_digits(version[1]),)
        if token.startswith("--"):
            return (_joined(token), *self._terms(token[2:]))
        if _INITIALS.fullmatch(token):
            lower = token.lower()
            return () if lower in _ABBREVIATIONS else (lower.replace(".", ""),)
        if _PLURAL_OF_CAPITALS.fullmatch(token):
            return self._word(token.lower())
        if "'" in token and (word := _without_clitic(token, self._stop_words["latin"])) is not None:
            return self._terms(word) if word else ()
        return self._compound(token)

    def _compound(self, token: str) -> tuple[str, ...]:
        pieces = [_one_script(piece) for piece in _SEPARATORS.split(token) if piece]
        cut = [_CAMEL.sub(" ", _SCRIPT_CHANGE.sub(" ", piece)).split(" ") for piece in pieces]
        parts = [part for part in chain.from_iterable(cut) if part]
        if not parts:
            return ()
        if token[-1] in "+#" and len(parts) == 1:
            return (token.casefold()[:_MAX_TERM],)
        if len(parts) == 1:
            return self._part(parts[0])
        if len(token) > _MAX_COMPOUND:
            return tuple(chain.from_iterable(map(self._part, parts)))
        whole = _joined(token if len(pieces) > 1 else "".join(parts))
        if whole.isalpha():
            whole = "".join(self._word(whole, may_stop=False))
        longer = (part for part in parts if len(part) > 1 or part.isdecimal())
        terms = chain((whole,), *map(self._part, longer))
        return tuple(dict.fromkeys(terms))

    def _part(self, part: str) -> tuple[str, ...]:
        named = _NAME_AND_NUMBER.fullmatch(part)
        return self._word(part) + (self._word(named[1]) + self._word(named[2]) if named else ())

    def _word(self, word: str, *, may_stop: bool = True) -> tuple[str, ...]:
        script = _script_of(word)
        language = self._languages.get(script, script)
        lower = _lower(word, language)
        capitals = 2 <= len(word) <= 3 and word.isupper()
        if may_stop and not capitals and lower in self._stop_words.get(script, ()):
            return ()
        # Words with digits are names of things; marks make \w words of other scripts not alphabetic.
        if self._stemming and (lower.isalpha() or script not in ("latin", "cyrillic")):
            lower = stem(lower[:_MAX_TERM], language)
        return (_digits(lower)[:_MAX_TERM],)


def _lower(word: str, language: str) -> str:
    if language == "tr":
        return word.replace("I", "ı").replace("İ", "i").lower()
    # Outside Turkish, İ lowers to i and a combining dot that nobody types.
    return word.casefold().replace("i\u0307", "i")


def _script_of(word: str) -> str:
    point = ord(word[0])
    if point < 0x250:
        return "latin"
    for end, script in _BY_BLOCK:
        if point < end:
            return script
    return "other"


def _mixes_scripts(word: str) -> bool:
    return not word.isascii() and bool(_CYRILLIC_LETTER.search(word)) and bool(_LATIN_LETTER.search(word))


def _one_script(word: str) -> str:
    """`word` with look-alike letters of the other alphabet put right, unless it truly mixes two alphabets."""
    if not _mixes_scripts(word):
        return word
    cyrillic, latin = word.translate(_LATIN_TO_CYRILLIC), word.translate(_CYRILLIC_TO_LATIN)
    options = [option for option in (cyrillic, latin) if not _mixes_scripts(option)]
    if len(options) == 2 and len(_LATIN_LETTER.findall(word)) > len(_CYRILLIC_LETTER.findall(word)):
        return latin
    return options[0] if options else word


def _joined(token: str) -> str:
    """The one spelling of a compound: without hyphens and underscores, other signs kept."""
    prefix = "--" if token.startswith("--") else ""
    return (prefix + token.casefold().replace("-", "").replace("_", "").replace("'", ""))[:_MAX_TERM]


def _without_clitic(token: str, stops: frozenset[str]) -> str | None:
    """What is left of `user's` or `l'homme`: the word, "" for a stop word, None if it is another compound."""
    lower = token.casefold()
    if lower in stops:
        return ""
    head, _, tail = token.rpartition("'")
    if tail.casefold() in _CLITICS and head:
        return head
    head, _, tail = token.partition("'")
    return tail if head.casefold() in _ELISIONS and tail else None


def _number(token: str) -> tuple[str, ...]:
    digits = _digits(token)
    if " " in digits:
        # Grouping by spaces is a guess, so the groups are terms as well.
        return (digits.replace(" ", "").replace(",", "."), *digits.replace(",", ".").split(" "))
    head, _, tail = digits.partition(",")
    if len(tail.partition(".")[0].split(",")[0]) == 3 and len(head) <= 3:
        return (digits.replace(",", ""),)
    return (f"{head}.{tail}",)


def _digits(word: str) -> str:
    """`word` with the decimal digits of every script as ASCII ones."""
    if word.isascii() or word.isalpha():
        return word
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)
