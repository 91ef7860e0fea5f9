#include "replay/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace trunkline {
namespace {

using std::chrono::milliseconds;

std::string Render(uint64_t done, uint64_t total, int elapsed_ms, size_t width = 200) {
  return RenderProgress("Reading", done, total, milliseconds(elapsed_ms), width);
}

// What a Progress wrote after some updates.
class Screen {
 public:
  Screen() : file_(std::tmpfile()) {}
  ~Screen() { std::fclose(file_); }
  std::FILE* file() { return file_; }
  std::string text() {
    std::string bytes(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file_));
    return bytes;
  }

 private:
  std::FILE* file_;
};

TEST(FormatBytesTest, PicksTheUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(5ull << 30), "5.0 GiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16.0 EiB");
}

TEST(RenderProgressTest, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(Render(25 << 20, 100 << 20, 5000),
            "Reading  25% [#####               ]  25.0 MiB of 100.0 MiB  5.0 MiB/s  0:15 left");
  EXPECT_EQ(Render(1 << 20, 1ull << 40, 1000),
            "Reading   0% [                    ]  1.0 MiB of 1.0 TiB  1.0 MiB/s  291:16:15 left");
}

TEST(RenderProgressTest, KnowsItsBounds) {
  EXPECT_EQ(Render(0, 1024, 2000), "Reading   0% [                    ]  0 B of 1.0 KiB");
  EXPECT_EQ(Render(1024, 1024, 2000),
            "Reading 100% [####################]  1.0 KiB of 1.0 KiB  512 B/s  0:00 left");
  EXPECT_EQ(Render(4096, 1024, 2000), Render(1024, 1024, 2000));
  EXPECT_EQ(Render(0, 0, 2000), "Reading 100% [####################]  0 B of 0 B");
  EXPECT_EQ(Render(512, 1024, 0), "Reading  50% [##########          ]  512 B of 1.0 KiB");
}

TEST(RenderProgressTest, IsCutToTheTerminal) {
  EXPECT_EQ(Render(25 << 20, 100 << 20, 5000, 20), "Reading  25% [##### ");
  EXPECT_EQ(Render(1, 2, 3, 0), "");
}

TEST(ProgressTest, IsSilentInAPipe) {
  Screen screen;
  {
    Progress progress("Reading", screen.file(), /*enabled=*/false, milliseconds(0));
    progress.Update(1, 2);
  }
  EXPECT_EQ(screen.text(), "");
}

TEST(ProgressTest, IsSilentForShortWork) {
  Screen screen;
  {
    Progress progress("Reading", screen.file(), /*enabled=*/true, milliseconds(60000));
    progress.Update(1, 2);
  }
  EXPECT_EQ(screen.text(), "");
}

TEST(ProgressTest, DrawsNowAndThenAndLeavesNothing) {
  Screen screen;
  {
    Progress progress("Reading", screen.file(), /*enabled=*/true, milliseconds(0));
    for (int i = 0; i < 1000; ++i) progress.Update(512, 1024);
  }
  const std::string text = screen.text();
  EXPECT_EQ(text.rfind("\rReading  50% [##########          ]", 0), 0) << text;
  EXPECT_EQ(text.substr(text.size() - 4), "\r\x1b[K");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 2) << text;
}

TEST(ProgressTest, TakesUpdatesFromManyThreads) {
  Screen screen;
  {
    Progress progress("Reading", screen.file(), /*enabled=*/true, milliseconds(0));
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&progress] {
        for (uint64_t i = 0; i < 10000; ++i) progress.Update(i, 10000);
      });
    }
  }
  EXPECT_EQ(screen.text().rfind("\rReading", 0), 0);
}

}  // namespace
}  // namespace trunkline
