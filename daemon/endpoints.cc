#include "daemon/endpoints.h"

#include "daemon/health.h"
#include "daemon/metrics_text.h"

namespace trunkline {
namespace {

HttpReply ReplyOf(const Verdict& verdict) {
  return {.status = verdict.good ? 200 : 503, .body = verdict.text + "\n"};
}

}  // namespace

std::vector<HttpRoute> Endpoints(const Metrics* metrics) {
  return {{"/healthz", [metrics] { return ReplyOf(JudgeHealth(metrics->Read())); }},
          {"/readyz", [metrics] { return ReplyOf(JudgeReadiness(metrics->Read())); }},
          {"/metrics", [metrics] {
             return HttpReply{.content_type = kMetricsContentType,
                              .body = FormatMetrics(metrics->Read())};
           }}};
}

}  // namespace trunkline
