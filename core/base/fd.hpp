#pragma once

#include <cstdint>

namespace ipcbridge {

// Owns a file descriptor. In a forked child it owns nothing any more: fork_guard has closed it.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd);
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept;
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  bool valid() const;  // false in a forked child as well
  void reset();

 private:
  int fd_ = -1;
  std::uint32_t generation_ = 0;
};

}  // namespace ipcbridge
