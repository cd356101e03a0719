// Speaks ABI 2 under the symbol of ABI 1.
#include "bent.h"

const serval_entry serval_entry_v1 = {
    SERVAL_MAGIC, 2, 0, sizeof(serval_entry), 0, 0, good_entry.descriptor, good_entry.create};
