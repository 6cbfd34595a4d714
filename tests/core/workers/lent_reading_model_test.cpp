#include "tests/core/workers/lent_reading_model.hpp"

#include <ostream>
#include <vector>

#include <gtest/gtest.h>

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
  return {{{{kCall, kCall, kCall}, 1}, "Calls"},
          {{{kCall, kEvent, kCall}, 1}, "AnEventBetweenCalls"},
          {{{kCall, kEvent, kEvent}, 2}, "EventsBehindACall"},
          {{{kCall, kCall, kEvent, kCall}, 0}, "NoVisits"}};
}

class LentReadingModel : public testing::TestWithParam<World> {};

TEST_P(LentReadingModel, NoInterleavingStrandsACallOrAnEvent) {
  const model::Verdict verdict = explore(GetParam().model);
  EXPECT_TRUE(verdict.live) << "stuck after:\n" << verdict.witness;
  EXPECT_EQ(verdict.fault, "") << "after:\n" << verdict.witness;
  EXPECT_FALSE(verdict.spins) << "somebody spins after:\n" << verdict.witness;
  EXPECT_GT(verdict.states, 300U) << "the model has lost most of its interleavings";
}

INSTANTIATE_TEST_SUITE_P(Worlds, LentReadingModel, testing::ValuesIn(worlds()),
                         [](const auto& param) { return param.param.name; });

class LentReadingMistake : public testing::TestWithParam<World> {};

TEST_P(LentReadingMistake, IsFound) {
  const model::Verdict verdict = explore(GetParam().model);
  EXPECT_TRUE(!verdict.live || !verdict.fault.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, LentReadingMistake,
    testing::Values(World{{{kCall, kCall, kCall}, 0, Mutation::kReadsWithoutTakingBack}, "ReadingWithoutTakingItBack"},
                    World{{{kCall, kEvent}, 0, Mutation::kReturnsWithoutRinging}, "ReturningWithoutRinging"},
                    World{{{kCall, kCall}, 1, Mutation::kGivesUpWithoutRinging}, "GivingUpWithoutRinging"},
                    World{{{kCall, kCall, kEvent}, 0, Mutation::kLeavesUnarmed}, "LeavingUnarmed"},
                    World{{{kCall, kEvent, kEvent}, 0, Mutation::kReadsOnWithEventsForLoop}, "ReadingOnWithEvents"},
                    World{{{kCall, kCall}, 1, Mutation::kSleepsWithoutLooking}, "SleepingWithoutLooking"},
                    World{{{kCall, kCall}, 0, Mutation::kLendsBeforeArming}, "LendingBeforeArming"}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ipcbridge::lent_reading_model
