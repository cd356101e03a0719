// Exports a function of its own besides the entry.
#include "bent.h"

extern "C" SERVAL_EXPORT int extra_function(int x) { return x + 1; }

FAKE_PLUGIN([] {})
