#include "archive/decoded_block.h"

namespace trunkline {

DecodedBlock::DecodedBlock() : storage_(std::make_unique<Storage>()) {}
DecodedBlock::~DecodedBlock() = default;
DecodedBlock::DecodedBlock(DecodedBlock&&) noexcept = default;
DecodedBlock& DecodedBlock::operator=(DecodedBlock&&) noexcept = default;

std::span<const TransactionSlice> DecodedBlock::slices() const { return storage_->slices; }
std::span<const Change> DecodedBlock::changes() const { return storage_->changes; }

}  // namespace trunkline
