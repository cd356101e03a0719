/* Carries every type of the ABI into one object's debug information, for abidw and abidiff. */
#include <serval/ext/metrics.h>
#include <serval/ext/progress.h>
#include <serval/ext/schema.h>
#include <serval/plugin.h>

/* One function for all: what it takes is what the ABI consists of. Drafts are left out, they may
 * change. */
SERVAL_EXPORT void serval_abi_carrier(const serval_entry* entry, const serval_note* note,
                                      const serval_host* host, const serval_plugin* plugin,
                                      const serval_ext_metrics* metrics,
                                      const serval_ext_progress* progress,
                                      const serval_ext_schema* schema);

void serval_abi_carrier(const serval_entry* entry, const serval_note* note, const serval_host* host,
                        const serval_plugin* plugin, const serval_ext_metrics* metrics,
                        const serval_ext_progress* progress, const serval_ext_schema* schema) {
  (void)entry;
  (void)note;
  (void)host;
  (void)plugin;
  (void)metrics;
  (void)progress;
  (void)schema;
}
