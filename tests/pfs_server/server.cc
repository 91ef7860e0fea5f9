#include "tests/pfs_server/server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "pfs.grpc.pb.h"
#include "pfs.pb.h"
#include "tests/pfs_server/glob.h"

namespace trunkline::test {
namespace {

using google::protobuf::BytesValue;
using google::protobuf::Empty;
using grpc::ServerContext;
using grpc::Status;

constexpr int kMaxMessageBytes = 20 << 20;
constexpr size_t kPieceBytes = 256 << 10;
constexpr int kPingMillis = 5000;  // clients that ask more often are sent away

Status StatusOf(const Answer& answer) {
  return answer.ok() ? Status::OK
                     : Status(static_cast<grpc::StatusCode>(answer.code), answer.message);
}

RepoName NameOf(const pfs_v2::Repo& repo) {
  return {repo.project().name().empty() ? "default" : repo.project().name(), repo.name()};
}

CommitName NameOf(const pfs_v2::Commit& commit) {
  const pfs_v2::Repo& repo = commit.has_repo() ? commit.repo() : commit.branch().repo();
  return {NameOf(repo), commit.branch().name(), commit.id()};
}

void Fill(const RepoName& name, pfs_v2::Repo* repo) {
  repo->set_name(name.repo);
  repo->set_type("user");
  repo->mutable_project()->set_name(name.project);
}

void Fill(const CommitView& view, const std::string& id, pfs_v2::Commit* commit) {
  Fill(view.repo, commit->mutable_repo());
  Fill(view.repo, commit->mutable_branch()->mutable_repo());
  commit->mutable_branch()->set_name(view.branch);
  commit->set_id(id);
}

void Fill(const CommitView& view, pfs_v2::CommitInfo* info) {
  Fill(view, view.id, info->mutable_commit());
  info->mutable_origin()->set_kind(view.automatic ? pfs_v2::AUTO : pfs_v2::USER);
  info->set_description(view.description);
  if (!view.parent.empty()) Fill(view, view.parent, info->mutable_parent_commit());
  info->mutable_started()->set_seconds(1);
  if (view.finishing) info->mutable_finishing()->set_seconds(1);
  if (view.finished) info->mutable_finished()->set_seconds(1);
  info->set_error(view.error);
}

std::string Absolute(const std::string& path) { return path.starts_with('/') ? path : "/" + path; }

class Service final : public pfs_v2::API::Service {
 public:
  Service(const PfsServerOptions& options, Faults* faults, Repos* repos)
      : options_(options), faults_(faults), repos_(repos) {}

  Status CreateProject(ServerContext* context, const pfs_v2::CreateProjectRequest* request,
                       Empty*) override {
    return Serve(context, "CreateProject", true,
                 [&] { return repos_->CreateProject(request->project().name()); });
  }

  Status CreateRepo(ServerContext* context, const pfs_v2::CreateRepoRequest* request,
                    Empty*) override {
    return Serve(context, "CreateRepo", true,
                 [&] { return repos_->CreateRepo(NameOf(request->repo())); });
  }

  Status DeleteRepo(ServerContext* context, const pfs_v2::DeleteRepoRequest* request,
                    Empty*) override {
    return Serve(context, "DeleteRepo", true,
                 [&] { return repos_->DeleteRepo(NameOf(request->repo())); });
  }

  Status CreateBranch(ServerContext* context, const pfs_v2::CreateBranchRequest* request,
                      Empty*) override {
    return Serve(context, "CreateBranch", true, [&] {
      std::vector<BranchName> provenance;
      for (const pfs_v2::Branch& branch : request->provenance()) {
        provenance.push_back({NameOf(branch.repo()), branch.name(), branch.repo().type()});
      }
      return repos_->CreateBranch(NameOf(request->branch().repo()), request->branch().name(),
                                  request->head().id(), provenance);
    });
  }

  Status InspectBranch(ServerContext* context, const pfs_v2::InspectBranchRequest* request,
                       pfs_v2::BranchInfo* info) override {
    return Serve(context, "InspectBranch", false, [&] {
      BranchView view;
      const RepoName repo = NameOf(request->branch().repo());
      const Answer answer = repos_->InspectBranch(repo, request->branch().name(), &view);
      *info->mutable_branch() = request->branch();
      info->mutable_head()->set_id(view.head);
      for (const BranchName& branch : view.provenance) {
        pfs_v2::Branch* input = info->add_direct_provenance();
        Fill(branch.repo, input->mutable_repo());
        input->mutable_repo()->set_type(branch.type);
        input->set_name(branch.branch);
      }
      return answer;
    });
  }

  Status StartCommit(ServerContext* context, const pfs_v2::StartCommitRequest* request,
                     pfs_v2::Commit* commit) override {
    return Serve(context, "StartCommit", true, [&] {
      std::string id;
      const CommitName name{NameOf(request->branch().repo()), request->branch().name(), ""};
      const Answer answer = repos_->StartCommit(name, request->description(), &id);
      *commit->mutable_branch() = request->branch();
      *commit->mutable_repo() = request->branch().repo();
      commit->set_id(id);
      return answer;
    });
  }

  Status FinishCommit(ServerContext* context, const pfs_v2::FinishCommitRequest* request,
                      Empty*) override {
    return Serve(context, "FinishCommit", true,
                 [&] { return repos_->FinishCommit(NameOf(request->commit()), request->error()); });
  }

  Status InspectCommit(ServerContext* context, const pfs_v2::InspectCommitRequest* request,
                       pfs_v2::CommitInfo* info) override {
    return Serve(context, "InspectCommit", false, [&] {
      CommitView view;
      const Answer answer = repos_->Inspect(
          NameOf(request->commit()), request->wait() == pfs_v2::FINISHED,
          [&] { return context->IsCancelled(); }, &view);
      if (answer.ok()) Fill(view, info);
      return answer;
    });
  }

  Status SubscribeCommit(ServerContext* context, const pfs_v2::SubscribeCommitRequest* request,
                         grpc::ServerWriter<pfs_v2::CommitInfo>* writer) override {
    return Serve(context, "SubscribeCommit", false,
                 [&] { return Subscribe(*context, *request, writer); });
  }

  Status ModifyFile(ServerContext* context, grpc::ServerReader<pfs_v2::ModifyFileRequest>* reader,
                    Empty*) override {
    CommitName commit;
    std::vector<Edit> edits;
    const auto receive = [&] { return Receive(*context, reader, &commit, &edits); };
    const auto deed = [&] {
      return repos_->Modify(commit, edits, faults_->FinishError("ModifyFile"));
    };
    return Serve(context, "ModifyFile", true, deed, receive);
  }

  Status GetFile(ServerContext* context, const pfs_v2::GetFileRequest* request,
                 grpc::ServerWriter<BytesValue>* writer) override {
    return Serve(context, "GetFile", false, [&] {
      std::shared_ptr<const StoredFiles> files;
      const Answer answer = repos_->Files(NameOf(request->file().commit()), &files);
      if (!answer.ok()) return answer;
      const auto file = files->find(Absolute(request->file().path()));
      if (file == files->end()) return FileNotFound(request->file());
      Send(*file->second, static_cast<uint64_t>(request->offset()), writer);
      return Answer{};
    });
  }

  Status InspectFile(ServerContext* context, const pfs_v2::InspectFileRequest* request,
                     pfs_v2::FileInfo* info) override {
    return Serve(context, "InspectFile", false, [&] {
      std::shared_ptr<const StoredFiles> files;
      const Answer answer = repos_->Files(NameOf(request->file().commit()), &files);
      if (!answer.ok()) return answer;
      const std::optional<ListedFile> file = Find(*files, Absolute(request->file().path()));
      if (!file.has_value()) return FileNotFound(request->file());
      Describe(request->file(), *file, info);
      return Answer{};
    });
  }

  Status ListFile(ServerContext* context, const pfs_v2::ListFileRequest* request,
                  grpc::ServerWriter<pfs_v2::FileInfo>* writer) override {
    std::string folder = Absolute(request->file().path());
    if (!folder.ends_with('/')) folder += '/';
    return Serve(context, "ListFile", false,
                 [&] { return Match(request->file(), folder + "*", writer); });
  }

  Status GlobFile(ServerContext* context, const pfs_v2::GlobFileRequest* request,
                  grpc::ServerWriter<pfs_v2::FileInfo>* writer) override {
    pfs_v2::File file;
    *file.mutable_commit() = request->commit();
    return Serve(context, "GlobFile", false,
                 [&] { return Match(file, Absolute(request->pattern()), writer); });
  }

 private:
  template <typename Deed>
  Status Serve(ServerContext* context, const std::string& method, bool writes, Deed deed) {
    return Serve(context, method, writes, deed, [] { return Answer{}; });
  }

  template <typename Deed, typename Receive>
  Status Serve(ServerContext* context, const std::string& method, bool writes, Deed deed,
               Receive receive) {
    Answer answer = CheckToken(*context, writes);
    if (answer.ok()) answer = faults_->Hit(method, FaultPoint::kEntry);
    if (answer.ok()) answer = receive();
    if (answer.ok()) answer = faults_->Hit(method, FaultPoint::kBefore);
    if (answer.ok()) answer = deed();
    if (answer.ok()) answer = faults_->Hit(method, FaultPoint::kAfter);
    return StatusOf(answer);
  }

  Answer CheckToken(const ServerContext& context, bool writes) const {
    if (options_.token.empty()) return {};
    const auto range = context.client_metadata().equal_range("authn-token");
    if (range.first == range.second) {
      return {RpcCode::kUnauthenticated, "no authentication token (try logging in)"};
    }
    const std::string token(range.first->second.data(), range.first->second.size());
    if (token == options_.token) return {};
    if (token.empty() || token != options_.reader_token) {
      return {RpcCode::kUnauthenticated,
              "provided auth token is corrupted or has expired (try logging in again)"};
    }
    if (!writes) return {};
    return {RpcCode::kPermissionDenied,
            "robot:reader is not authorized to perform this operation - needs permissions "
            "[REPO_WRITE]"};
  }

  static Answer FileNotFound(const pfs_v2::File& file) {
    return {RpcCode::kNotFound,
            "file " + file.path() + " not found at commit " + file.commit().id()};
  }

  static Answer Receive(const ServerContext& context,
                        grpc::ServerReader<pfs_v2::ModifyFileRequest>* reader, CommitName* commit,
                        std::vector<Edit>* edits) {
    pfs_v2::ModifyFileRequest request;
    bool first = true;
    for (; reader->Read(&request); first = false) {
      if (first != request.has_set_commit()) {
        return {RpcCode::kInvalidArgument, "the first message must be a commit, and no other one"};
      }
      if (request.has_set_commit()) *commit = NameOf(request.set_commit());
      if (request.has_delete_file()) {
        edits->push_back({Absolute(request.delete_file().path()), nullptr});
      }
      if (request.has_add_file()) {
        edits->push_back({Absolute(request.add_file().path()),
                          std::make_shared<const std::string>(std::move(
                              *request.mutable_add_file()->mutable_raw()->mutable_value()))});
      }
    }
    // A stream that was broken off ends like one that is complete, and is told apart a moment
    // later.
    for (int i = 0; i < 4 && !context.IsCancelled(); ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    if (context.IsCancelled()) return {RpcCode::kCancelled, "context canceled"};
    if (first) return {RpcCode::kInvalidArgument, "no commit was set"};
    return {};
  }

  static void Send(const StoredFile& file, uint64_t offset,
                   grpc::ServerWriter<BytesValue>* writer) {
    BytesValue message;
    for (const auto& piece : file.pieces) {
      const uint64_t skipped = std::min<uint64_t>(offset, piece->size());
      offset -= skipped;
      for (size_t begin = skipped; begin < piece->size(); begin += kPieceBytes) {
        message.set_value(piece->substr(begin, kPieceBytes));
        if (!writer->Write(message)) return;
      }
    }
  }

  static void Describe(const pfs_v2::File& asked, const ListedFile& file, pfs_v2::FileInfo* info) {
    *info->mutable_file() = asked;
    info->mutable_file()->set_path(file.path);
    info->set_file_type(file.is_folder ? pfs_v2::DIR : pfs_v2::FILE);
    info->set_size_bytes(static_cast<int64_t>(file.size));
  }

  Answer Match(const pfs_v2::File& asked, const std::string& pattern,
               grpc::ServerWriter<pfs_v2::FileInfo>* writer) const {
    std::shared_ptr<const StoredFiles> files;
    if (Answer answer = repos_->Files(NameOf(asked.commit()), &files); !answer.ok()) return answer;
    for (const ListedFile& file : Matching(*files, pattern)) {
      pfs_v2::FileInfo info;
      Describe(asked, file, &info);
      if (!writer->Write(info)) break;
    }
    return {};
  }

  // `from` leaves out that one PFS commit, and no earlier one.
  Answer Subscribe(const ServerContext& context, const pfs_v2::SubscribeCommitRequest& request,
                   grpc::ServerWriter<pfs_v2::CommitInfo>* writer) const {
    const auto is_cancelled = [&] { return context.IsCancelled(); };
    const CommitName branch{NameOf(request.repo()), request.branch(), ""};
    for (size_t count = 0;;) {
      std::vector<std::string> ids;
      Answer answer = repos_->AwaitCommits(branch, count, is_cancelled, &ids);
      if (!answer.ok()) return answer;
      for (; count < ids.size(); ++count) {
        if (ids[count] == request.from().id()) continue;
        CommitView view;
        answer = repos_->Inspect({branch.repo, "", ids[count]}, request.state() == pfs_v2::FINISHED,
                                 is_cancelled, &view);
        if (!answer.ok()) return answer;
        pfs_v2::CommitInfo info;
        Fill(view, &info);
        if (!writer->Write(info)) return {};
      }
    }
  }

  const PfsServerOptions& options_;
  Faults* const faults_;
  Repos* const repos_;
};

}  // namespace

struct PfsServer::Running {
  explicit Running(PfsServer* owner) : service(owner->options_, &owner->faults_, &owner->repos_) {}

  Service service;
  std::unique_ptr<grpc::Server> server;
};

PfsServer::PfsServer(PfsServerOptions options)
    : options_(std::move(options)), repos_(options_.repos) {}

PfsServer::~PfsServer() { Stop(); }

Result<void> PfsServer::Start(const std::string& address) {
  running_ = std::make_unique<Running>(this);
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!options_.certificate.empty()) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({options_.private_key, options_.certificate});
    credentials = grpc::SslServerCredentials(tls);
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, credentials, &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingMillis);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(&running_->service);
  running_->server = builder.BuildAndStart();
  if (running_->server == nullptr || port == 0) {
    running_.reset();
    return Fail(ErrorKind::kFailed, "cannot listen on " + address);
  }
  port_ = static_cast<uint16_t>(port);
  return {};
}

void PfsServer::Stop() {
  if (running_ == nullptr) return;
  running_->server->Shutdown(std::chrono::system_clock::now());
  running_->server->Wait();
  running_.reset();
}

}  // namespace trunkline::test
