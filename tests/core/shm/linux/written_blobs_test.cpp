// What a receiver writes to where it sees the peer's memory: its own, until it returns that.
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/shm/linux/peer_blobs_fixture.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::is_pattern;

using WrittenBlobs = PeerBlobsTest;

TEST_F(WrittenBlobs, WhatWasWrittenIsForgottenWhenItIsReturned) {
  const auto blobs = make(true, true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{kPage + 100}}) {
    const PartPlace place{2 * kPage, 4, offset, 1};
    BlobRef blob = blobs->open(place).value();
    std::memset(blob->data(), 0x55, blob->size());
    EXPECT_NE(passed.view.data()[offset], std::byte{0x55});
    blob.reset();
    passed.view.data()[offset] = std::byte{0x66};
    const BlobRef again = blobs->open(place).value();
    EXPECT_EQ(again->data()[0], std::byte{0x66});
    EXPECT_EQ(again->data()[again->size() - 1], passed.view.data()[offset + place.bytes - 1]);
  }
}

// Whoever writes, and whatever else the process does meanwhile.
TEST_F(WrittenBlobs, NobodyFindsWhatOneBeforeWrote) {
  const auto blobs = make(true, true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  const auto [one, two] = testing_support::socket_pair();
  const std::vector<std::function<void(std::byte&)>> writers{
      [](std::byte& at) { at = std::byte{0x55}; },
      [](std::byte& at) { std::thread([&at] { at = std::byte{0x55}; }).join(); },
      [&](std::byte& at) {
        const std::byte sent{0x55};
        ASSERT_EQ(::write(one.get(), &sent, 1), 1);
        ASSERT_EQ(::read(two.get(), &at, 1), 1);
      },
  };
  for (const auto& write : writers) {
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{5 * kPage}, std::uint64_t{kSize - 1}}) {
      BlobRef neighbour = blobs->open({kPage, 5, at == 0 ? kPage : 0, 1}).value();
      BlobRef blob = blobs->open({1, 4, at, 1}).value();
      write(*blob->data());
      EXPECT_EQ(*blob->data(), std::byte{0x55});
      neighbour.reset();
      blob.reset();
      EXPECT_TRUE(is_pattern(blobs->open({kSize, 4, 0, 1}).value()->bytes(), 1)) << at;
    }
    EXPECT_TRUE(is_pattern(blobs->open({kSize, 4, 0, 1}).value()->bytes(), 1));
  }
}

// What is sent twice is at one place.
TEST_F(WrittenBlobs, WritersOfTheSamePagesDoNotSeeEachOther) {
  const auto blobs = make(true, true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  BlobRef first = blobs->open({kPage, 4, 0, 1}).value();
  first->data()[0] = std::byte{1};
  BlobRef second = blobs->open({kPage, 5, 0, 1}).value();
  BlobRef neighbour = blobs->open({100, 6, kPage - 200, 1}).value();
  EXPECT_EQ(second->data()[0], passed.view.data()[0]);
  second->data()[0] = std::byte{2};
  neighbour->data()[0] = std::byte{3};
  EXPECT_EQ(first->data()[0], std::byte{1});
  EXPECT_EQ(first->data()[kPage - 200], passed.view.data()[kPage - 200]);
  neighbour.reset();
  second.reset();
  EXPECT_EQ(first->data()[0], std::byte{1}) << "what others return is not forgotten here";
  first.reset();
  EXPECT_EQ(returned().size(), 3U);
  EXPECT_TRUE(blobs->open({kPage, 4, 0, 1}).value()->is_shared()) << "nobody has the pages now";
}

TEST_F(WrittenBlobs, ReadersMaySeeTheSamePages) {
  const auto blobs = make(true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  const BlobRef first = blobs->open({kPage, 4, 0, 1}).value();
  const BlobRef second = blobs->open({kPage, 5, 0, 1}).value();
  EXPECT_EQ(first->data(), second->data());
}

}  // namespace
}  // namespace ipcbridge::shm
