// The note in the file names another plugin than the entry does.
#include "bent.h"

static const serval_descriptor other = [] {
  serval_descriptor d = *good_entry.descriptor;
  d.id = "org.serval.tests.someone-else";
  return d;
}();

const serval_entry serval_entry_v1 = {
    SERVAL_MAGIC, SERVAL_ABI_MAJOR, SERVAL_ABI_MINOR, sizeof(serval_entry), 0, 0,
    &other,       good_entry.create};
