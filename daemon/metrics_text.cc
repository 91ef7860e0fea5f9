#include "daemon/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

namespace trunkline {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// The families, in the order in which they are printed.
class Families {
 public:
  // Starts a family; Value adds to it.
  void Begin(MetricType type, const std::string& name, const std::string& help) {
    families_.push_back({"trunkline_" + name, help, type, {}});
  }
  void Value(double value, Labels labels = {}) {
    MetricFamily& family = families_.back();
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  template <typename Number>
  void Gauge(const std::string& name, const std::string& help, Number value) {
    Begin(MetricType::Gauge, name, help);
    Value(static_cast<double>(value));
  }
  template <typename Number>
  void Counter(const std::string& name, const std::string& help, Number value) {
    Begin(MetricType::Counter, name, help);
    Value(static_cast<double>(value));
  }
  void Histogram(const std::string& name, const std::string& help, const PublishHistogram& times);

  std::string Text() const {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families_);
    return text.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

void Families::Histogram(const std::string& name, const std::string& help,
                         const PublishHistogram& times) {
  Begin(MetricType::Histogram, name, help);
  ClientMetric metric;
  metric.histogram.sample_count = times.count;
  metric.histogram.sample_sum = times.sum_seconds;
  uint64_t count = 0;
  for (size_t i = 0; i < times.counts.size(); ++i) {
    count += times.counts[i];
    metric.histogram.bucket.push_back({count, PublishHistogram::kBoundsSeconds[i]});
  }
  families_.back().metric.push_back(std::move(metric));
}

void AddState(const MetricsReading& reading, Families* families) {
  families->Begin(MetricType::Gauge, "build_info", "Always 1; the version is in the label.");
  families->Value(1, {{"version", TRUNKLINE_VERSION}});
  families->Begin(MetricType::Gauge, "state", "1 for what the daemon is at, 0 for all else.");
  for (size_t i = 0; i < kActivities; ++i) {
    const auto activity = static_cast<Activity>(i);
    families->Value(activity == reading.activity ? 1 : 0,
                    {{"state", std::string(ToString(activity))}});
  }
  families->Gauge("archive_up", "0 while the archive's store refuses a segment or hangs.",
                  reading.archive_away ? 0 : 1);
}

void AddPositions(const MetricsReading& reading, Families* families) {
  families->Gauge("source_lsn", "WAL position, in bytes, up to which the source has written.",
                  reading.source.value);
  families->Gauge("received_lsn", "WAL position up to which the source has sent.",
                  reading.received.value);
  families->Gauge("confirmed_lsn", "WAL position that was confirmed to the source.",
                  reading.confirmed.value);
  families->Gauge("archived_lsn", "WAL position at which the archive ends.",
                  reading.archived.value);
  // A standby does not know how far the other daemon is.
  if (reading.activity != Activity::kStandby) {
    families->Gauge("lag_bytes", "WAL of the source past the archive's end.", reading.lag_bytes);
    families->Gauge("lag_seconds", "Age of the oldest commit that the archive lacks.",
                    reading.lag_seconds);
  }
  families->Gauge("slot_kept_bytes", "WAL that the source keeps for the slot.",
                  reading.slot_kept_bytes);
  if (reading.slot_safe_bytes.has_value()) {
    families->Gauge("slot_safe_bytes", "WAL that may be written before the slot may be lost.",
                    *reading.slot_safe_bytes);
  }
}

void AddTables(const MetricsReading& reading, Families* families) {
  const auto labels = [](const TableTotals& table) {
    return Labels{{"schema", table.schema}, {"table", table.name}};
  };
  families->Begin(MetricType::Counter, "table_changes_total", "Row changes archived, by table.");
  for (const TableTotals& table : reading.tables) {
    families->Value(static_cast<double>(table.changes), labels(table));
  }
  families->Begin(MetricType::Counter, "table_bytes_total",
                  "Bytes of the values in the changes archived, by table.");
  for (const TableTotals& table : reading.tables) {
    families->Value(static_cast<double>(table.raw_bytes), labels(table));
  }
}

void AddWork(const MetricsReading& reading, Families* families) {
  families->Counter("received_bytes_total", "Bytes of changes that the source has sent.",
                    reading.received_bytes);
  families->Counter("transactions_total", "Transactions archived.", reading.transactions);
  families->Counter("changes_total", "Changes archived.", reading.changes);
  families->Counter("segments_total", "Segments archived.", reading.segments);
  families->Counter("segment_bytes_total", "Bytes of the segments archived.",
                    reading.segment_bytes);
  AddTables(reading, families);
  families->Histogram("publish_seconds",
                      "Time until the archive had taken what waited, a segment or some.",
                      reading.publish);
  families->Gauge("spool_bytes", "Bytes of transactions under way that are spooled to disk.",
                  reading.spool_bytes);
  families->Gauge("spooled_pending_bytes", "Bytes of confirmed segments that the archive lacks.",
                  reading.pending_bytes);
}

void AddTrouble(const MetricsReading& reading, Families* families) {
  families->Counter("streams_total", "Streams begun.", reading.streams);
  families->Counter("reconnects_total", "Attempts that failed and were taken again.",
                    reading.reconnects);
  families->Counter("gaps_total", "Gaps recorded in the archive.", reading.gaps);
  families->Begin(MetricType::Counter, "errors_total",
                  "Failures that were tried again, by what failed and the kind of error.");
  for (const auto& [what, count] : reading.errors) {
    families->Value(static_cast<double>(count), {{"area", std::string(ToString(what.first))},
                                                 {"kind", std::string(ToString(what.second))}});
  }
}

void AddSnapshots(const MetricsReading& reading, Families* families) {
  families->Gauge("snapshot_tables", "Tables to copy for the present or last snapshot.",
                  reading.snapshot.tables);
  families->Gauge("snapshot_tables_done", "Those that are copied.", reading.snapshot.tables_done);
  families->Gauge("snapshot_rows", "Rows copied for it.", reading.snapshot.rows);
  families->Gauge("snapshot_bytes", "Bytes copied for it.", reading.snapshot.bytes);
  families->Begin(MetricType::Counter, "snapshots_total", "Snapshots completed, by kind.");
  families->Value(static_cast<double>(reading.base_snapshots), {{"kind", "base"}});
  families->Value(static_cast<double>(reading.table_snapshots), {{"kind", "table"}});
}

void AddAudits(const MetricsReading& reading, Families* families) {
  constexpr double kUnixEpochOfPostgres = 946'684'800;
  families->Counter("audits_total", "Audits completed.", reading.audits);
  families->Counter("audit_mismatches_total",
                    "Tables that an audit found to differ between source and archive.",
                    reading.audit_mismatches);
  if (!reading.audited_at.has_value()) return;
  families->Gauge("audit_last_timestamp_seconds", "Unix time of the last audit completed.",
                  static_cast<double>(reading.audited_at->micros) / 1e6 + kUnixEpochOfPostgres);
  families->Gauge("audit_last_mismatches", "Tables that differed in it.", reading.audit_differing);
  families->Gauge("audit_last_left_out", "Tables that it could not compare.",
                  reading.audit_left_out);
}

}  // namespace

std::string FormatMetrics(const MetricsReading& reading) {
  Families families;
  AddState(reading, &families);
  AddPositions(reading, &families);
  AddWork(reading, &families);
  AddTrouble(reading, &families);
  AddSnapshots(reading, &families);
  AddAudits(reading, &families);
  return families.Text();
}

}  // namespace trunkline
