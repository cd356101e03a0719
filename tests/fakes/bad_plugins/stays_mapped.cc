// Linked so that it is never unloaded.
#include "bent.h"

FAKE_PLUGIN([] {})
