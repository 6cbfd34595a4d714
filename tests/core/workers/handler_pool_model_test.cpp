#include "tests/core/workers/handler_pool_model.hpp"

#include <ostream>

#include <gtest/gtest.h>

#include "tests/core/support/verdicts.hpp"

namespace ipcbridge::handler_pool_model {
namespace {

constexpr Model kOneThread = {.calls = 3, .cancels = 1};
constexpr Model kTwoThreads = {.most_threads = 2, .calls = 3, .cancels = 1};
constexpr Model kSlowHandler = {.most_threads = 2, .calls = 3, .slow = 1};
constexpr Model kStop = {.most_threads = 2, .calls = 2, .slow = 1, .cancels = 1, .stops = true};
constexpr Model kNoThreadToBeHad = {.most_threads = 2, .calls = 3, .failures = 2};
constexpr Model kLateThread = {.most_threads = 2, .calls = 3, .slow = 1, .failures = 1, .late = 1};
constexpr Model kDeath = {.most_threads = 2, .calls = 3, .slow = 1, .deaths = 1};

struct World {
  Model model;
  const char* name;
};
void PrintTo(const World& world, std::ostream* out) { *out << world.name; }

class HandlerPoolModel : public testing::TestWithParam<World> {};

TEST_P(HandlerPoolModel, EachCallIsRunOrTakenBackOnceAndAStopEndsAllThreads) {
  const model::Verdict verdict = explore(GetParam().model);
  model::expect_sound(verdict, 100U);
  RecordProperty("states", static_cast<int>(verdict.states));
}

INSTANTIATE_TEST_SUITE_P(Worlds, HandlerPoolModel,
                         testing::Values(World{kOneThread, "OneThread"}, World{kTwoThreads, "TwoThreads"},
                                         World{kSlowHandler, "ASlowHandler"}, World{kStop, "AStop"},
                                         World{kNoThreadToBeHad, "NoThreadToBeHad"}, World{kLateThread, "ALateThread"},
                                         World{kDeath, "ADeath"}),
                         [](const auto& param) { return param.param.name; });

struct Mistake {
  Mutation mutation;
  Model model;
  const char* name;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class HandlerPoolModelMistake : public testing::TestWithParam<Mistake> {};

TEST_P(HandlerPoolModelMistake, IsFound) {
  Model model = GetParam().model;
  model.mutation = GetParam().mutation;
  model::expect_found(explore(model));
}

INSTANTIATE_TEST_SUITE_P(Mistakes, HandlerPoolModelMistake,
                         testing::Values(Mistake{Mutation::kSleepsWithoutLook, kOneThread, "SleepingWithoutALook"},
                                         Mistake{Mutation::kAsleepTooLate, kOneThread, "FallingAsleepTooLate"},
                                         Mistake{Mutation::kStopWakesNobody, kStop, "StoppingWithoutWaking"},
                                         Mistake{Mutation::kFailureNotNoted, kNoThreadToBeHad, "NotNotingAFailure"},
                                         Mistake{Mutation::kFailureIgnored, kNoThreadToBeHad, "RefusingNothing"},
                                         Mistake{Mutation::kStillComing, kSlowHandler, "ExpectingWhoHasTakenACall"},
                                         Mistake{Mutation::kNobodyCalledAfter, kSlowHandler, "CallingNobodyAfterATake"},
                                         Mistake{Mutation::kLeaverStillComing, kDeath, "ExpectingWhoHasLeft"},
                                         Mistake{Mutation::kDeadCallsNobody, kDeath, "LeavingCallsToNobody"},
                                         Mistake{Mutation::kRunningTakenBack, kOneThread, "TakingBackWhatRuns"},
                                         Mistake{Mutation::kStoppedGivesCalls, kStop, "GivingCallsAfterAStop"},
                                         Mistake{Mutation::kLateStartCountedTwice, kLateThread,
                                                 "CountingALateStartTwice"}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ipcbridge::handler_pool_model
