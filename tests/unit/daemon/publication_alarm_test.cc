#include "daemon/publication_alarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PublicationReading Reading(std::string oid = "16400") {
  PublicationReading reading;
  reading.info = {.exists = true,
                  .publishes_insert = true,
                  .publishes_update = true,
                  .publishes_delete = true,
                  .publishes_truncate = true};
  reading.oid = std::move(oid);
  return reading;
}

class PublicationAlarmTest : public ::testing::Test {
 protected:
  PublicationAlarm alarm_{"trunkline"};
};

TEST_F(PublicationAlarmTest, OneThatStaysIsNotSpokenOf) {
  for (int i = 0; i < 3; ++i) EXPECT_THAT(alarm_.Judge(Reading()), IsEmpty());
}

TEST_F(PublicationAlarmTest, TablesThatLeaveItAreNamed) {
  PublicationReading reading = Reading();
  reading.tables = {{1, "public.a"}, {2, "public.b"}};
  EXPECT_THAT(alarm_.Judge(reading), IsEmpty());
  EXPECT_EQ(alarm_.tables().size(), 2u);
  reading.tables.erase(2);
  reading.unpublished = {"public.b"};
  EXPECT_THAT(alarm_.Judge(reading),
              ElementsAre("public.b has left the publication \"trunkline\": its changes are not "
                          "archived any more"));
  EXPECT_EQ(alarm_.tables().size(), 1u);
}

TEST_F(PublicationAlarmTest, TablesThatWereOutForAWhileAreNamed) {
  PublicationReading reading = Reading();
  reading.entries = {{"public.a", "17000"}, {"public.b", "17001"}};
  EXPECT_THAT(alarm_.Judge(reading), IsEmpty());
  reading.entries = {{"public.a", "17000"}, {"public.b", "17002"}, {"public.c", "17003"}};
  EXPECT_THAT(alarm_.Judge(reading),
              ElementsAre("public.b was taken out of the publication \"trunkline\" and listed "
                          "anew: what was changed in between is not archived"));
  EXPECT_THAT(alarm_.Judge(reading), IsEmpty());
}

TEST_F(PublicationAlarmTest, OperationsThatAreLeftOutAreNamedOnce) {
  PublicationReading reading = Reading();
  reading.info.publishes_delete = false;
  EXPECT_THAT(alarm_.Judge(reading),
              ElementsAre("the publication \"trunkline\" leaves out delete: rebuilt states will "
                          "differ from the source"));
  EXPECT_THAT(alarm_.Judge(reading), IsEmpty());
  reading.info.publishes_truncate = false;
  EXPECT_THAT(alarm_.Judge(reading), ElementsAre(testing::HasSubstr("leaves out truncate")));
}

TEST_F(PublicationAlarmTest, OneDroppedAndMadeAnewIsTold) {
  EXPECT_THAT(alarm_.Judge(Reading()), IsEmpty());
  EXPECT_THAT(alarm_.Judge(PublicationReading{}), ElementsAre(testing::HasSubstr("was dropped")));
  EXPECT_THAT(alarm_.Judge(PublicationReading{}), IsEmpty());
  EXPECT_THAT(alarm_.Judge(Reading("17000")), ElementsAre(testing::HasSubstr("made anew")));
  EXPECT_THAT(alarm_.Judge(Reading("17000")), IsEmpty());
  EXPECT_THAT(alarm_.Judge(Reading("17001")), ElementsAre(testing::HasSubstr("made anew")));
}

}  // namespace
}  // namespace trunkline
