#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "decoder/assembler.h"
#include "decoder/byte_reader.h"

namespace trunkline {
namespace {

// Runs are kept to this size, so that growing one never copies a whole huge transaction.
constexpr size_t kMaxRunBytes = size_t{1} << 20;

// Consecutive messages of one subtransaction, each behind its size.
struct Run {
  Xid sub_xid;
  std::string messages;
};

void AppendMessage(std::string_view message, std::string* messages) {
  const auto size = static_cast<uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) *messages += static_cast<char>(size >> shift);
  messages->append(message);
}

class MemoryChangeStore : public ChangeStore {
 public:
  Result<void> Append(Xid xid, Xid sub_xid, std::string_view message) override {
    std::vector<Run>& runs = transactions_[xid.value];
    if (runs.empty() || runs.back().sub_xid != sub_xid ||
        runs.back().messages.size() >= kMaxRunBytes) {
      runs.push_back({sub_xid, {}});
    }
    AppendMessage(message, &runs.back().messages);
    return {};
  }

  Result<void> DropSubtransaction(Xid xid, Xid sub_xid) override {
    const auto transaction = transactions_.find(xid.value);
    if (transaction == transactions_.end()) return {};
    std::erase_if(transaction->second, [&](const Run& run) { return run.sub_xid == sub_xid; });
    return {};
  }

  Result<void> Drop(Xid xid) override {
    transactions_.erase(xid.value);
    return {};
  }

  Result<void> ForEach(Xid xid,
                       const std::function<Result<void>(Xid, std::string_view)>& visit) override {
    const auto transaction = transactions_.find(xid.value);
    if (transaction == transactions_.end()) return {};
    for (const Run& run : transaction->second) {
      ByteReader in(run.messages);
      while (in.remaining() > 0) {
        const std::string_view message = in.ReadBytes(in.ReadU32());
        CHECK(in.ok());
        TRY(visit(run.sub_xid, message));
      }
    }
    return {};
  }

 private:
  std::unordered_map<uint32_t, std::vector<Run>> transactions_;
};

}  // namespace

std::unique_ptr<ChangeStore> NewMemoryChangeStore() {
  return std::make_unique<MemoryChangeStore>();
}

}  // namespace trunkline
