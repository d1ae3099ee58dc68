"""The language of a question in words, for a prompt in English."""

from __future__ import annotations

from ragkit.text.language import guess_language

_SURE = 0.5
_NAMES = {
    "ar": "Arabic", "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "hy": "Armenian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ka": "Georgian",
    "kk": "Kazakh", "ko": "Korean", "lt": "Lithuanian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def question_language(question: str) -> str:
    """The language that an answer is to be in; named only where it is beyond doubt.

    >>> question_language("Wie lange gilt die Garantie für das Gerät?")
    'German, the language of the question'
    >>> question_language("API limits?")
    'the language of the question'
    """
    guess = guess_language(question)
    name = _NAMES.get(guess.code) if guess.confidence > _SURE else None
    return f"{name}, the language of the question" if name else "the language of the question"
