#include "tests/unit/stores/pfs_admin.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "pfs.grpc.pb.h"
#include "pfs.pb.h"

namespace trunkline::test {

struct PfsAdmin::Connection {
  PfsAddress address;
  std::string token;
  std::unique_ptr<pfs_v2::API::Stub> stub;

  void Prepare(grpc::ClientContext* context) const {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (!token.empty()) context->AddMetadata("authn-token", token);
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
  void Fill(pfs_v2::Commit* commit, const std::string& id) const {
    Fill(commit->mutable_repo());
    Fill(commit->mutable_branch());
    commit->set_id(id);
  }
  template <typename Method, typename Request, typename Reply>
  RpcCode Call(Method method, const Request& request, Reply* reply) const {
    grpc::ClientContext context;
    Prepare(&context);
    return static_cast<RpcCode>((stub.get()->*method)(&context, request, reply).error_code());
  }
};

namespace {

using pfs_v2::API;

std::vector<std::string> PathsOf(grpc::ClientReader<pfs_v2::FileInfo>* stream) {
  std::vector<std::string> paths;
  pfs_v2::FileInfo info;
  while (stream->Read(&info)) paths.push_back(info.file().path());
  const grpc::Status status = stream->Finish();
  if (!status.ok()) paths.push_back("error: " + status.error_message());
  return paths;
}

}  // namespace

PfsAdmin::PfsAdmin(PfsAddress address, const PfsCredentials& credentials)
    : connection_(std::make_unique<Connection>()) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = credentials.ca_certificates;
  connection_->address = std::move(address);
  connection_->token = credentials.token;
  connection_->stub = API::NewStub(grpc::CreateCustomChannel(
      connection_->address.endpoint(),
      connection_->address.tls ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials(),
      arguments));
}

PfsAdmin::~PfsAdmin() = default;

RpcCode PfsAdmin::CreateRepo() {
  pfs_v2::CreateRepoRequest request;
  connection_->Fill(request.mutable_repo());
  google::protobuf::Empty nothing;
  return connection_->Call(&API::Stub::CreateRepo, request, &nothing);
}

RpcCode PfsAdmin::DeleteRepo() {
  pfs_v2::DeleteRepoRequest request;
  connection_->Fill(request.mutable_repo());
  request.set_force(true);
  google::protobuf::Empty nothing;
  return connection_->Call(&API::Stub::DeleteRepo, request, &nothing);
}

RpcCode PfsAdmin::CreateOutputBranch(const PfsAddress& input) {
  pfs_v2::CreateBranchRequest request;
  connection_->Fill(request.mutable_branch());
  pfs_v2::Branch* provenance = request.add_provenance();
  connection_->Fill(provenance);
  provenance->mutable_repo()->set_name(input.repo);
  provenance->set_name(input.branch);
  google::protobuf::Empty nothing;
  return connection_->Call(&API::Stub::CreateBranch, request, &nothing);
}

RpcCode PfsAdmin::CreateSpoutBranch() {
  pfs_v2::CreateBranchRequest request;
  connection_->Fill(request.mutable_branch());
  pfs_v2::Branch* provenance = request.add_provenance();
  connection_->Fill(provenance);
  provenance->mutable_repo()->set_type("spec");
  google::protobuf::Empty nothing;
  return connection_->Call(&API::Stub::CreateBranch, request, &nothing);
}

RpcCode PfsAdmin::StartCommit(std::string* id) {
  pfs_v2::StartCommitRequest request;
  connection_->Fill(request.mutable_branch());
  pfs_v2::Commit commit;
  const RpcCode code = connection_->Call(&API::Stub::StartCommit, request, &commit);
  *id = commit.id();
  return code;
}

RpcCode PfsAdmin::FinishCommit(const std::string& id, const std::string& error) {
  pfs_v2::FinishCommitRequest request;
  connection_->Fill(request.mutable_commit(), id);
  request.set_error(error);
  google::protobuf::Empty nothing;
  return connection_->Call(&API::Stub::FinishCommit, request, &nothing);
}

RpcCode PfsAdmin::Modify(const std::string& commit, const std::vector<Edit>& edits) {
  grpc::ClientContext context;
  connection_->Prepare(&context);
  google::protobuf::Empty nothing;
  const auto stream = connection_->stub->ModifyFile(&context, &nothing);
  pfs_v2::ModifyFileRequest first;
  connection_->Fill(first.mutable_set_commit(), commit);
  stream->Write(first);
  for (const auto& [path, content] : edits) {
    pfs_v2::ModifyFileRequest request;
    if (content.has_value()) {
      request.mutable_add_file()->set_path(path);
      request.mutable_add_file()->mutable_raw()->set_value(*content);
    } else {
      request.mutable_delete_file()->set_path(path);
    }
    if (!stream->Write(request)) break;
  }
  stream->WritesDone();
  return static_cast<RpcCode>(stream->Finish().error_code());
}

std::optional<std::string> PfsAdmin::Content(const std::string& path) {
  grpc::ClientContext context;
  connection_->Prepare(&context);
  pfs_v2::GetFileRequest request;
  connection_->Fill(request.mutable_file()->mutable_commit(), "");
  request.mutable_file()->set_path(path);
  const auto stream = connection_->stub->GetFile(&context, request);
  std::string content;
  google::protobuf::BytesValue piece;
  while (stream->Read(&piece)) content += piece.value();
  if (!stream->Finish().ok()) return std::nullopt;
  return content;
}

std::vector<std::string> PfsAdmin::ListFolder(const std::string& path) {
  grpc::ClientContext context;
  connection_->Prepare(&context);
  pfs_v2::ListFileRequest request;
  connection_->Fill(request.mutable_file()->mutable_commit(), "");
  request.mutable_file()->set_path(path);
  return PathsOf(connection_->stub->ListFile(&context, request).get());
}

std::vector<std::string> PfsAdmin::Glob(const std::string& pattern) {
  grpc::ClientContext context;
  connection_->Prepare(&context);
  pfs_v2::GlobFileRequest request;
  connection_->Fill(request.mutable_commit(), "");
  request.set_pattern(pattern);
  return PathsOf(connection_->stub->GlobFile(&context, request).get());
}

std::vector<std::string> PfsAdmin::Subscribe(const std::string& from, size_t count) {
  grpc::ClientContext context;
  connection_->Prepare(&context);
  pfs_v2::SubscribeCommitRequest request;
  connection_->Fill(request.mutable_repo());
  request.set_branch(connection_->address.branch);
  if (!from.empty()) connection_->Fill(request.mutable_from(), from);
  request.set_state(pfs_v2::FINISHED);
  const auto stream = connection_->stub->SubscribeCommit(&context, request);
  std::vector<std::string> ids;
  pfs_v2::CommitInfo info;
  while (ids.size() < count && stream->Read(&info)) ids.push_back(info.commit().id());
  context.TryCancel();
  static_cast<void>(stream->Finish());
  return ids;
}

}  // namespace trunkline::test
