// MessageList: a sequence of messages in one fuzz input, each behind its size in two bytes. Every
// input is one: a size that reaches past the end means all that is left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline {

using MessageList = std::vector<std::string>;

inline MessageList ReadMessageList(std::string_view input) {
  MessageList messages;
  while (input.size() > 2) {
    const size_t claimed =
        static_cast<size_t>(static_cast<uint8_t>(input[0])) << 8 | static_cast<uint8_t>(input[1]);
    const size_t size = std::min(claimed, input.size() - 2);
    messages.emplace_back(input.substr(2, size));
    input.remove_prefix(2 + size);
  }
  return messages;
}

inline std::string WriteMessageList(const MessageList& messages) {
  std::string bytes;
  for (const std::string& message : messages) {
    const size_t size = std::min<size_t>(message.size(), 0xFFFF);
    bytes += static_cast<char>(size >> 8);
    bytes += static_cast<char>(size & 0xFF);
    bytes.append(message, 0, size);
  }
  return bytes;
}

}  // namespace trunkline
