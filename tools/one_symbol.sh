#!/bin/sh
# usage: one_symbol.sh OBJECT...
# Fails unless each object defines exactly one linkable symbol: its table. A second one, usually an
# inline function of a header, could be picked by the linker for code that runs on an older CPU.
status=0
for object in "$@"; do
  symbols=$(nm --defined-only --extern-only "$object" | awk '{print $3}')
  if [ "$(printf '%s\n' "$symbols" | grep -c .)" -ne 1 ]; then
    printf '%s defines:\n%s\n' "$object" "$symbols" | c++filt >&2
    status=1
  fi
done
exit $status
