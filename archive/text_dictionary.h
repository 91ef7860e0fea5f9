// TextDictionary: the distinct texts of a sequence in the order of their first use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace trunkline {

struct TextDictionary {
  std::vector<uint32_t> first_uses;  // of each entry: its position in the sequence
  std::vector<int64_t> indexes;      // of each text: its entry
};

// Nothing when so many texts differ that a dictionary cannot pay.
std::optional<TextDictionary> BuildTextDictionary(std::span<const std::string_view> texts);

}  // namespace trunkline
