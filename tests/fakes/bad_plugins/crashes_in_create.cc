// Follows a null pointer before it has done anything.
#include "bent.h"

static const char* volatile nothing = nullptr;

FAKE_PLUGIN([] { bent::host.abi_minor = uint16_t(*nothing); })
