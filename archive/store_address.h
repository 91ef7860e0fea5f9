// How the address of an archive is written, for help and completion. OpenStore reads it.
#pragma once

namespace trunkline {

// Forms with | between.
inline constexpr char kArchiveForms[] = "DIR|file://DIR|pfs://...|pfs+tls://...|s3://...";

}  // namespace trunkline
