#include "archive/decoded_block.h"

#include "archive/block_scratch.h"

namespace trunkline {

DecodedBlock::Storage::Storage() : scratch(std::make_unique<BlockScratch>(&arena)) {}
DecodedBlock::Storage::~Storage() = default;

DecodedBlock::DecodedBlock() : storage_(std::make_unique<Storage>()) {}
DecodedBlock::~DecodedBlock() = default;
DecodedBlock::DecodedBlock(DecodedBlock&&) noexcept = default;
DecodedBlock& DecodedBlock::operator=(DecodedBlock&&) noexcept = default;

std::span<const TransactionSlice> DecodedBlock::slices() const { return storage_->slices; }
std::span<const Change> DecodedBlock::changes() const { return storage_->changes; }
std::span<const CellRows> DecodedBlock::rows() const { return storage_->rows; }

}  // namespace trunkline
