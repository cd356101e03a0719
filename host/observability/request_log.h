// Log lines of requests: who asked what of which model, how it ended, how long it took. Never what
// was in it.
#pragma once

#include <memory>

#include "host/models/registry.h"
#include "host/net/server.h"
#include "host/observability/logger.h"

namespace serval::host {

// One line for an HTTP exchange.
void log_exchange(Logger& logger, const RequestRecord& record);

// A registry that writes one line for each request handed to `inner`, when it has ended or been
// refused. inner outlives it.
std::unique_ptr<ModelRegistry> log_requests(ModelRegistry& inner, std::shared_ptr<Logger> logger);

}  // namespace serval::host
