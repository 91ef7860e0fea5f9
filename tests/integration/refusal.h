// How a program refuses: the documented exit code, and one line that says what to do.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "tests/support/program.h"

namespace trunkline::test {

// Two published tables, for tests in which something else is wrong.
inline constexpr char kSmallSchema[] = R"(
  CREATE TABLE public.item (id integer PRIMARY KEY, v text);
  CREATE TABLE public.other (id integer PRIMARY KEY);
  CREATE PUBLICATION trunkline FOR TABLE public.item, public.other)";

// Exit codes of both programs.
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kDamaged = 3;
inline constexpr int kWrongSource = 4;

// The program ended by itself with `exit_code`, wrote nothing to standard output, and its last line
// on standard error is `what`; no password ("secret") shows anywhere.
void ExpectRefused(const Outcome& outcome, int exit_code, testing::Matcher<std::string> what);

// That, and the line is the only one.
void ExpectOneLine(const Outcome& outcome, int exit_code, testing::Matcher<std::string> what);

}  // namespace trunkline::test
