from __future__ import annotations

import pytest

from ragkit import registry
from ragkit.cli import main
from ragkit.errors import ConfigError
from ragkit.ingest.elsewhere import place
from ragkit_connectors.ray import OnRay


@pytest.fixture
def _with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Ray is installed: nothing of it is used here."""
    monkeypatch.setattr(registry, "_is_installed", lambda package: True)


@pytest.mark.parametrize("on", [None, "local"])
def test_this_process_is_no_place_elsewhere(on: str | None) -> None:
    assert place(on) is None


@pytest.mark.usefixtures("_with_ray")
def test_an_address_and_what_is_asked_for_reach_the_place() -> None:
    made = place("ray://head:10001", workers=3, gpus=0.5)
    assert isinstance(made, OnRay)
    assert (made.config.address, made.config.workers, made.config.gpus) == ("ray://head:10001", 3, 0.5)
    assert isinstance(place("ray"), OnRay)


@pytest.mark.usefixtures("_with_ray")
def test_what_cannot_be_is_told() -> None:
    for given, told in (
        ({"on": "local", "workers": 2}, r"workers: of a cluster's.*--on ray"),
        ({"on": None, "workers": 2, "gpus": 1.0}, r"workers and gpus: of a cluster's"),
        ({"on": "rya"}, r"on='rya': no such place\. Did you mean 'ray'\? Expected local, ray, or an address"),
        ({"on": "ray://"}, r"no address of a Ray cluster"),
        ({"on": "ray", "workers": 0}, r"on/ray: workers: .*greater than or equal to 1"),
    ):
        with pytest.raises(ConfigError, match=told):
            place(**given)


def test_the_command_line_refuses_a_place_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "docs", "--on", "spark"]) == 2
    assert "on='spark': no such place" in capsys.readouterr().err
