#include "tests/core/workers/worker_model.hpp"

#include <ostream>

#include <gtest/gtest.h>

#include "tests/core/support/verdicts.hpp"

namespace ipcbridge::worker_model {
namespace {

// Small worlds: the states of two threads that call or work are about a hundred times those of one.
constexpr Model kCallerAlone = {.caller = Caller::kCalls, .workers = 0, .disturbances = 1};
constexpr Model kCallerAndWorker = {.caller = Caller::kCalls};
constexpr Model kLookerAlone = {.caller = Caller::kWaitsForEvent, .workers = 0, .disturbances = 1};
constexpr Model kLookerAndHandlerThatCalls = {.caller = Caller::kWaitsForEvent, .calling = true, .unanswered = true};
constexpr Model kCallerAndCall = {.caller = Caller::kCalls, .calls = {1, 0}};
constexpr Model kSlowHandler = {.calls = {2, 0}, .slow = 1};
constexpr Model kSlowHandlerDisturbed = {.calls = {1, 0}, .slow = 1, .disturbances = 1};
constexpr Model kHandlerThatCalls = {.calls = {1, 0}, .nested = 1};
constexpr Model kTwoWorkers = {.workers = 2, .calls = {1, 0}, .slow = 1};
constexpr Model kSerialCalls = {.calls = {2, 0}, .serial = true};
constexpr Model kDismissal = {.workers = 2, .calls = {1, 0}, .dismisses = true};
constexpr Model kLoop = {.workers = 2, .servers = 2, .calls = {0, 1}, .loop = true};
constexpr Model kBusyLoop = {.workers = 2, .servers = 2, .calls = {1, 0}, .loop = true, .loop_work = true};
constexpr Model kStop = {.calls = {1, 0}, .stops = true};
constexpr Model kStopOfTwo = {.workers = 2, .stops = true};

struct World {
  Model model;
  const char* name;
};
void PrintTo(const World& world, std::ostream* out) { *out << world.name; }

class WorkerModel : public testing::TestWithParam<World> {};

TEST_P(WorkerModel, NoInterleavingStrandsACallOrAnAnswer) {
  const model::Verdict verdict = explore(GetParam().model);
  model::expect_sound(verdict, 1'000U);
}

INSTANTIATE_TEST_SUITE_P(Worlds, WorkerModel,
                         testing::Values(World{kCallerAlone, "ACaller"}, World{kCallerAndWorker, "ACallerAndAWorker"},
                                         World{kLookerAlone, "AWaitForAnEvent"}, World{kSlowHandler, "ASlowHandler"},
                                         World{kSlowHandlerDisturbed, "ASlowHandlerAndAMethodOfTheDriver"},
                                         World{kHandlerThatCalls, "AHandlerThatCalls"},
                                         World{kTwoWorkers, "TwoWorkers"}, World{kSerialCalls, "SerialCalls"},
                                         World{kDismissal, "ADismissal"}, World{kLoop, "AnEventLoop"},
                                         World{kBusyLoop, "AnEventLoopWithOtherWork"},
                                         World{kLookerAndHandlerThatCalls, "AWaitForAnEventAndAHandlerThatCalls"},
                                         World{kStop, "AStop"}, World{kStopOfTwo, "AStopOfTwoWorkers"}),
                         [](const auto& param) { return param.param.name; });

struct Mistake {
  Mutation mutation;
  Model model;
  const char* name;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class WorkerModelMistake : public testing::TestWithParam<Mistake> {};

TEST_P(WorkerModelMistake, IsFound) {
  Model model = GetParam().model;
  model.mutation = GetParam().mutation;
  model::expect_found(explore(model));
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, WorkerModelMistake,
    testing::Values(Mistake{Mutation::kWakeForgotten, kStop, "PassingTheTokenOnWithoutWaking"},
                    Mistake{Mutation::kAskBeforeEnter, kStop, "AskingWhetherTheServerIsClosedBeforeEntering"},
                    Mistake{Mutation::kNoSecondLook, kCallerAlone, "BlockingWithoutASecondLook"},
                    Mistake{Mutation::kLookerSleepsOverAnEvent, kLookerAndHandlerThatCalls,
                            "LiningUpAfterAnUnseenEvent"},
                    Mistake{Mutation::kLookersNotWoken, kLookerAndHandlerThatCalls, "WakingNoLookers"},
                    Mistake{Mutation::kPromotedAlthoughDone, kCallerAlone, "PromotingAWaiterThatIsDone"},
                    Mistake{Mutation::kPromotionNotNoticed, kCallerAndCall, "MissingAPromotion"},
                    Mistake{Mutation::kLeaderBellSilencedLate, kStop, "SilencingTheLeadersBellAfterTheLook"},
                    Mistake{Mutation::kInterestStaysOff, kSlowHandlerDisturbed, "LeavingTheInterestOff"},
                    Mistake{Mutation::kInterestStaysOn, kCallerAlone, "LeavingTheInterestOn"},
                    Mistake{Mutation::kReaderNotAwake, kCallerAlone, "ReadingWhileMarkedAsleep"},
                    Mistake{Mutation::kSleeperNotMarked, kCallerAlone, "SleepingWhileMarkedAwake"},
                    Mistake{Mutation::kDisturbanceUnheard, kCallerAlone, "NotWakingTheConsumerOfASilencedPeer"},
                    Mistake{Mutation::kWatchdogNotCalled, kStop, "NotCallingTheWatchdog"},
                    Mistake{Mutation::kWatchdogSleepsOverCalls, kSlowHandler, "LettingTheWatchdogSleepWhileCallsBegin"},
                    Mistake{Mutation::kStuckExpected, kSlowHandler, "ExpectingAStuckWorker"},
                    Mistake{Mutation::kFollowerNotCalled, kSlowHandlerDisturbed, "CallingNoWorker"},
                    Mistake{Mutation::kDismissedNotWoken, kStop, "NotWakingWhoIsDismissed"},
                    Mistake{Mutation::kDismissedNotWoken, kDismissal, "NotWakingWhoIsOfAnEarlierEpoch"},
                    Mistake{Mutation::kLoopBellNotRung, kLoop, "NotRingingTheLoopsBell"},
                    Mistake{Mutation::kLoopLeaderMistaken, kLoop, "RingingAThreadsBellForTheLoop"},
                    Mistake{Mutation::kLoopEntersIdle, kLoop, "TakingALoopForIdleThatHasNeverWaited"},
                    Mistake{Mutation::kLoopUnseen, kBusyLoop, "LettingTheWatchdogSleepWhileTheLoopIsBusy"},
                    Mistake{Mutation::kStuckLoopLeads, kLoop, "LeavingItToAStuckLoopToLead"},
                    Mistake{Mutation::kDueForgotten, kSerialCalls, "ArmingWhileACallIsDue"},
                    Mistake{Mutation::kNoLookAfterReading, kStop, "SleepingAfterReadingWithoutALook"}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ipcbridge::worker_model
