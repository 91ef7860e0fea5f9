// WhatIf: --skip and --conflicts of a command, which rebuild as if transactions had not been.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/output_file.h"
#include "replay/skip_observer.h"
#include "replay/state.h"
#include "replay/target.h"

namespace CLI {
class App;
}  // namespace CLI

namespace trunkline {

struct WhatIfOptions {
  std::vector<std::string> skip;
  std::string conflicts;  // a file for every conflict, with keys; empty: none
};

void AddWhatIfOptions(CLI::App* command, WhatIfOptions* options);

class WhatIf final : public SkipObserver {
 public:
  // Finds the transactions. kInvalidArgument for --conflicts without --skip.
  static Result<std::unique_ptr<WhatIf>> Make(const WhatIfOptions& options, const Store& store,
                                              const Catalog& catalog, const ResolvedTarget& target);

  // It must outlive the rebuild.
  void Set(StateOptions* options);
  // Where the commit records of the transactions begin.
  std::vector<Lsn> skip() const;

  // Completes the file. What there is to say, in lines; none where nothing was to be left out.
  // Neither holds a row value.
  Result<std::string> Finish();

  void OnSkipped(const TransactionInfo& transaction, const Change& change) override;
  void OnConflict(const Conflict& conflict) override;

 private:
  struct LeftOut {
    uint64_t rows = 0;
    uint64_t truncates = 0;
    uint64_t messages = 0;
    std::map<QualifiedName, uint64_t> tables;
  };
  struct Met {
    uint64_t count = 0;
    std::vector<std::string> where;  // the first ones
  };

  WhatIf() = default;
  std::string SkippedLine(const TransactionInfo& transaction);

  std::vector<TransactionInfo> skipped_;
  std::map<Lsn, LeftOut> left_out_;  // by commit LSN
  std::map<std::pair<ConflictKind, QualifiedName>, Met> met_;
  std::optional<OutputFile> file_;
  std::optional<Error> failure_;  // of writing it
};

}  // namespace trunkline
