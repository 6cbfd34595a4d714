#pragma once

namespace ipcbridge {

class LocalWork;

// What the token of a BlockingDriver's call is the address of: where its answer goes.
class AnswerPlace {
 public:
  explicit AnswerPlace(bool is_submitted) : is_submitted_(is_submitted) {}
  AnswerPlace(const AnswerPlace&) = delete;
  AnswerPlace& operator=(const AnswerPlace&) = delete;

  // A SubmittedCall, and no thread's Wait.
  bool is_submitted() const { return is_submitted_; }

  // What the call may ask of this side meanwhile; null: nothing. It outlives the call.
  LocalWork* local = nullptr;

 private:
  const bool is_submitted_;
};

}  // namespace ipcbridge
