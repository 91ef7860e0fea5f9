#include "archive/text_codec.h"

#include <string>

#include "archive/segment_format.h"

namespace trunkline {
namespace {

constexpr size_t kTrialBytes = 64 << 10;

std::vector<int64_t> Lengths(std::span<const std::string_view> texts) {
  std::vector<int64_t> lengths;
  lengths.reserve(texts.size());
  for (const std::string_view text : texts) lengths.push_back(static_cast<int64_t>(text.size()));
  return lengths;
}

}  // namespace

void EncodeTexts(std::span<const std::string_view> texts, StreamWriter* out) {
  if (texts.empty()) return;
  EncodeInts(Lengths(texts), {}, out);
  if (texts.size() == 1) return out->PutBlob(texts.front());
  std::string bytes;
  size_t size = 0;
  for (const std::string_view text : texts) size += text.size();
  bytes.reserve(size);
  for (const std::string_view text : texts) bytes += text;
  out->PutBlob(bytes);
}

double EstimateTexts(std::span<const std::string_view> texts, StreamWriter* out) {
  if (texts.empty()) return 0;
  double total = 0;
  std::string trial;
  for (const std::string_view text : texts) {
    total += static_cast<double>(text.size());
    if (trial.size() < kTrialBytes) trial += text.substr(0, kTrialBytes);
  }
  const double ratio = trial.empty() ? 0
                                     : static_cast<double>(out->TrialSize(trial)) /
                                           static_cast<double>(trial.size());
  return EstimateInts(Lengths(texts), {}) + 8 * total * ratio;
}

Result<void> DecodeTexts(StreamReader* in, size_t count, IntScratch* scratch,
                         std::vector<std::string_view>* texts) {
  texts->clear();
  if (count == 0) return {};
  std::vector<int64_t>& lengths = scratch->lengths;
  TRY(DecodeInts(in, count, {}, scratch, &lengths));
  uint64_t total = 0;
  for (const int64_t length : lengths) {
    // Short of overflow: there are fewer than 2^32 lengths.
    if (length < 0 || static_cast<uint64_t>(length) > format::kMaxBlockRawBytes) {
      return MalformedBlock("length of a value");
    }
    total += static_cast<uint64_t>(length);
  }
  if (total > format::kMaxBlockRawBytes) return MalformedBlock("length of values");
  ASSIGN_OR_RETURN(const std::string_view bytes, in->Blob(total));
  texts->reserve(count);
  const char* next = bytes.data();
  for (const int64_t length : lengths) {
    texts->emplace_back(next, static_cast<size_t>(length));
    next += length;
  }
  return {};
}

}  // namespace trunkline
