// The figures in Prometheus's text format. The only pair of files that knows Prometheus.
#pragma once

#include <string>

#include "daemon/metrics.h"

namespace trunkline {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// docs/operating.md, "Metrics", lists what is in it.
std::string FormatMetrics(const MetricsReading& reading);

}  // namespace trunkline
