#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/fd.hpp"
#include "core/base/frame.hpp"

namespace ipcbridge::testing_support {

// A fresh directory with mode 0700, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Sets an environment variable for as long as it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(std::string name, const std::string& value);
  ~ScopedEnvironment();
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  std::string name_;
  std::string old_;
  bool was_set_ = false;
};

// Two ends of a non-blocking Unix stream socket.
std::pair<Fd, Fd> socket_pair();

// Sends one byte and these descriptors with it.
void send_descriptors(const Fd& socket, const std::vector<int>& fds);

// A socket whose close() may block: SO_LINGER is on.
class LingeringSocket {
 public:
  LingeringSocket();
  int fd() const { return socket_.get(); }
  bool lingers() const;

 private:
  Fd socket_;
};

// Waits until the descriptor reports one of the events. False after ten seconds, which no test should see.
bool wait_for(int fd, short events);
// What poll() says now.
bool is_readable(int fd);

Buffer bytes_of(std::string_view text);
std::string text_of(ConstBytes bytes);
// `size` bytes that depend on the seed, and the check that they are what they were.
Buffer pattern(std::size_t size, std::uint32_t seed);
bool is_pattern(ConstBytes bytes, std::uint32_t seed);

FrameHeader header_of(FrameType type, std::uint64_t id, std::size_t length, std::uint8_t flags = 0);

inline constexpr uid_t kNobody = 65534;

// False where it fails: only root can.
bool become_nobody(const std::vector<gid_t>& groups = {kNobody});

// Runs in a forked child; the exit code is what `body` returns. The child leaves by _exit.
class Child {
 public:
  explicit Child(const std::function<int()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  bool running();
  void kill(int signal) const;
  // By SIGSTOP; it has stopped when this returns.
  void stop() const;
  // The exit code, or 128 and the signal.
  int wait();

 private:
  pid_t pid_ = -1;
};

}  // namespace ipcbridge::testing_support
