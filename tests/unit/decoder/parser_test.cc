#include "decoder/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/decoder/wire.h"

namespace trunkline::pgoutput {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Bytes;

constexpr ParseContext kPlain{.in_stream = false};
constexpr ParseContext kInStream{.in_stream = true};

class ParserTest : public testing::Test {
 protected:
  // The message, which must be well formed and of type T.
  template <typename T>
  T Get(std::string bytes, ParseContext context = kPlain) {
    bytes_ = std::move(bytes);
    Result<Message> message = Parse(bytes_, context, &scratch_);
    EXPECT_TRUE(message) << message.error().ToString();
    EXPECT_TRUE(std::holds_alternative<T>(*message));
    return std::get<T>(*message);
  }

  Result<Message> Try(const std::string& bytes, ParseContext context = kPlain) {
    // A buffer of exactly that size, so that a sanitizer sees each byte read past it.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    return Parse({exact.data(), exact.size()}, context, &scratch_);
  }

  void ExpectCorrupt(const std::string& bytes, std::string_view why = "") {
    const Result<Message> message = Try(bytes);
    ASSERT_FALSE(message) << testing::PrintToString(bytes);
    EXPECT_EQ(message.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(message.error().message, HasSubstr(std::string(why)));
  }

  ParseScratch scratch_;

 private:
  std::string bytes_;
};

Value TextValue(std::string_view bytes) { return {ValueState::kText, bytes}; }
const Value kNullValue{ValueState::kNull, {}};
const Value kUnchangedValue{ValueState::kUnchangedToast, {}};

// The bytes of the first three were taken from a Postgres 15 server.
TEST_F(ParserTest, BeginAsAServerSentIt) {
  const auto begin =
      Get<Begin>("B\0\0\0\0\x01\x61\xb4\xa8\0\x03\x03\xe6\xe3\xd7\x1d\x92\0\0\x02\xf6"s);
  EXPECT_EQ(begin.final_lsn, Lsn{0x161B4A8});
  EXPECT_EQ(begin.commit_time, Timestamp{0x000303E6E3D71D92});
  EXPECT_EQ(begin.xid, Xid{758});
}

TEST_F(ParserTest, TypeAsAServerSentIt) {
  const auto type = Get<Type>("Y\0\0\x40\x57rec\0mood\0"s);
  EXPECT_EQ(type.oid, 0x4057U);
  EXPECT_EQ(type.schema, "rec");
  EXPECT_EQ(type.name, "mood");
  EXPECT_EQ(type.xid, Xid{});
}

TEST_F(ParserTest, RelationAsAServerSentIt) {
  const auto message = Get<RelationMessage>(
      "R\0\0\x40\x5brec\0t\0d\0\x03"
      "\x01id\0\0\0\0\x17\xff\xff\xff\xff"
      "\0note\0\0\0\0\x19\xff\xff\xff\xff"
      "\0mood\0\0\0\x40\x57\xff\xff\xff\xff"s);
  const Relation& relation = message.relation;
  EXPECT_EQ(message.xid, Xid{});
  EXPECT_EQ(relation.oid, 0x405BU);
  EXPECT_EQ(relation.schema, "rec");
  EXPECT_EQ(relation.name, "t");
  EXPECT_EQ(relation.identity, ReplicaIdentity::kDefault);
  ASSERT_EQ(relation.columns.size(), 3U);
  EXPECT_EQ(relation.columns[0], (RelationColumn{"id", 23, -1, true, "", ""}));
  EXPECT_EQ(relation.columns[1], (RelationColumn{"note", 25, -1, false, "", ""}));
  EXPECT_EQ(relation.columns[2], (RelationColumn{"mood", 0x4057, -1, false, "", ""}));
}

TEST_F(ParserTest, Commit) {
  const auto commit = Get<Commit>(wire::Commit(0x100, 0x130, -5));
  EXPECT_EQ(commit.flags, 0);
  EXPECT_EQ(commit.commit_lsn, Lsn{0x100});
  EXPECT_EQ(commit.end_lsn, Lsn{0x130});
  EXPECT_EQ(commit.commit_time, Timestamp{-5});
}

TEST_F(ParserTest, OriginWithAndWithoutItsLsnAndNeverWithATransactionId) {
  EXPECT_EQ(Get<Origin>(wire::Origin(0x77, "tokyo")).name, "tokyo");
  EXPECT_EQ(Get<Origin>(wire::Origin(0x77, "tokyo")).commit_lsn, Lsn{0x77});
  EXPECT_EQ(Get<Origin>(wire::Origin(0, "tokyo"), kInStream).commit_lsn, Lsn{});
}

TEST_F(ParserTest, AnEmptyNamespaceIsPgCatalog) {
  EXPECT_EQ(Get<Type>(wire::Type(16400, "", "thing")).schema, "pg_catalog");
  EXPECT_EQ(Get<RelationMessage>(wire::Relation(1, "", "t", {})).relation.schema, "pg_catalog");
}

TEST_F(ParserTest, EveryReplicaIdentityAndTypeModifier) {
  for (const char identity : {'d', 'n', 'f', 'i'}) {
    const auto message = Get<RelationMessage>(
        wire::Relation(1, "s", "t", {{.name = "a", .type_modifier = 68}}, identity));
    EXPECT_EQ(message.relation.identity, static_cast<ReplicaIdentity>(identity));
    EXPECT_EQ(message.relation.columns[0].type_modifier, 68);
  }
  ExpectCorrupt(wire::Relation(1, "s", "t", {}, 'x'), "replica identity");
}

TEST_F(ParserTest, InsertWithEveryStateOfAValue) {
  const std::string zero = "a\0b"s;
  const auto insert = Get<Insert>(wire::Insert(
      42, {wire::Text("1"), wire::Text(""), wire::Null(), wire::Unchanged(), wire::Binary(zero)}));
  EXPECT_EQ(insert.relation_oid, 42U);
  EXPECT_THAT(insert.new_tuple, ElementsAre(TextValue("1"), TextValue(""), kNullValue,
                                            kUnchangedValue, Value{ValueState::kBinary, zero}));
}

TEST_F(ParserTest, InsertOfNoColumns) {
  EXPECT_THAT(Get<Insert>(wire::Insert(42, {})).new_tuple, IsEmpty());
}

TEST_F(ParserTest, UpdateWithoutWithKeyAndWithFullOldTuple) {
  const auto plain = Get<Update>(wire::Update(42, {wire::Text("1")}));
  EXPECT_EQ(plain.old_kind, OldTupleKind::kNone);
  EXPECT_THAT(plain.old_tuple, IsEmpty());
  EXPECT_THAT(plain.new_tuple, ElementsAre(TextValue("1")));

  const auto key = Get<Update>(
      wire::Update(42, 'K', {wire::Text("1"), wire::Null()}, {wire::Text("2"), wire::Unchanged()}));
  EXPECT_EQ(key.old_kind, OldTupleKind::kKey);
  EXPECT_THAT(key.old_tuple, ElementsAre(TextValue("1"), kNullValue));
  EXPECT_THAT(key.new_tuple, ElementsAre(TextValue("2"), kUnchangedValue));

  const auto full = Get<Update>(wire::Update(42, 'O', {wire::Text("1")}, {wire::Text("2")}));
  EXPECT_EQ(full.old_kind, OldTupleKind::kFull);
}

TEST_F(ParserTest, DeleteByKeyAndInFull) {
  const auto key = Get<Delete>(wire::Delete(42, 'K', {wire::Text("1")}));
  EXPECT_EQ(key.relation_oid, 42U);
  EXPECT_EQ(key.old_kind, OldTupleKind::kKey);
  EXPECT_THAT(key.old_tuple, ElementsAre(TextValue("1")));
  EXPECT_EQ(Get<Delete>(wire::Delete(42, 'O', {wire::Text("1")})).old_kind, OldTupleKind::kFull);
}

TEST_F(ParserTest, ATupleIsNotMixedWithTheOneBeforeIt) {
  Get<Insert>(wire::Insert(42, {wire::Text("1"), wire::Text("2"), wire::Text("3")}));
  EXPECT_THAT(Get<Insert>(wire::Insert(42, {wire::Null()})).new_tuple, ElementsAre(kNullValue));
}

TEST_F(ParserTest, TruncateOfSeveralRelations) {
  const auto truncate = Get<Truncate>(wire::Truncate({7, 8, 9}, 3));
  EXPECT_EQ(truncate.flags, kTruncateCascade | kTruncateRestartIdentity);
  EXPECT_THAT(truncate.relation_oids, ElementsAre(7U, 8U, 9U));
  EXPECT_THAT(Get<Truncate>(wire::Truncate({7})).relation_oids, ElementsAre(7U));
}

TEST_F(ParserTest, LogicalMessage) {
  const std::string content = "a\0b"s;
  const auto message = Get<LogicalMessage>(wire::Logical(true, 0x55, "prefix", content));
  EXPECT_TRUE(message.transactional);
  EXPECT_EQ(message.lsn, Lsn{0x55});
  EXPECT_EQ(message.prefix, "prefix");
  EXPECT_EQ(message.content, content);
  EXPECT_FALSE(Get<LogicalMessage>(wire::Logical(false, 0x55, "", "")).transactional);
}

TEST_F(ParserTest, StreamMessages) {
  EXPECT_EQ(Get<StreamStart>(wire::StreamStart(9, true)).xid, Xid{9});
  EXPECT_TRUE(Get<StreamStart>(wire::StreamStart(9, true)).first_segment);
  EXPECT_FALSE(Get<StreamStart>(wire::StreamStart(9, false)).first_segment);
  Get<StreamStop>(wire::StreamStop(), kInStream);
  const auto commit = Get<StreamCommit>(wire::StreamCommit(9, 0x100, 0x130, 77));
  EXPECT_EQ(commit.xid, Xid{9});
  EXPECT_EQ(commit.commit_lsn, Lsn{0x100});
  EXPECT_EQ(commit.end_lsn, Lsn{0x130});
  EXPECT_EQ(commit.commit_time, Timestamp{77});
}

TEST_F(ParserTest, StreamAbortWithTheFieldsThatParallelStreamingAdds) {
  const auto plain = Get<StreamAbort>(wire::StreamAbort(9, 10));
  EXPECT_EQ(plain.xid, Xid{9});
  EXPECT_EQ(plain.sub_xid, Xid{10});
  EXPECT_EQ(plain.abort_lsn, Lsn{});
  const auto parallel = Get<StreamAbort>(wire::StreamAbort(9, 10, 0x200, 77));
  EXPECT_EQ(parallel.abort_lsn, Lsn{0x200});
  EXPECT_EQ(parallel.abort_time, Timestamp{77});
}

TEST_F(ParserTest, TwoPhaseMessages) {
  const auto begin = Get<BeginPrepare>(wire::BeginPrepare(0x100, 0x130, 77, 9, "gid"));
  EXPECT_EQ(begin.prepare_lsn, Lsn{0x100});
  EXPECT_EQ(begin.end_lsn, Lsn{0x130});
  EXPECT_EQ(begin.prepare_time, Timestamp{77});
  EXPECT_EQ(begin.xid, Xid{9});
  EXPECT_EQ(begin.gid, "gid");
  const auto prepare = Get<Prepare>(wire::TwoPhase('P', 0x100, 0x130, 77, 9, "gid"));
  EXPECT_EQ(prepare.prepare_lsn, Lsn{0x100});
  EXPECT_EQ(prepare.gid, "gid");
  const auto stream = Get<StreamPrepare>(wire::TwoPhase('p', 0x100, 0x130, 77, 9, "gid"));
  EXPECT_EQ(stream.xid, Xid{9});
  const auto commit = Get<CommitPrepared>(wire::TwoPhase('K', 0x100, 0x130, 77, 9, "gid"));
  EXPECT_EQ(commit.commit_lsn, Lsn{0x100});
  EXPECT_EQ(commit.end_lsn, Lsn{0x130});
  const auto rollback =
      Get<RollbackPrepared>(wire::RollbackPrepared(0x100, 0x130, 77, 78, 9, "gid"));
  EXPECT_EQ(rollback.prepare_end_lsn, Lsn{0x100});
  EXPECT_EQ(rollback.rollback_end_lsn, Lsn{0x130});
  EXPECT_EQ(rollback.prepare_time, Timestamp{77});
  EXPECT_EQ(rollback.rollback_time, Timestamp{78});
  EXPECT_EQ(rollback.gid, "gid");
}

TEST_F(ParserTest, InsideAStreamAChangeCarriesItsTransaction) {
  EXPECT_EQ(Get<Insert>(wire::InStream(5, wire::Insert(42, {wire::Null()})), kInStream).xid,
            Xid{5});
  EXPECT_EQ(Get<Update>(wire::InStream(5, wire::Update(42, {})), kInStream).xid, Xid{5});
  EXPECT_EQ(Get<Delete>(wire::InStream(5, wire::Delete(42, 'K', {})), kInStream).xid, Xid{5});
  EXPECT_EQ(Get<Truncate>(wire::InStream(5, wire::Truncate({1})), kInStream).xid, Xid{5});
  EXPECT_EQ(Get<Type>(wire::InStream(5, wire::Type(1, "a", "b")), kInStream).xid, Xid{5});
  const auto relation =
      Get<RelationMessage>(wire::InStream(5, wire::Relation(42, "s", "t", {})), kInStream);
  EXPECT_EQ(relation.xid, Xid{5});
  EXPECT_EQ(relation.relation.oid, 42U);
  const auto message =
      Get<LogicalMessage>(wire::InStream(5, wire::Logical(true, 1, "p", "c")), kInStream);
  EXPECT_EQ(message.xid, Xid{5});
  EXPECT_EQ(message.content, "c");
}

TEST_F(ParserTest, AnUnknownTypeIsKeptWhole) {
  const std::string bytes = "?whatever\0follows"s;
  EXPECT_EQ(Get<Unknown>(bytes).bytes, bytes);
  EXPECT_EQ(Get<Unknown>("Z", kInStream).bytes, "Z");
}

// One of each message, with every part present.
std::vector<std::string> EveryMessage() {
  const wire::Columns tuple = {wire::Text("abc"), wire::Null(), wire::Unchanged(),
                               wire::Binary("xyz")};
  return {
      wire::Begin(1, 2, 3),
      wire::Commit(1, 2, 3),
      wire::Origin(1, "origin"),
      wire::Relation(1, "schema", "table", {{.name = "a", .key = true}, {.name = "b"}}),
      wire::Type(1, "schema", "type"),
      wire::Insert(1, tuple),
      wire::Update(1, tuple),
      wire::Update(1, 'K', tuple, tuple),
      wire::Update(1, 'O', tuple, tuple),
      wire::Delete(1, 'K', tuple),
      wire::Delete(1, 'O', tuple),
      wire::Truncate({1, 2, 3}, 1),
      wire::Logical(true, 1, "prefix", "content"),
      wire::StreamStart(1, true),
      wire::StreamStop(),
      wire::StreamCommit(1, 2, 3, 4),
      wire::StreamAbort(1, 2),
      wire::StreamAbort(1, 2, 3, 4),
      wire::BeginPrepare(1, 2, 3, 4, "gid"),
      wire::TwoPhase('P', 1, 2, 3, 4, "gid"),
      wire::TwoPhase('p', 1, 2, 3, 4, "gid"),
      wire::TwoPhase('K', 1, 2, 3, 4, "gid"),
      wire::RollbackPrepared(1, 2, 3, 4, 5, "gid"),
  };
}

bool CarriesStreamXid(char type) {
  return std::string_view("IUDTMRY").find(type) != std::string::npos;
}

TEST_F(ParserTest, EveryMessageCutAtEveryLengthOrOneByteTooLongIsCorrupt) {
  const size_t short_abort = wire::StreamAbort(1, 2).size();
  for (const std::string& plain : EveryMessage()) {
    for (const ParseContext context : {kPlain, kInStream}) {
      const bool with_xid = context.in_stream && CarriesStreamXid(plain[0]);
      const std::string whole = with_xid ? wire::InStream(99, plain) : plain;
      SCOPED_TRACE(testing::PrintToString(whole));
      EXPECT_TRUE(Try(whole, context));
      for (size_t size = 0; size < whole.size(); ++size) {
        if (whole[0] == 'A' && size == short_abort) continue;  // is a whole message of version 2
        const Result<Message> cut = Try(whole.substr(0, size), context);
        ASSERT_FALSE(cut) << "cut to " << size;
        EXPECT_EQ(cut.error().kind, ErrorKind::kCorrupt);
      }
      for (const char extra : {'\0', 'N', '\xFF'}) {
        const Result<Message> longer = Try(whole + extra, context);
        ASSERT_FALSE(longer);
        EXPECT_EQ(longer.error().kind, ErrorKind::kCorrupt);
      }
    }
  }
}

TEST_F(ParserTest, NoSingleByteChangedCrashesIt) {
  for (const std::string& whole : EveryMessage()) {
    for (size_t i = 0; i < whole.size(); ++i) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = whole;
        changed[i] = static_cast<char>(value);
        for (const ParseContext context : {kPlain, kInStream}) {
          const Result<Message> message = Try(changed, context);
          EXPECT_TRUE(message || message.error().kind == ErrorKind::kCorrupt);
        }
      }
    }
  }
}

TEST_F(ParserTest, ClaimedCountsAreCheckedAgainstTheBytesLeft) {
  ExpectCorrupt(Bytes('I').U32(1).U8('N').U16(0xFFFF).Raw("nnnn"), "claims more columns");
  ExpectCorrupt(Bytes('R').U32(1).Str("s").Str("t").U8('d').U16(0xFFFF).Raw("nnnn"),
                "claims more columns");
  ExpectCorrupt(Bytes('T').U32(0xFFFFFFFF).U8(0).U32(1), "claims more relations");
  ExpectCorrupt(Bytes('T').U32(0x40000001).U8(0).U32(1), "claims more relations");
  EXPECT_LT(scratch_.new_tuple.capacity(), 16U);
  EXPECT_LT(scratch_.relation_oids.capacity(), 16U);
  ExpectCorrupt(Bytes('I').U32(1).U8('N').U16(1).Raw("t").U32(0xFFFFFFFF).Raw("x"), "ends early");
  ExpectCorrupt(Bytes('M').U8(1).U64(1).Str("p").U32(0xFFFFFFFF).Raw("x"), "ends early");
}

TEST_F(ParserTest, FlagsAndStatesThatTheProtocolDoesNotHave) {
  ExpectCorrupt(Bytes('C').U8(1).U64(1).U64(1).U64(1), "flags");
  ExpectCorrupt(wire::Truncate({1}, 4), "flags");
  ExpectCorrupt(Bytes('M').U8(2).U64(1).Str("p").U32(0), "flags");
  ExpectCorrupt(Bytes('S').U32(1).U8(2), "flags");
  ExpectCorrupt(Bytes('R').U32(1).Str("s").Str("t").U8('d').U16(1).U8(2).Str("c").U32(1).U32(1),
                "flags");
  ExpectCorrupt(wire::Insert(1, {"x"}), "column of unknown kind");
  ExpectCorrupt(Bytes('I').U32(1).Raw(wire::TupleOf('K', {})), "tuple of unknown kind");
  ExpectCorrupt(Bytes('U').U32(1).Raw(wire::TupleOf('X', {})), "tuple of unknown kind");
  ExpectCorrupt(Bytes('U').U32(1).Raw(wire::TupleOf('K', {})).Raw(wire::TupleOf('K', {})),
                "tuple of unknown kind");
  ExpectCorrupt(Bytes('D').U32(1).Raw(wire::TupleOf('N', {})), "tuple of unknown kind");
}

TEST_F(ParserTest, PositionsAndTransactionsThatMustNotBeZero) {
  ExpectCorrupt(wire::Begin(0, 1, 1), "no LSN");
  ExpectCorrupt(wire::Begin(1, 1, 0), "no transaction id");
  ExpectCorrupt(wire::Commit(1, 0, 1), "no LSN");
  ExpectCorrupt(wire::StreamStart(0, true), "no transaction id");
  EXPECT_FALSE(Try(wire::InStream(0, wire::Insert(1, {})), kInStream));
}

TEST_F(ParserTest, AnErrorNamesTypeSizeAndPlaceButNoValue) {
  const std::string cut = wire::Insert(1, {wire::Text("secret")}).substr(0, 16);
  const Result<Message> message = Try(cut);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().message, "pgoutput message 'I' of 16 bytes ends early at byte 13");
  ExpectCorrupt("", "without a type");
}

}  // namespace
}  // namespace trunkline::pgoutput
