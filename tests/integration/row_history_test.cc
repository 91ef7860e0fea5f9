// trunkline history against what a trigger on the source noted, with an index and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

constexpr char kNotedSchema[] = R"(
  CREATE TABLE public.t (id integer PRIMARY KEY, n integer, big text);
  ALTER TABLE public.t ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE public.noted (at bigserial PRIMARY KEY, id integer, version text);
  CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.noted (id, version) VALUES (coalesce(new.id, old.id), lower(tg_op) ||
      CASE tg_op WHEN 'DELETE' THEN '' ELSE ' ' || new.n || ' ' || coalesce(length(new.big), -1) END);
    RETURN NULL; END $$;
  INSERT INTO public.t SELECT g, g, repeat('x', 3000) FROM generate_series(1, 20) g;
  CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.t
    FOR EACH ROW EXECUTE FUNCTION public.note();
  CREATE PUBLICATION trunkline FOR TABLE public.t)";

constexpr char kNotedLoad[] = R"(
  DO $$ DECLARE k integer; BEGIN FOR i IN 1..2000 LOOP
    k := 1 + random() * 39;
    IF random() < 0.2 THEN DELETE FROM public.t WHERE id = k;
    ELSE INSERT INTO public.t VALUES (k, i, CASE WHEN random() < 0.5 THEN repeat('y', 2500) END)
      ON CONFLICT (id) DO UPDATE SET n = excluded.n; END IF;
    COMMIT; END LOOP; END $$)";

std::string Member(const std::string& line, const std::string& name) {
  const size_t at = line.rfind("\"" + name + "\":");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 3;
  if (line[begin] != '"') return "null";
  return line.substr(begin + 1, line.find('"', begin + 1) - begin - 1);
}

// The versions that a history prints, as the trigger notes them.
std::string AsNoted(const std::string& jsonl) {
  std::istringstream lines(jsonl);
  std::string versions;
  for (std::string line; std::getline(lines, line);) {
    const std::string op = Member(line, "op");
    if (op == "snapshot") continue;
    versions += op;
    if (op != "delete") {
      const std::string big = Member(line, "big");
      versions +=
          " " + Member(line, "n") + " " + (big == "null" ? "-1" : std::to_string(big.size()));
    }
    versions += "\n";
  }
  return versions;
}

TEST(RowHistoryTest, IsWhatATriggerNotedAlsoWithAnIndexKilledOnItsWay) {
  Source source;
  source.Connect().Do(kNotedSchema);
  TempFolder folder;
  Daemon daemon({.source = source.conninfo(),
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-bytes", "20000"}});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  source.Connect().Do(kNotedLoad);
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const std::string index = folder / "index";
  Trunkline({"index", daemon.archive(), "--index", index}, milliseconds(60));  // then killed
  const Outcome made = Trunkline({"index", daemon.archive(), "--index", index});
  ASSERT_EQ(made.exit_code, 0) << made;
  source.Connect().Do(kNotedLoad);
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();

  Session session = source.Connect();
  for (const std::string key : {"1", "7", "20", "33"}) {
    const Outcome scanned =
        Trunkline({"history", daemon.archive(), "--table", "t", "--key", key, "--format", "jsonl"},
                  seconds(60), {.environment = {{"XDG_CACHE_HOME", folder / "none"}}});
    const Outcome indexed = Trunkline({"history", daemon.archive(), "--table", "t", "--key", key,
                                       "--format", "jsonl", "--index", index});
    ASSERT_EQ(scanned.exit_code, 0) << scanned;
    EXPECT_EQ(indexed.out, scanned.out) << indexed.err;
    EXPECT_EQ(AsNoted(scanned.out),
              session.One("SELECT string_agg(version || E'\\n', '' ORDER BY at) FROM public.noted "
                          "WHERE id = " +
                          key));
  }
  const Outcome none = Trunkline(
      {"history", daemon.archive(), "--table", "t", "--key", "1", "--index", folder / "missing"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("trunkline index makes one"));
}

}  // namespace
}  // namespace trunkline::test
