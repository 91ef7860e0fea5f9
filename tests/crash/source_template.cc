#include "tests/crash/source_template.h"

#include "tests/crash/workload.h"
#include "tests/support/must.h"
#include "tests/support/twin_slot.h"

namespace trunkline::crash {

SourceTemplate::SourceTemplate() {
  CreateWorkloadSchema(source_.conninfo());
  test::TwinSlot{source_.conninfo()};
  test::Must(source_.server().Stop(/*immediate=*/false));
}

}  // namespace trunkline::crash
