#pragma once

#include <pthread.h>
#include <signal.h>

namespace ipcbridge {

// Blocks all signals of this thread for as long as it lives. Threads inherit the mask of the one that starts them: a
// signal is for the program's own threads, and not for those that are started meanwhile.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);  // a macro on macOS
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace ipcbridge
