// FAULT: named points at which a test makes the program fail.
//
// They are in programs compiled with TRUNKLINE_FAULTS alone (tests/crash); all others are without a
// trace of them. The environment variable TRUNKLINE_FAULTS says which points act, and when, as a
// list with commas between:
//
//   POINT HITS ACTION [ARGUMENT]      store.before_name 3 kill, store.write 1-4 fail unavailable
//
// HITS counts the times that the process comes by the point, from 1: "3", "3-5" or "3-". ACTION is
//
//   kill           the process ends by SIGKILL
//   fail KIND      the function ends with an error: unavailable, denied or failed
//   delay MILLIS   the thread sleeps first
//   wrong          FAULT_VALUE yields its second value
//
// A list that is not understood ends the program, since a test without its faults would prove
// nothing. Each fault that acts says so on standard error, one that is
// wrong at its first hit. Points may be hit by several threads.
#pragma once

#ifdef TRUNKLINE_FAULTS

#include <string_view>

#include "base/error.h"

namespace trunkline {

// Kills, waits, or says how the function that is at `point` is to fail.
Result<void> HitFault(std::string_view point);
// Whether FAULT_VALUE is to be wrong at `point`.
bool IsFaultWrong(std::string_view point);

}  // namespace trunkline

// Leaves the enclosing function, which returns a Result, where `point` is to fail.
#define FAULT(point) TRY(::trunkline::HitFault(point))
// `right`, or `wrong` where the test has it so.
#define FAULT_VALUE(point, right, wrong) (::trunkline::IsFaultWrong(point) ? (wrong) : (right))

#else

#define FAULT(point) static_cast<void>(0)
#define FAULT_VALUE(point, right, wrong) (right)

#endif
