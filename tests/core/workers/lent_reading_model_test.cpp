#include "tests/core/workers/lent_reading_model.hpp"

#include <ostream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/verdicts.hpp"

namespace ipcbridge::lent_reading_model {
namespace {

constexpr bool kCall = false;
constexpr bool kEvent = true;

struct World {
  Model model;
  const char* name;
};
void PrintTo(const World& world, std::ostream* out) { *out << world.name; }

std::vector<World> worlds() {
  return {{{.messages = {kCall, kCall, kCall}, .visits = 1}, "Calls"},
          {{.messages = {kCall, kEvent, kCall}, .visits = 1}, "AnEventBetweenCalls"},
          {{.messages = {kCall, kEvent, kEvent}, .visits = 2}, "EventsBehindACall"},
          {{.messages = {kCall, kCall, kEvent, kCall}}, "NoVisits"},
          {{.messages = {kCall, kCall, kCall}, .flooded = true, .visits = 1}, "AFlood"}};
}

class LentReadingModel : public testing::TestWithParam<World> {};

TEST_P(LentReadingModel, NoInterleavingStrandsACallOrAnEvent) {
  const model::Verdict verdict = explore(GetParam().model);
  model::expect_sound(verdict, 300U);
}

INSTANTIATE_TEST_SUITE_P(Worlds, LentReadingModel, testing::ValuesIn(worlds()),
                         [](const auto& param) { return param.param.name; });

class LentReadingMistake : public testing::TestWithParam<World> {};

TEST_P(LentReadingMistake, IsFound) { model::expect_found(explore(GetParam().model)); }

INSTANTIATE_TEST_SUITE_P(
    Mistakes, LentReadingMistake,
    testing::Values(
        World{{.messages = {kCall, kCall, kCall}, .visits = 0, .mutation = Mutation::kReadsWithoutTakingBack},
              "ReadingWithoutTakingItBack"},
        World{{.messages = {kCall, kEvent}, .visits = 0, .mutation = Mutation::kReturnsWithoutRinging},
              "ReturningWithoutRinging"},
        World{{.messages = {kCall, kCall}, .visits = 1, .mutation = Mutation::kGivesUpWithoutRinging},
              "GivingUpWithoutRinging"},
        World{{.messages = {kCall, kCall, kEvent}, .visits = 0, .mutation = Mutation::kLeavesUnarmed},
              "LeavingUnarmed"},
        World{{.messages = {kCall, kEvent, kEvent}, .visits = 0, .mutation = Mutation::kReadsOnWithEventsForLoop},
              "ReadingOnWithEvents"},
        World{{.messages = {kCall, kCall}, .visits = 1, .mutation = Mutation::kSleepsWithoutLooking},
              "SleepingWithoutLooking"},
        World{{.messages = {kCall, kCall}, .visits = 0, .mutation = Mutation::kLendsBeforeArming},
              "LendingBeforeArming"},
        World{{.messages = {kCall, kCall}, .flooded = true, .visits = 1, .mutation = Mutation::kReadsOnThoughWanted},
              "ReadingOnThoughWanted"},
        World{{.messages = {kCall, kCall, kCall},
               .flooded = true,
               .visits = 1,
               .mutation = Mutation::kReadsOnThoughCallsWait},
              "ReadingOnThoughCallsWait"}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ipcbridge::lent_reading_model
