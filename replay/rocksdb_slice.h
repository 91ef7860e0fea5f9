// Bytes as RocksDB takes and gives them.
#pragma once

#include <rocksdb/slice.h>

#include <string_view>

namespace trunkline {

inline rocksdb::Slice AsSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view AsView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace trunkline
