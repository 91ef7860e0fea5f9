#include "decoder/assembler.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "decoder/change_emitter.h"
#include "decoder/message.h"
#include "decoder/parser.h"
#include "decoder/relation_catalog.h"

namespace trunkline {
namespace {

using pgoutput::Message;

// A transaction in the ChangeStore.
struct HeldTransaction {
  TransactionInfo info;
  bool streamed = false;  // its messages carry a transaction id
  bool prepared = false;
  // Where the replay starts: the relations that a prepared transaction uses without describing
  // them. A streamed one describes all that it uses.
  RelationScope relations;
  // The RELATION messages of a streamed transaction that still stand.
  struct Description {
    Xid sub_xid;
    uint32_t oid = 0;
    uint64_t sequence = 0;
  };
  std::vector<Description> descriptions;
};

template <typename Alternative>
constexpr bool kChangesRelations = std::is_same_v<Alternative, pgoutput::Insert> ||
                                   std::is_same_v<Alternative, pgoutput::Update> ||
                                   std::is_same_v<Alternative, pgoutput::Delete> ||
                                   std::is_same_v<Alternative, pgoutput::Truncate>;

std::string Name(Xid xid) { return "transaction " + std::to_string(xid.value); }

}  // namespace

// What the server takes for granted about relations (pgoutput.c, maybe_send_schema,
// cleanup_rel_sync_cache), which decides what is in force where:
// - Outside of streams it sends RELATION once, and again after an invalidation. What it sent holds
//   from then on, even if it came in a transaction that was prepared and then rolled back.
// - In a streamed transaction it sends RELATION before the first change to each relation, and again
//   after an invalidation or the abort of any subtransaction. So a streamed transaction stands by
//   itself, and what an aborted subtransaction described is dropped with it: it described a table
//   as only that subtransaction saw it.
// - When a streamed transaction commits, what it described holds for all that follows, unless the
//   relation was described later by other means: the newest description that stands is the right
//   one, whatever the order of the commits.
class Assembler::Impl {
 public:
  Impl(TransactionSink* sink, ChangeStore* store) : emitter_(sink), store_(store) {}

  void set_relation_hook(RelationHook hook) { emitter_.set_relation_hook(std::move(hook)); }

  Result<void> Feed(Lsn wal_start, std::string_view bytes) {
    ASSIGN_OR_RETURN(Message message,
                     Parse(bytes, {.in_stream = open_ == Open::kStream}, &scratch_));
    bytes_ = bytes;
    newest_lsn_ = std::max(newest_lsn_, wal_start);
    return std::visit([this](auto& alternative) { return On(alternative); }, message);
  }

  bool idle() const { return open_ == Open::kNothing && held_.empty(); }

 private:
  using Held = std::unordered_map<uint32_t, HeldTransaction>;

  // Where the next message stands.
  enum class Open {
    kNothing,      // between transactions
    kTransaction,  // Begin .. Commit: passed on at once
    kPrepare,      // BeginPrepare .. Prepare: held
    kStream,       // StreamStart .. StreamStop: held
  };
  bool holding() const { return open_ == Open::kPrepare || open_ == Open::kStream; }

  tl::unexpected<Error> Misplaced(const std::string& why) const {
    return Fail(ErrorKind::kCorrupt,
                std::string("pgoutput message '") + bytes_.front() + "': " + why);
  }
  Result<void> ExpectOpen(Open expected) const {
    if (open_ == expected) return {};
    return Misplaced("cannot stand here");
  }

  Result<void> On(const pgoutput::Begin& message) {
    TRY(ExpectOpen(Open::kNothing));
    open_ = Open::kTransaction;
    emitter_.Start(
        {.xid = message.xid, .commit_lsn = message.final_lsn, .commit_time = message.commit_time});
    return {};
  }

  Result<void> On(const pgoutput::Commit& message) {
    TRY(ExpectOpen(Open::kTransaction));
    const TransactionInfo& begun = emitter_.transaction();
    if (message.commit_lsn != begun.commit_lsn || message.commit_time != begun.commit_time) {
      return Misplaced("is not the end of " + Name(begun.xid));
    }
    TRY(Commit(message.end_lsn));
    open_ = Open::kNothing;
    return EmitDeferred();
  }

  Result<void> Commit(Lsn end_lsn) {
    newest_lsn_ = std::max(newest_lsn_, end_lsn);
    return emitter_.Commit(end_lsn);
  }

  // The server sends one at the start of a transaction. A further one is kept, but has no meaning.
  Result<void> On(const pgoutput::Origin& message) {
    switch (open_) {
      case Open::kNothing:
        return Misplaced("outside of a transaction");
      case Open::kTransaction:
        return emitter_.SetOrigin(message) ? Result<void>() : emitter_.EmitRaw(bytes_);
      case Open::kPrepare:
      case Open::kStream:
        break;
    }
    TransactionInfo& info = open_held_->info;
    if (!info.origin.empty()) return Append(info.xid);
    info.origin = message.name;
    info.origin_lsn = message.commit_lsn;
    return {};
  }

  Result<void> On(pgoutput::RelationMessage& message) {
    const uint64_t sequence = ++relation_sequence_;
    if (open_ == Open::kStream) {
      open_held_->descriptions.push_back({message.xid, message.relation.oid, sequence});
    } else {
      relations_.Set(catalog_.Describe(std::move(message.relation), sequence));
    }
    return holding() ? Append(message.xid) : Result<void>();
  }

  Result<void> On(const pgoutput::Type& message) {
    if (open_ != Open::kStream) catalog_.DescribeType(message.oid, message.schema, message.name);
    return holding() ? Append(message.xid) : Result<void>();
  }

  Result<void> On(const pgoutput::Insert& message) { return OnRowChange(message); }
  Result<void> On(const pgoutput::Update& message) { return OnRowChange(message); }
  Result<void> On(const pgoutput::Delete& message) { return OnRowChange(message); }

  template <typename RowChange>
  Result<void> OnRowChange(const RowChange& message) {
    if (open_ == Open::kTransaction) return emitter_.Emit(message, &relations_);
    if (open_ == Open::kNothing) return Misplaced("outside of a transaction");
    if (open_ == Open::kPrepare) KeepRelation(message.relation_oid);
    return Append(message.xid);
  }

  Result<void> On(const pgoutput::Truncate& message) {
    if (open_ == Open::kTransaction) return emitter_.Emit(message, &relations_);
    if (open_ == Open::kNothing) return Misplaced("outside of a transaction");
    if (open_ == Open::kPrepare) {
      for (const uint32_t oid : message.relation_oids) KeepRelation(oid);
    }
    return Append(message.xid);
  }

  Result<void> On(const pgoutput::LogicalMessage& message) {
    if (!message.transactional) return OnMessageOfItsOwn(message);
    if (open_ == Open::kTransaction) return emitter_.Emit(message);
    if (open_ == Open::kNothing) return Misplaced("outside of a transaction");
    return Append(message.xid);
  }

  // The server decodes these in between transactions, never within one: decoding a record and
  // sending a transaction, or a part of it, take turns. Should one come within all the same, it
  // waits for the Commit.
  Result<void> OnMessageOfItsOwn(const pgoutput::LogicalMessage& message) {
    if (open_ == Open::kTransaction) {
      deferred_.emplace_back(bytes_);
      return {};
    }
    StartAt(message.lsn);
    TRY(emitter_.Emit(message));
    return Commit(message.lsn);
  }

  Result<void> EmitDeferred() {
    for (const std::string& bytes : std::exchange(deferred_, {})) TRY(Feed({}, bytes));
    return {};
  }

  Result<void> On(const pgoutput::Unknown& message) {
    if (open_ == Open::kTransaction) return emitter_.EmitRaw(message.bytes);
    if (holding()) return Append({});
    if (!newest_lsn_.valid()) {
      return Fail(ErrorKind::kUnsupported,
                  "pgoutput message of unknown type ahead of anything with an LSN");
    }
    const Lsn lsn = newest_lsn_;
    StartAt(lsn);
    TRY(emitter_.EmitRaw(message.bytes));
    return Commit(lsn);
  }

  // Starts a transaction that holds one message only.
  void StartAt(Lsn lsn) {
    TransactionInfo info;
    info.commit_lsn = lsn;
    emitter_.Start(std::move(info));
  }

  Result<void> On(const pgoutput::StreamStart& message) {
    TRY(ExpectOpen(Open::kNothing));
    const auto known = held_.find(message.xid.value);
    if (message.first_segment ? known != held_.end()
                              : known == held_.end() || known->second.prepared) {
      return Misplaced("is not the next part of " + Name(message.xid));
    }
    open_held_ = Hold(message.xid);
    open_held_->streamed = true;
    open_ = Open::kStream;
    return {};
  }

  Result<void> On(const pgoutput::StreamStop&) {
    TRY(ExpectOpen(Open::kStream));
    open_ = Open::kNothing;
    return {};
  }

  // Aborts of what was never streamed concern nothing that is held.
  Result<void> On(const pgoutput::StreamAbort& message) {
    TRY(ExpectOpen(Open::kNothing));
    const auto held = held_.find(message.xid.value);
    if (held == held_.end()) return {};
    if (message.sub_xid == message.xid) return Discard(held);
    std::erase_if(held->second.descriptions, [&](const HeldTransaction::Description& description) {
      return description.sub_xid == message.sub_xid;
    });
    return store_->DropSubtransaction(message.xid, message.sub_xid);
  }

  Result<void> On(const pgoutput::StreamCommit& message) {
    TRY(ExpectOpen(Open::kNothing));
    ASSIGN_OR_RETURN(const auto held, FindHeld(message.xid));
    if (held->second.prepared) return Misplaced("but " + Name(message.xid) + " is prepared");
    return CommitHeld(held, message.commit_lsn, message.end_lsn, message.commit_time);
  }

  Result<void> On(const pgoutput::BeginPrepare& message) {
    TRY(ExpectOpen(Open::kNothing));
    if (held_.count(message.xid.value) != 0) {
      return Misplaced("but " + Name(message.xid) + " is open");
    }
    open_held_ = Hold(message.xid);
    open_held_->info.gid = message.gid;
    open_ = Open::kPrepare;
    return {};
  }

  Result<void> On(const pgoutput::Prepare& message) {
    TRY(ExpectOpen(Open::kPrepare));
    if (message.xid != open_held_->info.xid || message.gid != open_held_->info.gid) {
      return Misplaced("is not the end of " + Name(open_held_->info.xid));
    }
    open_held_->prepared = true;
    open_ = Open::kNothing;
    return {};
  }

  Result<void> On(const pgoutput::StreamPrepare& message) {
    TRY(ExpectOpen(Open::kNothing));
    ASSIGN_OR_RETURN(const auto held, FindHeld(message.xid));
    if (held->second.prepared) return Misplaced("but " + Name(message.xid) + " is prepared");
    held->second.prepared = true;
    held->second.info.gid = message.gid;
    return {};
  }

  Result<void> On(const pgoutput::CommitPrepared& message) {
    TRY(ExpectOpen(Open::kNothing));
    ASSIGN_OR_RETURN(const auto held, FindHeld(message.xid));
    if (!held->second.prepared || message.gid != held->second.info.gid) {
      return Misplaced("but " + Name(message.xid) + " was not prepared under that name");
    }
    return CommitHeld(held, message.commit_lsn, message.end_lsn, message.commit_time);
  }

  // The server also sends it for a transaction prepared before the stream's start.
  Result<void> On(const pgoutput::RollbackPrepared& message) {
    TRY(ExpectOpen(Open::kNothing));
    const auto held = held_.find(message.xid.value);
    return held == held_.end() ? Result<void>() : Discard(held);
  }

  HeldTransaction* Hold(Xid xid) {
    HeldTransaction* held = &held_[xid.value];
    held->info.xid = xid;
    return held;
  }

  Result<Held::iterator> FindHeld(Xid xid) {
    const auto held = held_.find(xid.value);
    if (held == held_.end()) return Misplaced("but " + Name(xid) + " is not open");
    return held;
  }

  // Stores the message fed as one of the open held transaction. What has no transaction id of its
  // own belongs to the top level.
  Result<void> Append(Xid sub_xid) {
    const Xid xid = open_held_->info.xid;
    return store_->Append(xid, sub_xid.valid() ? sub_xid : xid, bytes_);
  }

  // Remembers, for the open prepared transaction, the relation that is in force now.
  void KeepRelation(uint32_t oid) {
    if (open_held_->relations.Find(oid) != nullptr) return;
    if (const DescribedRelation* relation = relations_.Find(oid)) {
      open_held_->relations.Set(*relation);
    }
  }

  Result<void> Discard(Held::iterator held) {
    const Xid xid = held->second.info.xid;
    held_.erase(held);
    return store_->Drop(xid);
  }

  Result<void> CommitHeld(Held::iterator found, Lsn commit_lsn, Lsn end_lsn, Timestamp time) {
    HeldTransaction& held = found->second;
    held.info.commit_lsn = commit_lsn;
    held.info.commit_time = time;
    emitter_.Start(held.info);
    TRY(store_->ForEach(held.info.xid, [&](Xid, std::string_view bytes) -> Result<void> {
      ASSIGN_OR_RETURN(Message message, Parse(bytes, {.in_stream = held.streamed}, &scratch_));
      return std::visit(
          [&](auto& alternative) { return Replay(alternative, bytes, &held.relations); }, message);
    }));
    TRY(Commit(end_lsn));
    AdoptDescriptions(&held);
    return Discard(found);
  }

  template <typename Alternative>
  Result<void> Replay(Alternative& message, std::string_view bytes, RelationScope* relations) {
    if constexpr (std::is_same_v<Alternative, pgoutput::Type>) {
      catalog_.DescribeType(message.oid, message.schema, message.name);
      return {};
    } else if constexpr (std::is_same_v<Alternative, pgoutput::RelationMessage>) {
      relations->Set(catalog_.Describe(std::move(message.relation), 0));
      return {};
    } else if constexpr (std::is_same_v<Alternative, pgoutput::LogicalMessage>) {
      return emitter_.Emit(message);
    } else if constexpr (kChangesRelations<Alternative>) {
      return emitter_.Emit(message, relations);
    } else {
      return emitter_.EmitRaw(bytes);
    }
  }

  // Puts a streamed transaction's relations in force on the connection, where they are the newest.
  void AdoptDescriptions(HeldTransaction* held) {
    for (const HeldTransaction::Description& description : held->descriptions) {
      const DescribedRelation* current = relations_.Find(description.oid);
      if (current != nullptr && current->sequence > description.sequence) continue;
      const DescribedRelation* replayed = held->relations.Find(description.oid);
      if (replayed == nullptr) continue;
      DescribedRelation adopted = *replayed;
      adopted.sequence = description.sequence;
      relations_.Set(std::move(adopted));
    }
  }

  ChangeEmitter emitter_;
  ChangeStore* store_;
  pgoutput::ParseScratch scratch_;
  std::string_view bytes_;  // the message being fed

  Open open_ = Open::kNothing;
  Held held_;
  HeldTransaction* open_held_ = nullptr;  // while holding()

  RelationCatalog catalog_;
  RelationScope relations_;  // in force outside of streams
  uint64_t relation_sequence_ = 0;

  Lsn newest_lsn_;                     // of all WAL starts and commits seen
  std::vector<std::string> deferred_;  // messages that wait for the open transaction's Commit
};

Assembler::Assembler(TransactionSink* sink, ChangeStore* store)
    : impl_(std::make_unique<Impl>(sink, store)) {}
Assembler::~Assembler() = default;

void Assembler::set_relation_hook(RelationHook hook) { impl_->set_relation_hook(std::move(hook)); }

Result<void> Assembler::Feed(Lsn wal_start, std::string_view message) {
  return impl_->Feed(wal_start, message);
}

bool Assembler::idle() const { return impl_->idle(); }

}  // namespace trunkline
