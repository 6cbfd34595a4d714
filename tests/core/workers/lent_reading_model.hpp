#pragma once

#include <cstdint>
#include <vector>

#include "tests/core/support/explorer.hpp"

// A model of the reading that an event loop lends to a thread of a pool (core/workers/loop_reader.cpp): who reads, who
// is woken for a message, and how the loop has the reading back. A step is what one thread does under one lock, or to
// one word. What a peer does about a reader that sleeps is modelled in tests/core/shm.
namespace ipcbridge::lent_reading_model {

enum class Mutation : std::uint8_t {
  kNone,
  kReadsWithoutTakingBack,    // the loop reads though it has lent the reading
  kReturnsWithoutRinging,     // what a thread has read for the loop is left there
  kGivesUpWithoutRinging,     // a thread that the loop wants to stop leaves without a word
  kLeavesUnarmed,             // a thread that has found a call runs it with nobody told of messages
  kReadsOnWithEventsForLoop,  // the next read begins the batch anew
  kSleepsWithoutLooking,      // after reading; though the loop has left calls to who reads
  kLendsBeforeArming,
  kReadsOnThoughWanted,     // by the loop, while what comes is for nobody
  kReadsOnThoughCallsWait,  // that the loop has left to who reads
};

struct Model {
  std::vector<bool> messages;  // whether each is for the loop, or a call for the thread
  bool flooded = false;        // by what is for nobody, so that no thread that spins ever has enough of it
  std::uint8_t visits = 0;  // how often the loop wakes up for something else and wants the reading, but does not read
  Mutation mutation = Mutation::kNone;
};

model::Verdict explore(const Model& model);

}  // namespace ipcbridge::lent_reading_model
