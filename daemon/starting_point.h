// StartingPoint: makes slot and archive fit together, and says where the stream is to begin.
//
// A new archive begins at its slot's beginning. An archive that the source can bring on goes on at
// its end. Where the source has lost changes since, a GAP segment leads from the archive's end to
// where the slot can begin, and a new base snapshot must follow (Appender::has_complete_snapshot).
//
// Each step can be taken again after a crash: a slot made, but no GAP written yet, is a slot past
// the archive's end, which is a gap as well; a GAP written is the archive's end.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "archive/appender.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/continuity.h"
#include "daemon/slot.h"
#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {

// Streaming from the slot has shown that it is of no use any more.
struct SlotFailure {
  std::string reason;
  // As far as it had been confirmed at most. A slot that has come further is another one, which
  // somebody made since.
  Lsn confirmed;
};

class StartingPoint {
 public:
  // `replication` is the connection in replication mode, `connection` another one to the same
  // server. With `stop_at_gap`, a gap is an error (kGap) instead, and nothing is changed. Nothing
  // is owned.
  StartingPoint(postgres::Connection* connection, postgres::Connection* replication,
                const Source& source, std::string slot_name, bool stop_at_gap)
      : connection_(connection),
        replication_(replication),
        source_(source),
        slot_name_(std::move(slot_name)),
        stop_at_gap_(stop_at_gap) {}

  // Looks at the slot; to be called before the archive is opened. `failure`: what streaming from it
  // has shown, if anything.
  Result<void> ExamineSlot(const std::optional<SlotFailure>& failure);

  // kBusy while another process reads the slot.
  Result<Lsn> Prepare(Appender* appender);

 private:
  Result<void> CheckSlot() const;
  Result<Lsn> PrepareNew(Appender* appender);
  Result<Lsn> CrossGap(const Gap& gap, const ArchivePosition& archive, Appender* appender);
  Result<Lsn> UsableSlot();

  postgres::Connection* const connection_;
  postgres::Connection* const replication_;
  const Source& source_;
  const std::string slot_name_;
  const bool stop_at_gap_;
  std::optional<SlotInfo> slot_;
};

}  // namespace trunkline
