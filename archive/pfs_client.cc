#include "archive/pfs_client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "archive/pfs_status.h"
#include "pfs.grpc.pb.h"
#include "pfs.pb.h"

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A server takes messages of up to 20 MiB.
constexpr size_t kChunkBytes = 1 << 20;
constexpr int kMaxAnswerBytes = 20 << 20;
constexpr int kReadAheadBytes = 1 << 20;
constexpr int kKeepaliveMillis = 20'000;
constexpr int kReconnectMillis = 5'000;
constexpr seconds kCallDeadline{30};
constexpr seconds kFinishDeadline{60};  // of one call; then another one asks
constexpr seconds kFinishPatience{300};
// A transfer has this long, and longer by what a slow network takes.
constexpr seconds kTransferDeadline{300};
constexpr uint64_t kSlowestPfsBytesPerSecond = 256 << 10;

static_assert(static_cast<int>(RpcCode::kUnauthenticated) == grpc::StatusCode::UNAUTHENTICATED);
static_assert(static_cast<int>(RpcCode::kUnavailable) == grpc::StatusCode::UNAVAILABLE);

RpcCode CodeOf(const grpc::Status& status) { return static_cast<RpcCode>(status.error_code()); }

seconds TransferDeadline(uint64_t bytes) {
  return kTransferDeadline + seconds(bytes / kSlowestPfsBytesPerSecond);
}

std::string Absolute(std::string_view path) { return "/" + std::string(path); }

PfsCommit CommitOf(const pfs_v2::CommitInfo& info) {
  PfsCommit commit;
  commit.id = info.commit().id();
  commit.parent = info.parent_commit().id();
  commit.branch = info.commit().branch().name();
  if (info.has_finishing()) commit.state = PfsCommit::State::kFinishing;
  if (info.has_finished()) commit.state = PfsCommit::State::kFinished;
  commit.error = info.error();
  return commit;
}

// gRPC writes to standard error, beside our log, what it tells by a call's status as well.
void QuietGrpc() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
}

std::shared_ptr<grpc::Channel> NewChannel(const PfsAddress& address, const std::string& roots) {
  QuietGrpc();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // How much a server may send ahead of what is read: else it grows with the network's speed.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAheadBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMillis);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Calls that wrote are never to be made twice behind our back.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = roots;
  return grpc::CreateCustomChannel(
      address.endpoint(),
      address.tls ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct PfsClient::Connection {
  Connection(PfsAddress where, const PfsCredentials& credentials)
      : address(std::move(where)),
        token(credentials.token),
        stub(pfs_v2::API::NewStub(NewChannel(address, credentials.ca_certificates))) {}

  void Prepare(grpc::ClientContext* context, milliseconds deadline) const {
    context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_millis(deadline.count(), GPR_TIMESPAN)));
    if (!token.empty()) context->AddMetadata("authn-token", token);
  }

  tl::unexpected<Error> Failure(const grpc::Status& status, std::string_view doing) const {
    return Fail(PfsError(CodeOf(status), status.error_message(), doing, address));
  }

  // Makes the call `method` of the stub.
  template <typename Request, typename Answer, typename Method>
  grpc::Status Call(Method method, const Request& request, Answer* answer,
                    milliseconds deadline = kCallDeadline) const {
    grpc::ClientContext context;
    Prepare(&context, deadline);
    return (stub.get()->*method)(&context, request, answer);
  }

  void Fill(pfs_v2::Repo* repo) const {
    repo->set_name(address.repo);
    repo->set_type("user");
    repo->mutable_project()->set_name(address.project);
  }
  void Fill(pfs_v2::Branch* branch) const {
    Fill(branch->mutable_repo());
    branch->set_name(address.branch);
  }
  // An empty `id` is the branch's head.
  void Fill(pfs_v2::Commit* commit, const std::string& id) const {
    Fill(commit->mutable_branch());
    Fill(commit->mutable_repo());
    commit->set_id(id);
  }
  void Fill(pfs_v2::File* file, const std::string& commit, std::string_view path) const {
    Fill(file->mutable_commit(), commit);
    file->set_path(Absolute(path));
  }

  grpc::Status InspectCommit(const std::string& id, pfs_v2::CommitState wait, milliseconds deadline,
                             pfs_v2::CommitInfo* info) const {
    pfs_v2::InspectCommitRequest request;
    Fill(request.mutable_commit(), id);
    request.set_wait(wait);
    return Call(&pfs_v2::API::Stub::InspectCommit, request, info, deadline);
  }

  grpc::Status CreateRepo() const {
    pfs_v2::CreateRepoRequest request;
    Fill(request.mutable_repo());
    google::protobuf::Empty nothing;
    return Call(&pfs_v2::API::Stub::CreateRepo, request, &nothing);
  }

  const PfsAddress address;
  const std::string token;
  const std::unique_ptr<pfs_v2::API::Stub> stub;
};

namespace {

using ModifyStream = grpc::ClientWriter<pfs_v2::ModifyFileRequest>;

// False when the stream has ended; Finish tells why.
bool SendRemoval(ModifyStream* stream, std::string_view path) {
  pfs_v2::ModifyFileRequest request;
  request.mutable_delete_file()->set_path(Absolute(path));
  return stream->Write(request);
}

// An error is the content's.
Result<bool> SendFile(ModifyStream* stream, const PfsNewFile& file) {
  // Content is appended to what is there.
  if (!SendRemoval(stream, file.path)) return false;
  pfs_v2::ModifyFileRequest request;
  request.mutable_add_file()->set_path(Absolute(file.path));
  std::string* chunk = request.mutable_add_file()->mutable_raw()->mutable_value();
  uint64_t offset = 0;
  do {  // once for an empty file
    chunk->resize(std::min<uint64_t>(kChunkBytes, file.content->size() - offset));
    TRY(file.content->Read(offset, chunk->data(), chunk->size()));
    if (!stream->Write(request)) return false;
    offset += chunk->size();
  } while (offset < file.content->size());
  return true;
}

// Whether all was sent.
Result<bool> SendAll(ModifyStream* stream, const pfs_v2::ModifyFileRequest& first,
                     std::span<const std::string> removed, std::span<const PfsNewFile> added) {
  if (!stream->Write(first)) return false;
  for (const std::string& path : removed) {
    if (!SendRemoval(stream, path)) return false;
  }
  for (const PfsNewFile& file : added) {
    ASSIGN_OR_RETURN(const bool sent, SendFile(stream, file));
    if (!sent) return false;
  }
  return true;
}

}  // namespace

PfsClient::PfsClient(PfsAddress address, const PfsCredentials& credentials)
    : connection_(std::make_unique<Connection>(std::move(address), credentials)) {}

PfsClient::~PfsClient() = default;

const PfsAddress& PfsClient::address() const { return connection_->address; }

Result<PfsCommit> PfsClient::Head() const { return Inspect(""); }

Result<PfsCommit> PfsClient::Inspect(const std::string& commit) const {
  pfs_v2::CommitInfo info;
  const grpc::Status status =
      connection_->InspectCommit(commit, pfs_v2::COMMIT_STATE_UNKNOWN, kCallDeadline, &info);
  if (!status.ok()) return connection_->Failure(status, "look at " + address().place());
  return CommitOf(info);
}

Result<PfsCommit> PfsClient::AwaitFinished(const std::string& commit) const {
  const auto end = std::chrono::steady_clock::now() + kFinishPatience;
  while (true) {
    pfs_v2::CommitInfo info;
    const grpc::Status status =
        connection_->InspectCommit(commit, pfs_v2::FINISHED, kFinishDeadline, &info);
    if (status.ok()) return CommitOf(info);
    if (CodeOf(status) != RpcCode::kDeadlineExceeded) {
      return connection_->Failure(status, "wait for the PFS commit " + commit);
    }
    if (std::chrono::steady_clock::now() < end) continue;
    return Fail(ErrorKind::kUnavailable,
                "the PFS commit " + commit + " of " + address().place() + " does not finish",
                "look for it with pachctl inspect commit, and into pachd's log");
  }
}

Result<bool> PfsClient::IsOutputBranch() const {
  pfs_v2::InspectBranchRequest request;
  connection_->Fill(request.mutable_branch());
  pfs_v2::BranchInfo info;
  const grpc::Status status = connection_->Call(&pfs_v2::API::Stub::InspectBranch, request, &info);
  if (!status.ok()) return connection_->Failure(status, "look at " + address().place());
  // A spout writes its output itself; that is made from nothing but the spout's own spec.
  return std::any_of(info.direct_provenance().begin(), info.direct_provenance().end(),
                     [](const pfs_v2::Branch& input) { return input.repo().type() != "spec"; });
}

Result<std::vector<ObjectInfo>> PfsClient::List(const std::string& commit,
                                                std::string_view prefix) const {
  pfs_v2::GlobFileRequest request;
  connection_->Fill(request.mutable_commit(), commit);
  request.set_pattern(Absolute(prefix) + "**");
  grpc::ClientContext context;
  connection_->Prepare(&context, kTransferDeadline);
  const auto stream = connection_->stub->GlobFile(&context, request);
  std::vector<ObjectInfo> files;
  pfs_v2::FileInfo info;
  while (stream->Read(&info)) {
    if (info.file_type() != pfs_v2::FILE) continue;
    std::string_view path = info.file().path();
    if (path.starts_with('/')) path.remove_prefix(1);
    if (!path.starts_with(prefix)) continue;
    files.push_back({std::string(path), static_cast<uint64_t>(info.size_bytes())});
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return connection_->Failure(status, "list " + address().place());
  std::sort(files.begin(), files.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; });
  return files;
}

Result<uint64_t> PfsClient::Size(const std::string& commit, const std::string& path) const {
  pfs_v2::InspectFileRequest request;
  connection_->Fill(request.mutable_file(), commit, path);
  pfs_v2::FileInfo info;
  const grpc::Status status = connection_->Call(&pfs_v2::API::Stub::InspectFile, request, &info);
  if (!status.ok()) return connection_->Failure(status, "look for " + path);
  if (info.file_type() != pfs_v2::FILE) {
    return Fail(ErrorKind::kNotFound, path + " is a folder of " + address().place());
  }
  return static_cast<uint64_t>(info.size_bytes());
}

Result<void> PfsClient::Read(const std::string& commit, const std::string& path, uint64_t offset,
                             char* buffer, size_t length) const {
  pfs_v2::GetFileRequest request;
  connection_->Fill(request.mutable_file(), commit, path);
  request.set_offset(static_cast<int64_t>(offset));
  grpc::ClientContext context;
  connection_->Prepare(&context, TransferDeadline(length));
  const auto stream = connection_->stub->GetFile(&context, request);
  size_t got = 0;
  google::protobuf::BytesValue chunk;
  while (got < length && stream->Read(&chunk)) {
    const size_t part = std::min(length - got, chunk.value().size());
    std::memcpy(buffer + got, chunk.value().data(), part);
    got += part;
  }
  // There is no length to ask for: what follows is not wanted.
  if (got == length) context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (got == length) return {};
  if (!status.ok()) return connection_->Failure(status, "read " + path);
  return Fail(ErrorKind::kTruncated,
              path + " ends at " + std::to_string(offset + got) + ", earlier than its size says");
}

Result<void> PfsClient::CreatePlace() const {
  grpc::Status status = connection_->CreateRepo();
  if (CodeOf(status) == RpcCode::kNotFound) {
    pfs_v2::CreateProjectRequest request;
    request.mutable_project()->set_name(address().project);
    google::protobuf::Empty nothing;
    status = connection_->Call(&pfs_v2::API::Stub::CreateProject, request, &nothing);
    if (!status.ok() && CodeOf(status) != RpcCode::kAlreadyExists) {
      return connection_->Failure(status, "make the project " + address().project);
    }
    status = connection_->CreateRepo();
  }
  if (status.ok() || CodeOf(status) == RpcCode::kAlreadyExists ||
      status.error_message().find("already exists") != std::string::npos) {
    return {};
  }
  return connection_->Failure(status, "make the repo " + address().repo);
}

PfsOutcome PfsClient::Modify(std::span<const std::string> removed,
                             std::span<const PfsNewFile> added,
                             const std::function<Result<void>()>& last_look) const {
  uint64_t bytes = 0;
  for (const PfsNewFile& file : added) bytes += file.content->size();
  grpc::ClientContext context;
  connection_->Prepare(&context, TransferDeadline(bytes));
  google::protobuf::Empty nothing;
  const auto stream = connection_->stub->ModifyFile(&context, &nothing);
  pfs_v2::ModifyFileRequest first;
  connection_->Fill(first.mutable_set_commit(), "");
  Result<bool> sent = SendAll(stream.get(), first, removed, added);
  Result<void> ready;
  if (!sent) ready = Fail(std::move(sent).error());
  const bool all_sent = ready && *sent;
  if (all_sent) ready = last_look();
  if (!ready) {
    // Only a stream that we end makes a PFS commit.
    context.TryCancel();
    static_cast<void>(stream->Finish());
    return {std::move(ready), false};
  }
  if (all_sent) stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (status.ok()) return {{}, true};
  return {connection_->Failure(status, "write to " + address().place()),
          all_sent && MayHaveHappened(CodeOf(status))};
}

}  // namespace trunkline
