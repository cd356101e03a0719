// Lets an exception out.
#include <stdexcept>

#include "bent.h"

FAKE_PLUGIN([] { throw std::runtime_error("nobody catches this"); })
