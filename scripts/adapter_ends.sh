#!/bin/sh
# Runs the tests of the adapters to LangChain or LlamaIndex against the oldest and the newest version that
# pyproject.toml allows, each in a fresh environment below FOLDER; LangChain's own standard tests are among them.
#   sh scripts/adapter_ends.sh langchain|llamaindex [FOLDER] [PYTHON]
set -eu
library=$1 folder=${2:-.venv-ends} python=${3:-python3}

run() {
    name=$library-$1
    shift
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
    "$folder/$name/bin/python" -m pip install --quiet -e . httpx "hypothesis>=6.100" "pytest>=8.2" "$@"
    echo "--- $name: $("$folder/$name/bin/python" -m pip list 2>/dev/null | grep -E '^(langchain|llama)' | tr -s ' \n' ' ;')"
    # The first LlamaIndex does not look for the words that it brings in its own folder.
    NLTK_DATA=$(echo "$folder/$name"/lib/python3*/site-packages/llama_index/core/_static/nltk_cache)
    export NLTK_DATA
    # LangChain's standard tests bring a plugin that warns of its own settings, and the first LlamaIndex of
    # its range was written for an older pydantic.
    "$folder/$name/bin/python" -m pytest -q -p no:cacheprovider -p no:asyncio -W "ignore:The 'validate_default'" \
        "tests/connectors/$library" "tests/connectors/test_$library.py"
}

case $library in
    langchain)
        run oldest "langchain-core==1.0.0" "langchain-text-splitters==1.0.0" "langchain-classic==1.0.0" "langchain-tests==1.0.0"
        run newest "langchain-core<2" langchain-text-splitters langchain-classic langchain langchain-tests
        ;;
    llamaindex)
        run oldest "llama-index-core==0.14.0"
        run newest "llama-index-core<0.15"
        ;;
    *) echo "adapter_ends.sh: unknown library '$library': expected langchain or llamaindex" >&2; exit 2 ;;
esac
