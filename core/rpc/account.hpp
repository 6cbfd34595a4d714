#pragma once

#include <cstdint>

namespace ipcbridge {

// What all connections of one user together may make a service keep: requests, from their first byte until they are
// answered, answers that wait because the user does not read them, what has come of streams and is not read, and
// answers to calls of the service's while they arrive. Its sessions share it, under their Driver's lock.
class Account {
 public:
  explicit Account(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  std::uint64_t max_bytes() const { return max_bytes_; }
  std::uint64_t bytes() const { return bytes_; }
  bool has_room(std::uint64_t bytes) const { return bytes_ <= max_bytes_ && bytes <= max_bytes_ - bytes_; }
  void charge(std::uint64_t bytes) { bytes_ += bytes; }
  void refund(std::uint64_t bytes) { bytes_ -= bytes; }

 private:
  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
};

// One session's part of an account, given back as a whole when the session is over. Without an account nothing counts.
class AccountShare {
 public:
  explicit AccountShare(Account* account) : account_(account) {}

  std::uint64_t max_bytes() const { return account_ == nullptr ? 0 : account_->max_bytes(); }
  bool has_room(std::uint64_t bytes) const { return account_ == nullptr || account_->has_room(bytes); }

  void charge(std::uint64_t bytes) {
    if (account_ == nullptr) return;
    bytes_ += bytes;
    account_->charge(bytes);
  }
  void refund(std::uint64_t bytes) {
    if (account_ == nullptr) return;
    bytes_ -= bytes;
    account_->refund(bytes);
  }
  void close() {
    refund(bytes_);
    account_ = nullptr;
  }

 private:
  Account* account_;
  std::uint64_t bytes_ = 0;
};

}  // namespace ipcbridge
