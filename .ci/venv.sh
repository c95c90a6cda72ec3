# The virtual environment .venv, with bedplate installed editable; sourced by setup.sh.

# A stamp tells what .venv was made from: its interpreter, this folder, pyproject.toml. It is written last.
venv_ready() {
    local kind=$1 name interpreter folder made wanted
    [ "$kind" = run ] || kind=test
    [ -x .venv/bin/doit ] || return 1
    IFS= read -r -d '' wanted < pyproject.toml || true
    for name in "$kind" test; do
        [ -r ".venv/bedplate-$name" ] || continue
        { read -r interpreter; IFS= read -r folder; IFS= read -r -d '' made; } < ".venv/bedplate-$name" || true
        [ -x "$interpreter" ] && [ "$folder" = "$PWD" ] && [ "$made" = "$wanted" ] && return 0
    done
    return 1
}

find_python() {
    local name path version=
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        path=$(command -v $name) || continue
        if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>> "$log"; then
            python=$path
            return
        fi
        version=${version:-$("$path" -c 'import platform; print(platform.python_version())' 2>> "$log" || true)}
    done
    [ -n "$version" ] || return 0
    fail "Python $version ($(command -v python3)) is too old: bedplate needs 3.10 or newer" \
        "put a newer python3 first in PATH; Debian 12 and Ubuntu 22.04 bring one, on macOS: brew install python"
}

make_venv() {
    local kind=$1 interpreter folder name extra=
    # one that was cut short, or that was moved here from another folder, can't be mended
    for name in run test; do
        [ -r .venv/bedplate-$name ] || continue
        { read -r interpreter; IFS= read -r folder; } < .venv/bedplate-$name || true
        [ -x "$interpreter" ] && [ "$folder" = "$PWD" ] || : > .venv/bedplate-unfinished
    done
    if [ -d .venv ] && { [ -e .venv/bedplate-unfinished ] || ! venv_usable; }; then
        rm -rf .venv
    fi
    mkdir -p .venv
    : > .venv/bedplate-unfinished
    rm -f .venv/bedplate-run .venv/bedplate-test
    [ -x .venv/bin/python ] || "$python" -m venv .venv || return 1
    if [ "$kind" != run ]; then
        extra=.venv/test-requirements.txt
        list_test_packages > $extra || return 1
    fi
    .venv/bin/python -m pip install --disable-pip-version-check -q -e . ${extra:+-r $extra} || return 1
    interpreter=$(.venv/bin/python -c 'import os, sys; print(os.path.realpath(sys.executable))') || return 1
    { echo "$interpreter"; echo "$PWD"; cat pyproject.toml; } > .venv/stamp
    [ -z "$extra" ] || cp .venv/stamp .venv/bedplate-test
    mv .venv/stamp .venv/bedplate-run
    rm .venv/bedplate-unfinished
}

venv_usable() { .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 10))'; }

# `pip install --group test` needs pip 25.1; Debian 12 has 23.0
list_test_packages() {
    .venv/bin/python - << 'END'
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["dependency-groups"]["test"], sep="\n")
END
}
