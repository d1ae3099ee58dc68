#!/bin/sh
# Makes a virtual environment and installs ragkit into it: `run` what a user needs, `light` adds what the
# tests need, `all` adds the heavy extras (torch). Uses uv where it is, else pip.
set -eu
venv=$1 python=$2 level=$3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "install.sh: ragkit needs Python 3.11 or newer, $python is $("$python" -V 2>&1); try: make PYTHON=python3.12" >&2
    exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
case "$level" in
    run) extras="" ;;
    light) extras="[formats]" ;;
    all) extras="[formats,chroma,faiss-cpu,langchain,llamaindex,milvus-lite,ragas,rank-bm25,sentence-transformers,train]" ;;
    *) echo "install.sh: unknown level '$level': expected run, light or all" >&2; exit 2 ;;
esac

if command -v uv >/dev/null 2>&1; then
    # uv reads a folder of local wheels under another name than pip does.
    export UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
    install() { uv pip install --quiet --python "$venv/bin/python" "$@"; }
else
    # Dependency groups need pip 25.1.
    "$venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
    install() { "$venv/bin/python" -m pip install --quiet "$@"; }
fi

echo "installing ragkit ($level) into $venv ..."
if [ "$level" = all ]; then
    # Asked for by its exact version first, so that a CPU build at hand is taken and not the CUDA one.
    install "torch==2.13.0"
fi
# In one go: a second call would take newer versions than the first one's packages allow.
case "$level" in
    run) install -e ".$extras" ;;
    light) install -e ".$extras" --group dev --group build ;;
    all) install -e ".$extras" --group dev --group build --group frameworks ;;
esac
