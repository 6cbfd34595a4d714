#include "tests/core/shm/sleep_model.hpp"

#include <cstdint>
#include <ostream>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge::sleep_model {
namespace {

// The third record needs the space of two, so that one publish may bring too little of it.
const std::vector<std::uint8_t> kSizes = {1, 1, 2};

Model model_of(Memory memory, Mutation mutation) {
  Model model;
  model.memory = memory;
  model.mutation = mutation;
  model.sizes = kSizes;
  return model;
}

class SleepModel : public testing::TestWithParam<Memory> {};

TEST_P(SleepModel, NoInterleavingLosesAWakeUp) {
  const model::Verdict verdict = explore(model_of(GetParam(), Mutation::kNone));
  EXPECT_TRUE(verdict.live) << "stuck after:\n" << verdict.witness;
  EXPECT_EQ(verdict.fault, "");
  EXPECT_GT(verdict.states, 10'000U) << "the model has lost most of its interleavings";
}

TEST_P(SleepModel, NoInterleavingLosesAWakeUpInALargerRing) {
  Model model = model_of(GetParam(), Mutation::kNone);
  model.capacity = 3;
  model.sizes = {2, 1, 3, 1, 1};
  model.spurious_wakes = 0;
  const model::Verdict verdict = explore(model);
  EXPECT_TRUE(verdict.live) << "stuck after:\n" << verdict.witness;
  EXPECT_EQ(verdict.fault, "");
}

TEST_P(SleepModel, NoInterleavingLosesAWakeUpWhenTheSocketHoldsManyDoorbells) {
  Model model = model_of(GetParam(), Mutation::kNone);
  model.socket_bytes = 3;
  model.spurious_wakes = 0;
  model.sizes = {1, 1, 2, 1};
  const model::Verdict verdict = explore(model);
  EXPECT_TRUE(verdict.live) << "stuck after:\n" << verdict.witness;
}

INSTANTIATE_TEST_SUITE_P(Memories, SleepModel, testing::Values(Memory::kSequential, Memory::kTso),
                         [](const auto& param) { return param.param == Memory::kTso ? "Tso" : "Sequential"; });

struct Mistake {
  Memory memory;
  Mutation mutation;
  const char* name;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class SleepModelMistake : public testing::TestWithParam<Mistake> {};

TEST_P(SleepModelMistake, IsFound) {
  Model model = model_of(GetParam().memory, GetParam().mutation);
  model.spurious_wakes = 0;
  const model::Verdict verdict = explore(model);
  EXPECT_FALSE(verdict.live);
  EXPECT_NE(verdict.witness, "");
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, SleepModelMistake,
    testing::Values(Mistake{Memory::kSequential, Mutation::kSleepWithoutCheck, "SleepingWithoutASecondLook"},
                    Mistake{Memory::kSequential, Mutation::kWishWithoutCheck, "WantingSpaceWithoutASecondLook"},
                    Mistake{Memory::kSequential, Mutation::kRingBeforeStore, "RingingBeforeTheIndexIsStored"},
                    Mistake{Memory::kSequential, Mutation::kAnswerBeforeStore, "AnsweringAWishBeforeTheIndexIsStored"},
                    Mistake{Memory::kSequential, Mutation::kWishNotRenewed, "KeepingTheNumberOfAnAnsweredWish"},
                    Mistake{Memory::kSequential, Mutation::kWishNotRenewedForSleep, "SleepingOnAnAnsweredWish"},
                    Mistake{Memory::kSequential, Mutation::kNoWake, "SleepingTwiceUnderOneNumber"},
                    Mistake{Memory::kSequential, Mutation::kStayMarkedAsleep, "StayingMarkedAsleepWhenARecordIsThere"},
                    Mistake{Memory::kTso, Mutation::kBufferedSleepStore, "StoringTheSleepWordWithRelease"},
                    Mistake{Memory::kTso, Mutation::kBufferedIndexStore, "StoringTheIndexWithRelease"}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ipcbridge::sleep_model
