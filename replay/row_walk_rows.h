// RowWalk::Rows: what a walk keeps of a table's rows.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "replay/row_walk.h"

namespace trunkline {

// A table's rows, of which it keeps no more than whether there may be any.
class RowWalk::Rows final : public TableRows {
 public:
  Rows(RowWalk* walk, std::shared_ptr<const TableShape> shape, bool has_rows = false,
       std::optional<Error> doubt = {})
      : walk_(walk), shape_(std::move(shape)), has_rows_(has_rows), doubt_(std::move(doubt)) {}

  const std::shared_ptr<const TableShape>& shape() const { return shape_; }
  const Relation& relation() const override { return shape_->relation; }
  bool has_rows() const override { return has_rows_; }
  void set_has_rows(bool has_rows) { has_rows_ = has_rows && !doubt_; }

  Result<void> Become(Relation relation, const ColumnMapping& mapping) override {
    SetShape(std::move(relation), mapping);
    return {};
  }

  // What tells rows apart under REPLICA IDENTITY FULL is known from definitions alone.
  void FollowDefinition() {
    if (shape_->relation.identity != ReplicaIdentity::kFull) return;
    if (shape_->key == KeyOf(shape_->relation)) return;
    ColumnMapping same;
    same.unchanged = true;
    for (size_t i = 0; i < shape_->relation.columns.size(); ++i) {
      same.sources.push_back({.old_column = static_cast<int>(i), .constant = std::nullopt});
    }
    SetShape(shape_->relation, same);
  }

  Result<bool> ChangeValues(size_t column, const RenamedLabelMap* renamed,
                            const std::function<bool(Value* value)>&) override {
    if (renamed == nullptr) return has_rows_;
    RowEvent event{.kind = RowEventKind::kRelabel};
    event.column = static_cast<uint16_t>(column);
    event.labels = renamed;
    walk_->Emit(oid(), event);
    return false;
  }

  void Truncate() override {
    has_rows_ = false;
    doubt_.reset();
    walk_->Emit(oid(), {.kind = RowEventKind::kTruncate});
  }

  void set_doubt(Error doubt) override {
    has_rows_ = false;
    RowEvent event{.kind = RowEventKind::kDoubt};
    event.text = doubt.message;
    walk_->Emit(oid(), event);
    doubt_ = std::move(doubt);
  }
  const std::optional<Error>& doubt() const override { return doubt_; }
  // The walk keeps such tables back until they are whole.
  void set_incomplete(bool) override {}
  bool incomplete() const override { return false; }

 private:
  uint32_t oid() const { return shape_->relation.oid; }

  std::vector<uint16_t> KeyOf(const Relation& relation) const {
    return KeyColumnsOf(relation, walk_->FindDefinition(relation.oid));
  }

  void SetShape(Relation relation, const ColumnMapping& mapping) {
    auto shape = std::make_shared<TableShape>();
    shape->key = KeyOf(relation);
    shape->relation = std::move(relation);
    shape->mapping = mapping;
    shape_ = std::move(shape);
    RowEvent event{.kind = RowEventKind::kShape};
    event.shape = shape_;
    walk_->Emit(oid(), event);
  }

  RowWalk* walk_;
  std::shared_ptr<const TableShape> shape_;
  bool has_rows_;
  std::optional<Error> doubt_;
};

}  // namespace trunkline
