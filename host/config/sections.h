// The keys of each table of the configuration file.
#pragma once

#include "host/config/key_visitor.h"
#include "host/config/server_config.h"

namespace serval::host {

void visit_server(KeyVisitor& keys, ServerSection& section);
void visit_tls(KeyVisitor& keys, TlsSection& section);
void visit_limits(KeyVisitor& keys, LimitsSection& section);
void visit_auth(KeyVisitor& keys, AuthSection& section);
void visit_log(KeyVisitor& keys, LogSection& section);
void visit_plugins(KeyVisitor& keys, PluginsSection& section);
void visit_model(KeyVisitor& keys, ModelSpec& spec);  // without the tables queue and config
void visit_queue(KeyVisitor& keys, QueueLimits& queue);

}  // namespace serval::host
