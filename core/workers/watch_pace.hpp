#pragma once

#include <algorithm>
#include <optional>

#include "core/base/clock.hpp"

namespace ipcbridge {

// How soon the watchdog looks again at what runs, which bounds the time for which a slow handler keeps the
// reading. With both CPUs spinning every look takes one away for 20 to 35 us, so they are as rare as that bound allows,
// and rarer where for a while no handler was slow: a thousand a second are more than one in 400 of the fastest calls.
class WatchPace {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(1);
  static constexpr Duration kCalmTick = std::chrono::milliseconds(4);
  // At a handler that was seen for the first time. Never two in a row: under steady load some handler has always just
  // begun.
  static constexpr Duration kSecondSample = std::chrono::microseconds(200);
  static constexpr int kCalmSamples = 100;
  static constexpr int kQuietSamples = 20;

  // What was seen of the workers: who runs a handler, or is on the way to one, is busy.
  struct Sample {
    bool wanted = false;  // whether one is busy of whom the callers may have to be told
    bool taken = false;   // whether a request was given to one since the look before
    bool slow = false;    // whether one is busy with what was seen before
    bool begun = false;   // whether one is busy with what was not
  };

  // Nothing: not until something happens.
  std::optional<Duration> after(const Sample& sample) {
    quiet_ = sample.wanted || sample.taken ? 0 : quiet_ + 1;
    calm_ = sample.slow || quiet_ > 0 ? 0 : std::min(calm_ + 1, kCalmSamples + 1);
    if (quiet_ > kQuietSamples) {
      quiet_ = 0;
      return std::nullopt;
    }
    second_sample_ = !second_sample_ && sample.begun;
    if (second_sample_) return kSecondSample;
    return calm_ > kCalmSamples ? kCalmTick : kTick;
  }

 private:
  int quiet_ = 0;  // looks in a row that saw nothing to do
  int calm_ = 0;   // looks in a row that saw only fast handlers
  bool second_sample_ = false;
};

}  // namespace ipcbridge
