// Sha256: the digest of bytes that arrive piece by piece.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace trunkline {

class Sha256 {
 public:
  Sha256();
  void Update(std::string_view bytes);
  // 32 bytes. Nothing but Restart may follow.
  std::string Finish();
  // Begins another digest, for less than what another object costs.
  void Restart();

 private:
  struct Deleter {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Deleter> context_;
};

}  // namespace trunkline
