// CopyWriter: a COPY ... FROM STDIN fed from the caller's side, row by row.
#pragma once

#include <string>
#include <string_view>

#include "postgres/connection.h"

namespace trunkline::postgres {

// Unless Finish succeeds, the server is told to give up and keeps no row of it.
class CopyWriter {
 public:
  // `connection` must outlive it and do nothing else meanwhile.
  explicit CopyWriter(Connection* connection) : connection_(connection) {}
  ~CopyWriter();
  CopyWriter(const CopyWriter&) = delete;
  CopyWriter& operator=(const CopyWriter&) = delete;

  Result<void> Start(const std::string& sql);
  // Where the caller appends lines of COPY's text format, whole ones before Flush.
  std::string& buffer() { return buffer_; }
  // Sends the buffer once it is worth it.
  Result<void> FlushIfLarge() { return buffer_.size() < kLarge ? Result<void>() : Flush(); }
  Result<void> Finish();

 private:
  static constexpr size_t kLarge = 64 * 1024;

  Result<void> Flush();
  // The server's verdict.
  Result<void> TakeResult();

  Connection* connection_;
  std::string buffer_;
  bool open_ = false;
};

}  // namespace trunkline::postgres
