"""What stages that ask a chat model for JSON share: the prompt and its settings, and how a reply is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from ragkit.chat import Completion
from ragkit.errors import ConfigError
from ragkit.models.json_schema import json_in, problems
from ragkit.settings import ChatModelRef, Settings
from ragkit.text.language import detect_language
from ragkit.text.template import Places, Template, built_in, load_template
from ragkit.text.thoughts import without_thoughts

_ENDS = {
    "content_filter": "the provider's filter withheld the reply",
    "length": "the reply was cut at max_tokens",
}


class AskingSettings(Settings):
    """Settings of a stage that asks a chat model with a prompt."""

    # What a prompt of the stage must have, and may have.
    places: ClassVar[Places] = Places(("question",))
    llm: ChatModelRef = Field(description="Name of the chat model under `models:`.")
    prompt: Path | None = Field(
        None, description="A prompt of your own; `ragkit prompt --node NAME` shows ours."
    )
    language: Literal["auto", "en", "ru"] = Field(
        "auto", description="Of the prompt: auto is Russian for Russian questions, else English."
    )
    max_tokens: int = Field(400, ge=1, description="Tokens that the model's reply may have.")
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="0 asks for the most likely text.")

    @field_validator("prompt")
    @classmethod
    def _is_a_prompt(cls, prompt: Path | None) -> Path | None:
        if prompt is not None:
            try:
                load_template(prompt, cls.places)
            except ConfigError as e:
                raise ValueError("; ".join(e.problems)) from e
        return prompt

    def own_template(self) -> Template | None:
        """The prompt of the one who configured it, where there is one.

        Raises:
            ConfigError: it is not there any more, or was changed into none.
        """
        return None if self.prompt is None else load_template(self.prompt, self.places)

    def template(self, own: Template | None, package: str, name: str, question: str) -> Template:
        """The prompt that is used for a question: `own`, or the one of that name in a package's `prompts`."""
        if own is not None:
            return own
        told = detect_language(question) if self.language == "auto" else self.language
        return built_in(package, name, told, self.places)


def read_json(done: Completion, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object of a completion, also where words stand around it.

    Raises:
        ValueError: there is none, or it is not of the schema.

    >>> done = Completion('Here: {"a": 1}', model="m", finish_reason="stop")
    >>> read_json(done, {"type": "object"})
    {'a': 1}
    """
    text = without_thoughts(done.text)
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json_in(text[start : end + 1] if 0 <= start < end else text)
    except ValueError as e:
        why = _ENDS.get(done.finish_reason)
        raise ValueError(why or f"the reply is no JSON: {e}") from e
    problem = next(problems(value, schema), None)
    if problem is None and not isinstance(value, Mapping):
        problem = "$: expected object"
    if problem is not None:
        raise ValueError(f"the reply is not what was asked for: {problem}")
    told: Mapping[str, Any] = value
    return told
