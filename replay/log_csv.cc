// The csv format of `trunkline log`.
#include <string>

#include "replay/csv_format.h"
#include "replay/log_format.h"
#include "replay/log_json.h"

namespace trunkline {
namespace {

class CsvLogFormat final : public LogFormat {
 public:
  void Header(std::string* out) override {
    out->append("lsn,xid,commit_time,op,schema,table,old,new,details\n");
  }

  Result<void> Add(const TransactionInfo& transaction, const Change& change,
                   std::string* out) override {
    out->append(transaction.commit_lsn.ToString());
    Field(transaction.xid.valid() ? std::to_string(transaction.xid.value) : "", out);
    Field(transaction.xid.valid() ? transaction.commit_time.ToString() : "", out);
    Field(OperationName(change.operation), out);
    Field(change.relation != nullptr ? change.relation->schema : "", out);
    Field(change.relation != nullptr ? change.relation->name : "", out);
    json_.clear();
    if (change.old_kind != OldTupleKind::kNone) {
      AppendJsonTuple(*change.relation, change.old_tuple, change.old_kind == OldTupleKind::kKey,
                      &json_);
    }
    Field(json_, out);
    json_.clear();
    if (change.operation == Operation::kInsert || change.operation == Operation::kUpdate) {
      AppendJsonTuple(*change.relation, change.new_tuple, false, &json_);
    }
    Field(json_, out);
    json_.clear();
    AppendJsonDetails(change, &json_);
    if (!json_.empty()) {
      json_.front() = '{';  // in place of the first member's comma
      json_.push_back('}');
    }
    Field(json_, out);
    out->push_back('\n');
    return {};
  }

 private:
  // An empty field is empty, as NULL is in COPY.
  static void Field(std::string_view value, std::string* out) {
    out->push_back(',');
    if (!value.empty()) AppendCsvValue(value, false, out);
  }

  std::string json_;  // scratch
};

}  // namespace

std::unique_ptr<LogFormat> NewCsvLogFormat() { return std::make_unique<CsvLogFormat>(); }

}  // namespace trunkline
