#include "archive/s3_xml.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <sstream>

#include "base/percent.h"

namespace trunkline {
namespace {

constexpr size_t kMaxMessageBytes = 300;
constexpr std::string_view kNoListing = "the server's answer is not a listing of S3";

tl::unexpected<Error> NotS3(std::string_view what) {
  return Fail(ErrorKind::kUnavailable, std::string(what),
              "check that the endpoint is a server of S3");
}

// The document's root; null when the body is not XML.
pugi::xml_node Parse(const std::string& body, pugi::xml_document* document) {
  if (!document->load_buffer(body.data(), body.size())) return {};
  return document->document_element();
}

std::string OnOneLine(std::string_view text) {
  std::string line(text.substr(0, kMaxMessageBytes));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

Result<std::string> DecodeKey(std::string text, bool url_encoded) {
  if (!url_encoded) return text;
  std::replace(text.begin(), text.end(), '+', ' ');
  return PercentDecode(text);
}

}  // namespace

Result<S3Listing> ParseListing(const std::string& body) {
  pugi::xml_document document;
  const pugi::xml_node root = Parse(body, &document);
  if (std::string_view(root.name()) != "ListBucketResult") return NotS3(kNoListing);
  const bool url_encoded = std::string_view(root.child_value("EncodingType")) == "url";
  S3Listing listing;
  for (const pugi::xml_node contents : root.children("Contents")) {
    const std::string_view size = contents.child_value("Size");
    Result<std::string> key = DecodeKey(contents.child_value("Key"), url_encoded);
    uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), bytes);
    if (!key || key->empty() || error != std::errc() || end != size.data() + size.size()) {
      return NotS3(kNoListing);
    }
    listing.entries.push_back({std::move(*key), bytes});
  }
  listing.truncated = std::string_view(root.child_value("IsTruncated")) == "true";
  listing.continuation_token = root.child_value("NextContinuationToken");
  Result<std::string> marker = DecodeKey(root.child_value("NextMarker"), url_encoded);
  if (!marker) return NotS3(kNoListing);
  listing.next_marker = std::move(*marker);
  return listing;
}

S3ErrorBody ParseS3Error(const std::string& body) {
  pugi::xml_document document;
  const pugi::xml_node root = Parse(body, &document);
  if (std::string_view(root.name()) != "Error") return {};
  return {OnOneLine(root.child_value("Code")), OnOneLine(root.child_value("Message")),
          OnOneLine(root.child_value("Region"))};
}

bool IsS3Error(const std::string& body) {
  pugi::xml_document document;
  return std::string_view(Parse(body, &document).name()) == "Error";
}

Result<std::string> ParseUploadId(const std::string& body) {
  pugi::xml_document document;
  const pugi::xml_node root = Parse(body, &document);
  std::string id = root.child_value("UploadId");
  if (std::string_view(root.name()) != "InitiateMultipartUploadResult" || id.empty()) {
    return NotS3("the server's answer names no upload");
  }
  return id;
}

std::string CompletionDocument(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  for (size_t i = 0; i < etags.size(); ++i) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text().set(static_cast<unsigned>(i + 1));
    part.append_child("ETag").text().set(etags[i].c_str());
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw | pugi::format_no_declaration);
  return text.str();
}

}  // namespace trunkline
