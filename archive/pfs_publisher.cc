#include "archive/pfs_publisher.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "archive/pfs_object.h"

namespace trunkline {
namespace {

// Another writer can be faster so many times.
constexpr int kMaxPfsAttempts = 8;

const NewObject* Find(std::span<const NewObject> objects, std::string_view name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const NewObject& object) { return object.name == name; });
  return found == objects.end() ? nullptr : &*found;
}

std::vector<std::string> NamesOf(std::span<const NewObject> objects) {
  std::vector<std::string> names;
  for (const NewObject& object : objects) names.push_back(object.name);
  return names;
}

tl::unexpected<Error> OtherContent(const PfsClient& client, const NewObject& object) {
  return Fail(ErrorKind::kAlreadyExists, object.name + " exists already in " +
                                             client.address().place() + ", with other content");
}

tl::unexpected<Error> StandsInTheWay(const PfsClient& client, const std::string& other,
                                     const NewObject& object) {
  return Fail(ErrorKind::kAlreadyExists, other + " stands in " + client.address().place() +
                                             " where " + object.name + " would");
}

tl::unexpected<Error> PredecessorIsGone(const PfsClient& client, const NewObject& object) {
  return Fail(ErrorKind::kUnavailable,
              object.predecessor + " is gone from " + client.address().place() + ", which " +
                  object.name + " follows",
              "look with pachctl list commit what became of the branch");
}

}  // namespace

Result<void> PfsPublisher::CheckConditions(const NewObject& object,
                                           std::span<const NewObject> before,
                                           const PfsLook& look) const {
  if (!object.predecessor.empty() && Find(before, object.predecessor) == nullptr) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                     SizeAt(*client_, look.readable, object.predecessor));
    if (!size.has_value()) return PredecessorIsGone(*client_, object);
  }
  if (object.unique_prefix.empty()) return {};
  for (const NewObject& other : before) {
    if (other.name.starts_with(object.unique_prefix)) {
      return StandsInTheWay(*client_, other.name, object);
    }
  }
  ASSIGN_OR_RETURN(const std::string other,
                   OtherObject(*client_, look.readable, object.unique_prefix, {&object, 1}));
  return other.empty() ? Result<void>() : StandsInTheWay(*client_, other, object);
}

Result<std::vector<NewObject>> PfsPublisher::Missing(std::span<const NewObject> objects,
                                                     const PfsLook& look) const {
  std::vector<NewObject> missing;
  for (size_t i = 0; i < objects.size(); ++i) {
    const NewObject& object = objects[i];
    if (const NewObject* same_name = Find(objects.first(i), object.name)) {
      ASSIGN_OR_RETURN(const bool same, SameContent(*same_name->content, *object.content));
      if (!same) return OtherContent(*client_, object);
      continue;
    }
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                     SizeAt(*client_, look.readable, object.name));
    if (!size.has_value()) {
      TRY(CheckConditions(object, objects.first(i), look));
      missing.push_back(object);
      continue;
    }
    ASSIGN_OR_RETURN(const bool same, HasContent(*client_, look.readable, object));
    if (!same) return OtherContent(*client_, object);
  }
  return missing;
}

Result<std::string> PfsPublisher::Put(std::span<const NewObject> objects) {
  TRY(CarryOutRepair());
  for (int attempt = 0; attempt < kMaxPfsAttempts; ++attempt) {
    ASSIGN_OR_RETURN(PfsLook look, LookForWriting(*client_));
    ASSIGN_OR_RETURN(const std::vector<NewObject> missing, Missing(objects, look));
    if (missing.empty()) return look.readable;
    if (look.head.empty()) TRY(client_->CreatePlace());
    std::vector<PfsNewFile> files;
    for (const NewObject& object : missing) files.push_back({object.name, object.content});
    bool overtaken = false;
    const auto last_look = [&]() -> Result<void> {
      const Result<PfsCommit> head = client_->Head();
      if (head && head->id == look.head && head->state == PfsCommit::State::kFinished) return {};
      ASSIGN_OR_RETURN(look, LookForWriting(*client_));
      ASSIGN_OR_RETURN(const std::vector<NewObject> still_missing, Missing(objects, look));
      overtaken = NamesOf(still_missing) != NamesOf(missing);
      return overtaken ? Fail(ErrorKind::kUnavailable, "overtaken") : Result<void>();
    };
    PfsOutcome outcome = client_->Modify({}, files, last_look);
    if (overtaken) continue;
    if (!outcome.result && !outcome.may_have_happened) return Fail(outcome.result.error());
    return Settle(objects, missing, look.head, std::move(outcome));
  }
  return Fail(ErrorKind::kUnavailable,
              "other writers keep changing what is to be written to " + client_->address().place(),
              "one daemon writes an archive: look with pachctl list commit who else does");
}

Result<std::string> PfsPublisher::Settle(std::span<const NewObject> objects,
                                         std::span<const NewObject> written,
                                         const std::string& base, PfsOutcome outcome) {
  for (int attempt = 0; attempt < kMaxPfsAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const PfsLook look, LookForWriting(*client_));
    ASSIGN_OR_RETURN(const PfsHistory history, PfsHistory::Between(client_, base, look.head));
    ASSIGN_OR_RETURN(Verdict verdict,
                     Judge(objects, written, history, base, look.readable, outcome));
    if (verdict.repair.empty()) {
      if (!verdict.result) return Fail(std::move(verdict.result).error());
      return look.readable;
    }
    repair_ = std::move(verdict.repair);
    TRY(CarryOutRepair());
    if (!verdict.result) return Fail(std::move(verdict.result).error());
    // Somebody may have overwritten it meanwhile.
  }
  return Fail(ErrorKind::kUnavailable,
              "another writer keeps overwriting what was written to " + client_->address().place());
}

Result<PfsPublisher::Verdict> PfsPublisher::Judge(std::span<const NewObject> objects,
                                                  std::span<const NewObject> written,
                                                  const PfsHistory& history,
                                                  const std::string& base,
                                                  const std::string& readable,
                                                  const PfsOutcome& outcome) const {
  Verdict verdict;
  // The usual case: nobody else was there, and the server has said that it was done.
  const bool alone = outcome.result && history.commits().size() == 1 && history.error().empty();
  for (const NewObject& object : written) {
    ASSIGN_OR_RETURN(const std::optional<size_t> came, history.CameWith(object.name));
    if (!came.has_value()) {
      if (!outcome.result) return Fail(outcome.result.error());
      return Fail(ErrorKind::kUnavailable,
                  history.error().empty()
                      ? object.name + " did not get into " + client_->address().place()
                      : history.error(),
                  "look into pachd's log");
    }
    const std::string& commit = history.commits()[*came];
    if (alone) {
      ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeAt(*client_, commit, object.name));
      if (size == object.content->size()) continue;
    }
    ASSIGN_OR_RETURN(const bool ours, HasContent(*client_, commit, object));
    Result<void> result =
        ours ? JudgeConditions(object, objects, commit) : OtherContent(*client_, object);
    if (!result && verdict.result) verdict.result = std::move(result);
    // Whoever was first is to be seen, by whomever.
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size_now,
                     SizeAt(*client_, readable, object.name));
    ASSIGN_OR_RETURN(const std::optional<uint64_t> first_size,
                     SizeAt(*client_, commit, object.name));
    if (!size_now.has_value() || !first_size.has_value() || commit == readable) continue;
    const std::unique_ptr<ByteSource> first =
        NewPfsObject(client_, commit, object.name, *first_size);
    const NewObject expected{object.name, first.get()};
    ASSIGN_OR_RETURN(const bool stands, HasContent(*client_, readable, expected));
    if (!stands) verdict.repair.restored.push_back({object.name, commit});
  }
  if (verdict.result) return verdict;
  ASSIGN_OR_RETURN(Repair withdrawal, RepairOf(written, history, base));
  verdict.repair.withdrawn = std::move(withdrawal.withdrawn);
  std::erase_if(verdict.repair.restored, [&](const Repair::Original& original) {
    const auto& withdrawn = verdict.repair.withdrawn;
    return std::find(withdrawn.begin(), withdrawn.end(), original.name) != withdrawn.end();
  });
  return verdict;
}

Result<void> PfsPublisher::JudgeConditions(const NewObject& object, std::span<const NewObject> own,
                                           const std::string& commit) const {
  if (!object.predecessor.empty()) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                     SizeAt(*client_, commit, object.predecessor));
    if (!size.has_value()) return PredecessorIsGone(*client_, object);
  }
  if (object.unique_prefix.empty()) return {};
  ASSIGN_OR_RETURN(const std::string other,
                   OtherObject(*client_, commit, object.unique_prefix, own));
  return other.empty() ? Result<void>() : StandsInTheWay(*client_, other, object);
}

// Takes back what came with our own PFS commit: where a rival wrote the same bytes before it, they
// are the rival's.
Result<PfsPublisher::Repair> PfsPublisher::RepairOf(std::span<const NewObject> written,
                                                    const PfsHistory& history,
                                                    const std::string& base) const {
  Repair repair;
  ASSIGN_OR_RETURN(const std::optional<size_t> own, history.FirstWithAll(written));
  if (!own.has_value()) return repair;
  const std::string& before = *own == 0 ? base : history.commits()[*own - 1];
  for (const NewObject& object : written) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> earlier, SizeAt(*client_, before, object.name));
    if (!earlier.has_value()) repair.withdrawn.push_back(object.name);
  }
  return repair;
}

Result<void> PfsPublisher::CarryOutRepair() {
  if (repair_.empty()) return {};
  std::vector<std::unique_ptr<ByteSource>> originals;
  std::vector<PfsNewFile> files;
  for (const Repair::Original& original : repair_.restored) {
    ASSIGN_OR_RETURN(const uint64_t size, client_->Size(original.commit, original.name));
    originals.push_back(NewPfsObject(client_, original.commit, original.name, size));
    files.push_back({original.name, originals.back().get()});
  }
  Result<void> repaired;
  for (int attempt = 0; attempt < kMaxPfsAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const PfsLook base, LookForWriting(*client_));
    repaired = client_->Modify(repair_.withdrawn, files, [] { return Result<void>(); }).result;
    if (!repaired) continue;
    ASSIGN_OR_RETURN(const PfsLook look, LookForWriting(*client_));
    ASSIGN_OR_RETURN(const PfsHistory history, PfsHistory::Between(client_, base.head, look.head));
    if (history.error().empty()) {
      repair_ = Repair();
      return {};
    }
    repaired = Fail(ErrorKind::kUnavailable, history.error(), "look into pachd's log");
  }
  return repaired;
}

Result<std::string> PfsPublisher::Remove(std::span<const std::string> names) {
  TRY(CarryOutRepair());
  ASSIGN_OR_RETURN(PfsLook look, LookForWriting(*client_));
  std::vector<std::string> present;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeAt(*client_, look.readable, name));
    if (size.has_value()) present.push_back(name);
  }
  if (present.empty()) return look.readable;
  const std::string base = look.head;
  const PfsOutcome outcome = client_->Modify(present, {}, [] { return Result<void>(); });
  if (!outcome.result && !outcome.may_have_happened) return Fail(outcome.result.error());
  ASSIGN_OR_RETURN(look, LookForWriting(*client_));
  if (look.head == base && !outcome.result) return Fail(outcome.result.error());
  ASSIGN_OR_RETURN(const PfsHistory history, PfsHistory::Between(client_, base, look.head));
  for (const std::string& name : present) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeAt(*client_, look.readable, name));
    if (!size.has_value()) continue;
    if (!outcome.result) return Fail(outcome.result.error());
    if (history.error().empty()) continue;  // somebody has put it again
    return Fail(ErrorKind::kUnavailable, history.error(), "look into pachd's log");
  }
  return look.readable;
}

}  // namespace trunkline
