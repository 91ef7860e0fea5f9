#include "daemon/timeline_history.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace trunkline {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// Takes the next word of a line; empty at its end.
std::string_view TakeWord(std::string_view* line) {
  line->remove_prefix(std::min(line->find_first_not_of(kBlanks), line->size()));
  const std::string_view word = line->substr(0, line->find_first_of(kBlanks));
  line->remove_prefix(word.size());
  return word;
}

Result<TimelineSwitch> ParseSwitch(std::string_view number, std::string_view end) {
  TimelineSwitch entry;
  const auto [rest, error] =
      std::from_chars(number.data(), number.data() + number.size(), entry.timeline);
  Result<Lsn> lsn = Lsn::Parse(end);
  if (error != std::errc() || rest != number.data() + number.size() || !lsn) {
    return Fail(ErrorKind::kCorrupt, "the source's timeline history is malformed");
  }
  entry.end = *lsn;
  return entry;
}

}  // namespace

Result<TimelineHistory> ParseTimelineHistory(std::string_view content) {
  TimelineHistory history;
  while (!content.empty()) {
    std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    const std::string_view number = TakeWord(&line);
    if (number.empty() || number.starts_with('#')) continue;
    ASSIGN_OR_RETURN(const TimelineSwitch entry, ParseSwitch(number, TakeWord(&line)));
    history.push_back(entry);
  }
  return history;
}

Result<TimelineHistory> ReadTimelineHistory(postgres::Connection* connection, uint32_t timeline) {
  if (timeline <= 1) return TimelineHistory();
  ASSIGN_OR_RETURN(const postgres::Rows rows,
                   connection->Exec("TIMELINE_HISTORY " + std::to_string(timeline)));
  if (rows.size() != 1) return Fail(ErrorKind::kFailed, "TIMELINE_HISTORY gave no row");
  return ParseTimelineHistory(rows.at(0, 1));
}

std::optional<Lsn> EndOfTimeline(const TimelineHistory& history, uint32_t timeline) {
  for (const TimelineSwitch& entry : history) {
    if (entry.timeline == timeline) return entry.end;
  }
  return std::nullopt;
}

}  // namespace trunkline
