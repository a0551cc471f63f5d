#!/usr/bin/env bash
# Writes the complete lists cpu.txt, gpu.txt and dev.txt from the .in files (`make lock`).
#
# One list serves Python 3.11 and 3.12: it is resolved for 3.11, then 3.12 must find everything it needs in it.
# Versions already in a list are kept while they fit; to move one, delete its line first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
uv=$PWD/../.venv/bin/uv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

resolve() { # python version, arguments of `uv pip compile`
    local python=$1
    shift
    "$uv" pip compile --quiet --no-header --no-annotate --python-version "$python" \
        --python-platform x86_64-manylinux_2_28 --override leave-out.txt "$@"
}

lock() { # name, further arguments of uv; what stands in $work/NAME.txt is preferred
    local name=$1 missing
    shift
    echo "lock: $name.txt"
    resolve 3.11 "$@" "$name.in" --output-file "$work/$name.txt" >/dev/null
    resolve 3.12 "$@" "$name.in" --constraint "$work/$name.txt" >"$work/3.12"
    missing=$(comm -13 <(sort "$work/$name.txt") <(sort "$work/3.12"))
    if [ -n "$missing" ]; then
        echo "error: requirements/$name.txt, resolved for Python 3.11, lacks what 3.12 needs: ${missing//$'\n'/, }" >&2
        echo "    do: name these packages in requirements/$name.in, then run 'make lock' again" >&2
        exit 1
    fi
    { echo "# Written by 'make lock' from $name.in. Complete: installed without asking for dependencies."
        cat "$work/$name.txt"; } >"$name.txt"
}

for name in cpu gpu dev; do cp "$name.txt" "$work/$name.txt"; done
lock cpu --override leave-out-cpu.txt
# Where vLLM leaves the choice, a GPU gets the versions that were tried on the CPU.
cat cpu.txt gpu.txt >"$work/gpu.txt"
lock gpu
# dev.txt holds only what comes on top.
mapfile -t in_cpu < <(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package=\1/p' cpu.txt)
lock dev --override leave-out-cpu.txt --constraint cpu.txt "${in_cpu[@]}"
