// Endpoints: what the daemon answers over HTTP: /healthz, /readyz, /metrics.
#pragma once

#include <vector>

#include "daemon/http_server.h"
#include "daemon/metrics.h"

namespace trunkline {

// `metrics` is not owned. A probe is answered 200 or 503, with a line that says why.
std::vector<HttpRoute> Endpoints(const Metrics* metrics);

}  // namespace trunkline
