#include "core/reactor/poller.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

TEST(Pollers, WithoutDescriptorsSaySo) {
  testing_support::FaultySystem system;
  system.on_epoll_create = testing_support::fail_with(EMFILE);
  EXPECT_EQ(Poller::create(system).error().code, Code::kResourceExhausted);
  system.on_epoll_create = nullptr;
  system.on_eventfd = testing_support::fail_with(EMFILE);
  EXPECT_EQ(Poller::create(system).error().code, Code::kResourceExhausted);
  system.on_eventfd = nullptr;
  system.on_epoll_ctl = testing_support::fail_with(ENOSPC, 1);
  EXPECT_EQ(Poller::create(system).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ipcbridge
