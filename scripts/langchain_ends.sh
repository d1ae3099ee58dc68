#!/bin/sh
# Runs the tests of the LangChain adapters against the oldest and the newest LangChain that pyproject.toml
# allows, each in a fresh environment below FOLDER, with LangChain's own standard tests for retrievers.
#   sh scripts/langchain_ends.sh [FOLDER] [PYTHON]
set -eu
folder=${1:-.venv-langchain} python=${2:-python3}

run() {
    name=$1
    shift
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
    "$folder/$name/bin/python" -m pip install --quiet -e . httpx "hypothesis>=6.100" "$@"
    echo "--- $name: $("$folder/$name/bin/python" -m pip list 2>/dev/null | grep -E '^langchain' | tr -s ' \n' ' ;')"
    "$folder/$name/bin/python" -m pytest -q -p no:cacheprovider -o asyncio_default_fixture_loop_scope=function \
        -W "ignore::pytest.PytestDeprecationWarning" tests/connectors/langchain tests/connectors/test_langchain.py
}

run oldest "langchain-core==1.0.0" "langchain-text-splitters==1.0.0" "langchain-classic==1.0.0" "langchain-tests==1.0.0"
run newest "langchain-core<2" langchain-text-splitters langchain-classic langchain langchain-tests
