#!/bin/sh
# The ABI gate passes for the headers as they are, and refuses each of some typical changes.
#   gate_test.sh <plugin-api folder>
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1/abi/check.sh" > /dev/null

refuses() { # FILE SED_EXPRESSION
  rm -rf "$work/api"
  mkdir "$work/api"
  cp -r "$1/include" "$1/abi" "$work/api"
  sed -i "$3" "$work/api/include/serval/$2"
  if cmp -s "$work/api/include/serval/$2" "$1/include/serval/$2"; then
    echo "the change '$3' changes nothing" >&2
    exit 1
  fi
  if "$work/api/abi/check.sh" > "$work/out" 2>&1; then
    echo "the gate lets '$3' in $2 pass" >&2
    exit 1
  fi
  grep -q "The ABI has changed" "$work/out" || { cat "$work/out" >&2; exit 1; }
}
refuses "$1" request.h 's/uint64_t deadline_ns;/uint64_t until_ns;/'
refuses "$1" request.h 's/int32_t priority;/uint32_t priority;/'
refuses "$1" types.h 's/char message\[240\]/char message[256]/'
refuses "$1" ext/progress.h 's/uint32_t per_mille/uint64_t per_mille/'
refuses "$1" plugin.h 's/void (\*model_close)(void\* model);/serval_status (*model_close)(void* model);/'
