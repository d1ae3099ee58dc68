"""An index in a folder that cannot be written is answered from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = """
import os, sys
import ragkit
folder = sys.argv[1]
with ragkit.open(folder, create=False) as rag:  # as the owner: everything that is needed gets imported
    first = rag.ask("Which plan offers SAML single sign-on?").text
os.chmod(folder, 0o555)
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
assert not os.access(folder, os.W_OK)
with ragkit.open(folder, create=False) as rag:
    assert rag.ask("Which plan offers SAML single sign-on?").text == first
    assert rag.status().documents > 40
    try:
        rag.ingest([ragkit.Document("new", "A new text.")], progress=False)
    except ragkit.StoreError as e:
        print(type(e).__name__, e)
"""


def test_a_folder_that_cannot_be_written_can_be_asked(handbook_index: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        index = folder / "index"
        shutil.copytree(handbook_index, index)
        for path in index.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(index)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ},
        )
        assert done.returncode == 0, done.stderr
        assert "StoreError" in done.stdout
    finally:
        (folder / "index").chmod(0o755)
        shutil.rmtree(folder)
