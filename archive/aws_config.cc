#include "archive/aws_config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "archive/byte_source.h"

namespace trunkline {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kKeysHint =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write aws_access_key_id and "
    "aws_secret_access_key into ~/.aws/credentials";
constexpr std::string_view kExportHint =
    "where the AWS command line knows them, \"aws configure export-credentials --format env\" "
    "prints what to set";

using Profile = std::map<std::string, std::string>;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The first that is not empty.
std::string Any(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return {};
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string ProfileName() { return Any({Variable("AWS_PROFILE"), "default"}); }

// The file that `variable` names, else `name` in ~/.aws.
std::string FileNamed(const char* variable, std::string_view name) {
  const std::string given = Variable(variable);
  if (!given.empty()) return given;
  const std::string home = Variable("HOME");
  return home.empty() ? std::string() : home + "/.aws/" + std::string(name);
}

// Adds the settings of one section; nothing when there is no such file. Whether the section exists.
Result<bool> AddSection(const std::string& path, std::string_view section, Profile* profile) {
  if (path.empty()) return false;
  const Result<std::unique_ptr<ByteSource>> file = OpenFileSource(path);
  if (!file && file.error().kind == ErrorKind::kNotFound) return false;
  TRY(file);
  Result<std::string> text = ReadAll(**file, kMaxFileBytes);
  if (!text) return Fail(std::move(text).error().WithContext(path));
  bool found = false;
  bool inside = false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view raw = rest.substr(0, end);
    const std::string_view line = Trimmed(raw);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = Trimmed(line.substr(1, line.find(']') - 1)) == section;
      found = found || inside;
      continue;
    }
    const size_t equals = line.find('=');
    // An indented line belongs to a setting of several lines, none of which is ours.
    if (!inside || equals == std::string_view::npos || kBlanks.find(raw.front()) != kBlanks.npos) {
      continue;
    }
    profile->emplace(Trimmed(line.substr(0, equals)), Trimmed(line.substr(equals + 1)));
  }
  return found;
}

// What the files say of the profile; the credentials file first, whose settings win.
Result<Profile> LoadProfile() {
  const std::string name = ProfileName();
  Profile profile;
  ASSIGN_OR_RETURN(
      const bool in_credentials,
      AddSection(FileNamed("AWS_SHARED_CREDENTIALS_FILE", "credentials"), name, &profile));
  ASSIGN_OR_RETURN(const bool in_config,
                   AddSection(FileNamed("AWS_CONFIG_FILE", "config"),
                              name == "default" ? name : "profile " + name, &profile));
  if (!in_credentials && !in_config && !Variable("AWS_PROFILE").empty()) {
    return Fail(ErrorKind::kNotFound, "there is no AWS profile \"" + name + "\"",
                "AWS_PROFILE names a section of ~/.aws/credentials or ~/.aws/config");
  }
  return profile;
}

std::string Setting(const Profile& profile, const std::string& name) {
  const auto setting = profile.find(name);
  return setting == profile.end() ? std::string() : setting->second;
}

tl::unexpected<Error> NoKeys(const Profile& profile) {
  constexpr std::array kAskedFor = {"role_arn", "web_identity_token_file", "credential_process",
                                    "sso_session", "sso_start_url"};
  for (const char* setting : kAskedFor) {
    if (Setting(profile, setting).empty()) continue;
    return Fail(ErrorKind::kUnsupported,
                "the AWS profile \"" + ProfileName() + "\" has no keys but " + setting +
                    ", which is not supported",
                std::string(kExportHint));
  }
  constexpr std::array kOfContainers = {"AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
  for (const char* variable : kOfContainers) {
    if (Variable(variable).empty()) continue;
    return Fail(ErrorKind::kUnsupported,
                std::string("credentials by ") + variable + " are not supported",
                "give the container keys: " + std::string(kKeysHint));
  }
  return Fail(ErrorKind::kDenied, "there are no credentials for S3",
              std::string(kKeysHint) + "; a machine's role is not asked for");
}

}  // namespace

Result<AwsSettings> LoadAwsSettings() {
  AwsSettings settings{Any({Variable("AWS_REGION"), Variable("AWS_DEFAULT_REGION")}),
                       Any({Variable("AWS_ENDPOINT_URL_S3"), Variable("AWS_ENDPOINT_URL")}),
                       Variable("AWS_CA_BUNDLE")};
  ASSIGN_OR_RETURN(const Profile profile, LoadProfile());
  settings.region = Any({settings.region, Setting(profile, "region")});
  settings.endpoint = Any({settings.endpoint, Setting(profile, "endpoint_url")});
  settings.ca_bundle = Any({settings.ca_bundle, Setting(profile, "ca_bundle")});
  return settings;
}

Result<AwsCredentials> LoadAwsCredentials() {
  AwsCredentials keys{Variable("AWS_ACCESS_KEY_ID"), Variable("AWS_SECRET_ACCESS_KEY"),
                      Variable("AWS_SESSION_TOKEN")};
  std::string_view place = "the environment";
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) {
    ASSIGN_OR_RETURN(const Profile profile, LoadProfile());
    keys = {Setting(profile, "aws_access_key_id"), Setting(profile, "aws_secret_access_key"),
            Setting(profile, "aws_session_token")};
    place = "the AWS profile";
    if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return NoKeys(profile);
  }
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return Fail(ErrorKind::kDenied, std::string(place) + " has one half of a pair of keys for S3",
                std::string(kKeysHint));
  }
  return keys;
}

}  // namespace trunkline
