"""A virtual environment for each library, made once for its requirements and kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
ROOT = Path(__file__).parents[3]
OURS = "ragkit"
PEERS = ("llamaindex", "haystack", "langchain", "txtai")
_LAST_LINES = 3

# One thread each, nothing sent anywhere, nothing fetched from anywhere.
QUIET = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")},
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGCHAIN_TRACING_V2": "false",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}

_COUNT = """
import importlib.metadata as m, json, pathlib, sysconfig
found = {d.metadata["Name"].lower(): d.version for d in m.distributions()}
for tool in ("pip", "setuptools", "wheel"): found.pop(tool, None)
place = pathlib.Path(sysconfig.get_paths()["purelib"])
skip = ("pip", "pip-", "setuptools", "pkg_resources", "_distutils_hack")
size = sum(f.stat().st_size for top in place.iterdir() if not top.name.startswith(skip)
           for f in ([top] if top.is_file() else top.rglob("*"))
           if f.is_file() and f.suffix != ".pyc")
print(json.dumps({"packages": found, "mb": size / 1e6}))
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a library is installed, or why it could not be.

    Args:
        name: the library's.
        python: its interpreter; None where the installation failed.
        packages: versions by name, without pip and setuptools.
        mb: megabytes of its packages, compiled files not counted.
        problem: the last lines of a failed installation.
    """

    name: str
    python: str | None
    packages: Mapping[str, str]
    mb: float = 0.0
    problem: str = ""


def environment(name: str, folder: Path) -> Environment:
    """The environment of a library; it is made if there is none for these requirements.

    That of ragkit is made for its source as it is now.
    """
    requirements = _requirements(name)
    place = folder / f"{name}-{_digest(requirements)}"
    done = place / "environment.json"
    if not done.exists():
        found = _made(name, requirements, place)
        if found.python is None:
            return found
        done.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    return Environment(**json.loads(done.read_text(encoding="utf-8")))


def existing(name: str, folder: Path) -> Environment | None:
    """The environment if it was made before."""
    place = folder / f"{name}-{_digest(_requirements(name))}" / "environment.json"
    return Environment(**json.loads(place.read_text(encoding="utf-8"))) if place.exists() else None


def quiet(code: Path, hash_seed: int = 0) -> dict[str, str]:
    """The variables of a measured process.

    Args:
        code: a folder that holds `evals` and no `ragkit`, so that what is installed is measured.
        hash_seed: of Python's own hashes.
    """
    return {**os.environ, **QUIET, "PYTHONPATH": str(code), "PYTHONHASHSEED": str(hash_seed)}


def default_folder() -> Path:
    """Where environments are kept unless the caller says."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "ragkit-peers"


def _requirements(name: str) -> str:
    if name == OURS:
        return _source_digest()
    return (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")


def _source_digest() -> str:
    """Changes with every file that is installed."""
    digest = hashlib.sha256()
    sources = (p for top in ("ragkit", "connectors") for p in (ROOT / top).rglob("*") if p.is_file())
    for path in sorted([ROOT / "pyproject.toml", *sources]):
        if "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digest(requirements: str) -> str:
    seen = f"{sys.version_info[:2]}\n{requirements}"
    return hashlib.sha256(seen.encode()).hexdigest()[:10]


def _made(name: str, requirements: str, place: Path) -> Environment:
    print(f"{name}: making an environment, once", file=sys.stderr, flush=True)
    venv.create(place, with_pip=True, clear=True)
    python = str(place / "bin" / "python")
    wanted = [str(ROOT)] if name == OURS else ["-r", str(REQUIREMENTS / f"{name}.txt")]
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-input", *wanted], capture_output=True, text=True
    )
    if installed.returncode:
        last = [line for line in installed.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        return Environment(name, None, {}, problem=" ".join(last))
    site = next((place / "lib").glob("python*/site-packages"))
    subprocess.run([python, "-m", "compileall", "-q", str(site)], capture_output=True, check=False)
    counted = subprocess.run([python, "-c", _COUNT], capture_output=True, text=True, check=True)
    return Environment(name, python, **json.loads(counted.stdout))
