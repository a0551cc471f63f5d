#!/usr/bin/env bash
# Makes the environment in .venv: `requirements/setup.sh` for what runs, `requirements/setup.sh dev` for the checks
# and tests too. `make` calls it before everything else.
#
# A step is done once for a given content of the files that define it: its stamp in .venv/setup holds their hash, so a
# call with nothing to do costs milliseconds, and a step that failed leaves no stamp and is tried again.
#
#   PYTHON=python3.12   the interpreter to build on (3.11 or 3.12); without it python3, python3.12, python3.11 are tried
#   DEVICE=cpu|gpu      which list to install; without it gpu where `nvidia-smi` finds one
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lists=requirements
stamps=.venv/setup
log=.venv/setup/log.txt

say() { printf '%s\n' "$*" >&2; }

die() { # what was found, what to do
    say "error: set-up: $1"
    say "    do: $2"
    exit 1
}

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

find_python() {
    local candidates=(python3 python3.12 python3.11) candidate
    if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi
    for candidate in "${candidates[@]}"; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "no Python 3.11 or 3.12: '${candidates[0]} --version' says '$("${candidates[0]}" --version 2>&1 | tail -n 1)'" \
        "install one of them and name it, for example: make setup PYTHON=/usr/bin/python3.12"
}

make_environment() {
    local python
    [ "$(uname -s)" = Linux ] || die "this is $(uname -s), and vLLM comes ready-built for Linux only" \
        "use a Linux machine, a container or WSL 2"
    if [ -x .venv/bin/pip ] && suits .venv/bin/python; then return; fi
    [ ! -e .venv ] || die ".venv holds no working Python 3.11 or 3.12 with pip" "rm -rf .venv, then the same command again"
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || die "$python cannot make virtual environments" \
        "install its venv module (Debian and Ubuntu: apt-get install python3-venv), then the same command again"
    say "set-up: a new environment in .venv on $("$python" --version)"
    "$python" -m venv .venv
}

find_device() {
    case ${DEVICE:-} in
    cpu | gpu) echo "$DEVICE" ;;
    "") if nvidia-smi -L >/dev/null 2>&1; then echo gpu; else echo cpu; fi ;;
    *) die "DEVICE=$DEVICE" "say DEVICE=cpu or DEVICE=gpu, or leave it out" ;;
    esac
}

settle_place() { # an environment serves one place and one device: its scripts hold the path, its vLLM is of one kind
    local place device
    if [ -f $stamps/place ]; then
        { read -r place && read -r device; } <$stamps/place
        [ "$place" = "$PWD" ] || die "this folder was moved: .venv was made in $place" \
            "rm -rf .venv, then the same command again"
        [ "${DEVICE:-$device}" = "$device" ] || die ".venv was made with DEVICE=$device, now DEVICE=$DEVICE is asked for" \
            "rm -rf .venv, then the same command again"
    else
        device=$(find_device)
        mkdir -p $stamps
        printf '%s\n%s\n' "$PWD" "$device" >$stamps/place
    fi
    echo "$device"
}

step() { # name, the files that define it (one word), command
    local name=$1 files=$2 want began=$SECONDS
    shift 2
    # shellcheck disable=SC2086 # a list of names without spaces
    want=$(cat $files | sha256sum)
    if [ "$(cat "$stamps/$name" 2>/dev/null)" = "$want" ]; then return; fi
    rm -f "$stamps/$name"
    printf 'set-up: %s ... ' "$name" >&2
    if ! "$@" >$log 2>&1; then
        say "failed"
        # Left out: what pip says about configured places, and versions, that were none of its business.
        grep -vE "is ignored: it is neither|^ERROR: Ignored the following versions" $log | tail -n 25 >&2 || true
        die "'$name' did not install; the whole log is $log" \
            "mend what the lines above name (most often: no way to a package index, or a full disk), then the same command again"
    fi
    printf '%s\n' "$want" >"$stamps/$name"
    say "$((SECONDS - began)) s"
}

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

# Bytecode now: some machines and container images forbid writing it later, and vLLM starts three processes, each of
# which then compiles what it imports (20 s instead of 12 s until it is ready).
uv() { .venv/bin/uv pip install --no-progress --compile-bytecode --python .venv/bin/python "$@"; }

# uv asks its own indexes and ignores pip's configuration: where only pip knows the way, pip goes it.
install() { uv --no-deps "$@" || pip install --quiet --no-deps "$@"; }

# The CPU build has the version's name with +cpu. Where pip is configured with a place that has it, that one is taken;
# elsewhere pip fails at once and uv, which knows the PyTorch project's CPU index, fetches it.
install_torch() {
    pip install --quiet --no-deps "$(grep '^torch==' $lists/torch.txt)+cpu" || uv --no-deps --torch-backend=cpu -r $lists/torch.txt
}

unpack_model() { .venv/bin/python -m gristmill.engine.model; }

exec 9<$lists/setup.sh
flock 9 # two makes at once: the second waits, then finds everything done

make_environment
device=$(settle_place)
step uv $lists/uv.txt pip install --quiet -r $lists/uv.txt
if [ "$device" = cpu ]; then step torch $lists/torch.txt install_torch; fi
step packages "$lists/$device.txt" install -r "$lists/$device.txt"
step gristmill pyproject.toml install --no-build-isolation --editable .
if [ "${1:-}" = dev ]; then step dev $lists/dev.txt install -r $lists/dev.txt; fi
step model "$lists/$device.txt gristmill/engine/model.py" unpack_model
