#include "archive/text_dictionary.h"

#include <xxhash.h>

#include <bit>

namespace trunkline {
namespace {

constexpr uint32_t kEmpty = UINT32_MAX;
constexpr size_t kMinTexts = 16;
// The first look at how many differ, after as many texts.
constexpr size_t kCheckEvery = 4096;

bool TooManyDiffer(size_t distinct, size_t seen) { return distinct > seen - seen / 4; }

}  // namespace

std::optional<TextDictionary> BuildTextDictionary(std::span<const std::string_view> texts) {
  if (texts.size() < kMinTexts) return {};
  TextDictionary dictionary;
  dictionary.indexes.reserve(texts.size());
  const size_t slots = std::bit_ceil(texts.size() * 2);
  std::vector<uint32_t> entry_at(slots, kEmpty);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i % kCheckEvery == 0 && i > 0 && TooManyDiffer(dictionary.first_uses.size(), i)) return {};
    size_t slot = XXH3_64bits(texts[i].data(), texts[i].size()) & (slots - 1);
    while (entry_at[slot] != kEmpty && texts[dictionary.first_uses[entry_at[slot]]] != texts[i]) {
      slot = (slot + 1) & (slots - 1);
    }
    if (entry_at[slot] == kEmpty) {
      entry_at[slot] = static_cast<uint32_t>(dictionary.first_uses.size());
      dictionary.first_uses.push_back(static_cast<uint32_t>(i));
    }
    dictionary.indexes.push_back(entry_at[slot]);
  }
  if (TooManyDiffer(dictionary.first_uses.size(), texts.size())) return {};
  return dictionary;
}

}  // namespace trunkline
