// SourceTemplate: a source with the workload's schema and the twin slot, stopped, to be copied. A
// copy is there in a tenth of the time that initdb takes.
#pragma once

#include <string>

#include "tests/support/source.h"

namespace trunkline::crash {

class SourceTemplate {
 public:
  SourceTemplate();
  // PGDATA. Any number of threads may copy it.
  std::string data() const { return source_.data(); }

 private:
  test::Source source_;
};

}  // namespace trunkline::crash
