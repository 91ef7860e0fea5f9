// Writes seed inputs for decoder_fuzzer into a folder: decoder_seeds FOLDER
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "tests/fuzz/message_list.h"
#include "tests/unit/decoder/server_model.h"
#include "tests/unit/decoder/wire.h"

namespace trunkline {
namespace {

MessageList History(uint32_t seed) {
  std::mt19937 dice(seed);
  ServerModel server;
  for (int actions = 0; actions < 8; ++actions) server.Play(static_cast<uint32_t>(dice()));
  server.Finish();
  return server.messages;
}

// What the histories do not have.
MessageList TheRest() {
  const wire::Columns tuple = {wire::Text("1"), wire::Null()};
  const wire::Columns changed = {wire::Unchanged(), wire::Binary("\x01")};
  return {
      wire::Begin(0x100, 5, 7),
      wire::Origin(0x50, "origin"),
      wire::Relation(42, "", "t", {{.name = "a", .key = true}, {.name = "b"}}, 'f'),
      wire::Insert(42, tuple),
      wire::Update(42, changed),
      wire::Update(42, 'K', tuple, changed),
      wire::Update(42, 'O', tuple, changed),
      wire::Delete(42, 'K', tuple),
      wire::Truncate({42}, 3),
      wire::Logical(true, 0x99, "prefix", "content"),
      wire::Logical(false, 0x99, "prefix", "content"),
      "?unknown",
      wire::Commit(0x100, 0x108, 5),
      wire::StreamAbort(9, 9, 0x200, 5),
  };
}

bool Write(const std::string& path, const MessageList& messages) {
  std::ofstream file(path, std::ios::binary);
  file << WriteMessageList(messages);
  return file.flush().good();
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: decoder_seeds FOLDER\n";
    return 2;
  }
  const std::string folder = argv[1];
  bool written = trunkline::Write(folder + "/rest", trunkline::TheRest());
  for (uint32_t seed = 0; seed < 64; ++seed) {
    written &=
        trunkline::Write(folder + "/history" + std::to_string(seed), trunkline::History(seed));
  }
  return written ? 0 : 1;
}
