from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.config.load import load_config
from ragkit.config.masking import is_sensitive, without_credentials
from ragkit.errors import ConfigError
from ragkit.secrets import Secret
from ragkit.settings import Settings

TEXT = """\
ragkit: 1
models: {{embed: {{use: embed/remote, {settings}}}}}
stores: {{local: store/local}}
collection: {{store: local, embed: embed}}
query: {{plan: query/route}}
"""
ENV = {"KEY": "sk-verysecret", "URL": "https://bob:hunter2@host/", "N": "0"}


class Server(Settings):
    key: Secret
    spare: Secret | None = None


def load(settings: str) -> Any:
    return load_config(TEXT.format(settings=settings), env=ENV)


def described(settings: str) -> Any:
    return load(settings).describe()["models"]["embed"]


@given(st.text(min_size=1).map(lambda text: f"sk!{text}"))
def test_a_secret_shows_nowhere(text: str) -> None:
    server = Server(key=text)  # type: ignore[arg-type]
    dumped = json.loads(server.model_dump_json())
    assert dumped["key"] == "***"
    for shown in (repr(server), str(server), f"{server.key}", f"{server.key:>40}", "%s" % server.key):  # noqa: UP031
        assert text not in shown


def test_a_secret_reveals_itself_on_request() -> None:
    server = Server(key=Secret("abc"))
    assert server.key.reveal() == "abc"
    assert server.key == Secret("abc") != Secret("abd")
    assert len({Secret("a"), Secret("a")}) == 1
    assert copy.deepcopy(server).key == server.key
    assert not Secret("")


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not written to a pickle"):
        pickle.dumps(Secret("abc"))


def test_a_secret_is_a_text_in_the_schema() -> None:
    schema = Server.model_json_schema()["properties"]["key"]
    assert schema == {"title": "Key", "type": "string", "format": "password", "writeOnly": True}


def test_a_secret_of_another_type_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError) as caught:
        Server(key=12345678)  # type: ignore[arg-type]
    assert "expected" in str(caught.value) or "valid" in str(caught.value)


@pytest.mark.usefixtures("toys")
class TestDescription:
    def test_a_variable_is_shown_by_its_name(self) -> None:
        assert described('url: "${URL}", api_key: "${KEY}"')["url"] == "${URL}"
        assert described('url: "${URL}", api_key: "${KEY}"')["api_key"] == "${KEY}"

    def test_a_key_in_the_file_is_not_shown(self) -> None:
        assert described("url: u, api_key: sk-infile")["api_key"] == "***"
        assert described('url: u, api_key: "${NO:-sk-infile}"')["api_key"] == "***"
        assert described('url: u, api_key: "sk-${KEY}"')["api_key"] == "***"

    def test_credentials_in_an_address_are_not_shown(self) -> None:
        assert described("url: 'https://bob:pw@host/x'")["url"] == "https://***@host/x"

    def test_a_header_that_carries_a_key_is_not_shown(self) -> None:
        shown = described('url: u, headers: {Authorization: Bearer abc, Accept: "*", X: "${KEY}"}')["headers"]
        assert shown == {"Authorization": "***", "Accept": "*", "X": "${KEY}"}

    def test_defaults_are_written_out(self) -> None:
        assert described("url: u")["timeout"] == 30.0
        assert described("url: u")["api_key"] is None

    def test_nothing_of_the_environment_is_in_it_nor_in_a_repr(self) -> None:
        config = load('url: "${URL}", api_key: "${KEY}", hosts: ["${URL}", b], headers: {a: "${KEY}"}')
        for shown in (repr(config), str(config.models["embed"]), json.dumps(config.describe())):
            assert "sk-verysecret" not in shown
            assert "hunter2" not in shown

    def test_the_settings_themselves_hold_the_values(self) -> None:
        settings = load('url: "${URL}", api_key: "${KEY}"').models["embed"].settings
        assert settings.api_key.reveal() == "sk-verysecret"
        assert settings.url == ENV["URL"]


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    "settings",
    [
        'url: ["${KEY}"], api_key: [sk-infile]',
        'url: u, api_key: "${KEY}", timeout: "${KEY}"',
        'url: u, batch: "${KEY}", api_kye: sk-infile',
        'url: u, batch: "${N}", hosts: "${KEY}"',
        "url: u, api_key: {a: sk-infile}",
    ],
)
def test_a_mistake_does_not_show_a_secret(settings: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(settings)
    assert "sk-" not in str(caught.value)
    assert "sk-" not in repr(caught.value)


@pytest.mark.parametrize(
    "key", ["api_key", "API-KEY", "apikey", "token", "db_password", "client_secret", "pg_dsn"]
)
def test_names_of_secrets_are_known(key: str) -> None:
    assert is_sensitive(key)


@pytest.mark.parametrize(
    "key", ["max_tokens", "budget_tokens", "keyword", "key_field", "tokenizer", "k", "model"]
)
def test_other_names_are_not_taken_for_secrets(key: str) -> None:
    assert not is_sensitive(key)


def test_a_key_in_the_query_of_an_address_is_not_shown() -> None:
    shown = without_credentials("at https://host/v1?api-version=3&api-key=sk-1&Sig=a%2Fb#top")
    assert shown == "at https://host/v1?api-version=3&api-key=***&Sig=***#top"


def test_an_address_without_credentials_stays() -> None:
    assert without_credentials("see http://host/a@b") == "see http://host/a@b"
