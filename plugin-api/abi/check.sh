#!/bin/sh
# Compares the headers with the ABI that was released.
#   plugin-api/abi/check.sh [--refresh]
# --refresh writes the baseline anew: only for an addition that goes with a new SERVAL_ABI_MINOR.
# Needs gcc and abigail-tools (abidw, abidiff). CC chooses another compiler.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
baseline=$here/v1.0.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$here/.."
"${CC:-gcc}" -std=c11 -g -fPIC -shared -Iinclude abi/carrier.c -o "$work/libserval_abi.so"
if [ "${1:-}" = --refresh ]; then
  abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-architecture \
    --out-file "$baseline" "$work/libserval_abi.so"
  echo "wrote $baseline"
  exit 0
fi

# Any difference is refused, also an addition: the promise of docs/abi.md is kept by looking at it.
if abidiff --harmless --no-show-locs --no-architecture "$baseline" "$work/libserval_abi.so"; then
  echo "the ABI is that of $(basename "$baseline")"
else
  echo "The ABI has changed. An addition at the end of a table, with a new SERVAL_ABI_MINOR, is" >&2
  echo "written down with: plugin-api/abi/check.sh --refresh. Anything else needs a new major." >&2
  exit 1
fi
