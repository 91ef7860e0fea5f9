#include "archive/s3_listing.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace trunkline {
namespace {

using Entry = S3Listing::Entry;

constexpr std::string_view kPageKeys = "1000";  // as many as servers give

Result<S3Listing> FetchPage(const S3Client& client, const std::string& prefix,
                            QueryParameters where) {
  S3Request request;
  request.query = std::move(where);
  request.query.emplace_back("prefix", prefix);
  request.query.emplace_back("max-keys", kPageKeys);
  request.query.emplace_back("encoding-type", "url");
  const std::string what = "cannot list s3://" + client.address().bucket + "/" + prefix;
  Result<HttpResponse> response = client.Send(request);
  if (!response) return Fail(std::move(response).error().WithContext(what));
  if (!response->ok()) return Fail(S3Failure(*response, what, client.address()));
  Result<S3Listing> page = ParseListing(response->body);
  if (!page) return Fail(std::move(page).error().WithContext(what));
  return page;
}

// How to ask for what follows `page`. A server that does not know list-type=2 answers as the first
// version does, without a token.
QueryParameters Next(const S3Listing& page) {
  if (!page.continuation_token.empty()) {
    return {{"list-type", "2"}, {"continuation-token", page.continuation_token}};
  }
  if (!page.next_marker.empty()) return {{"marker", page.next_marker}};
  if (!page.entries.empty()) return {{"marker", page.entries.back().key}};
  return {};
}

}  // namespace

Result<std::vector<Entry>> ListKeys(const S3Client& client, const std::string& prefix) {
  std::vector<Entry> keys;
  QueryParameters where = {{"list-type", "2"}};
  while (!where.empty()) {
    ASSIGN_OR_RETURN(S3Listing page, FetchPage(client, prefix, where));
    QueryParameters next = page.truncated ? Next(page) : QueryParameters();
    if (page.truncated && (next.empty() || next == where)) {
      return Fail(ErrorKind::kUnavailable,
                  "cannot list s3://" + client.address().bucket + "/" + prefix +
                      ": the server's listing does not come to an end",
                  "check that the endpoint is a server of S3");
    }
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(keys));
    where = std::move(next);
  }
  std::erase_if(keys, [&](const Entry& entry) { return !entry.key.starts_with(prefix); });
  std::sort(keys.begin(), keys.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  keys.erase(std::unique(keys.begin(), keys.end(),
                         [](const Entry& a, const Entry& b) { return a.key == b.key; }),
             keys.end());
  return keys;
}

}  // namespace trunkline
