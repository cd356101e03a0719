// What is read from the models, the network and the process when the metrics page is asked for.
#pragma once

#include <vector>

#include "host/models/registry.h"
#include "host/observability/metrics_page.h"

namespace serval::host {

// serval_model_state, _running, _waiting, _parked, _step_age_seconds, _model_memory_bytes.
void print_models(MetricsPage& page, const std::vector<ModelInfo>& models);

// Memory, files, threads and CPU time of this process, from /proc/self.
void print_process(MetricsPage& page);

}  // namespace serval::host
