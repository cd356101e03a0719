// Nothing is bent: proves that the fakes' foundation passes every case.
#include "bent.h"

FAKE_PLUGIN([] {})
