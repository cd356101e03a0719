// Says that its table ends after the first field.
#include "bent.h"

FAKE_PLUGIN([] { bent::plugin.size = 8; })
