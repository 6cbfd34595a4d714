#include "core/base/blob.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::is_pattern;
using testing_support::pattern;

TEST(ByteBlock, KeepsItsAddressWhenItIsMoved) {
  ByteBlock block(ConstBytes(pattern(100, 1)));
  const std::byte* const at = block.data();
  ByteBlock moved(std::move(block));
  EXPECT_EQ(moved.data(), at);
  EXPECT_TRUE(is_pattern(moved, 1));
  ByteBlock assigned(5);
  assigned = std::move(moved);
  EXPECT_EQ(assigned.data(), at);
  EXPECT_EQ(assigned.size(), 100U);
}

TEST(ByteBlock, ThatWasMovedFromIsEmpty) {
  ByteBlock block(10);
  const ByteBlock moved(std::move(block));
  EXPECT_TRUE(block.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(block.begin(), block.end());
  EXPECT_TRUE(ByteBlock().empty());
  EXPECT_TRUE(ByteBlock(0).empty());
  EXPECT_TRUE(ByteBlock(ConstBytes()).empty());
}

TEST(HeapBlob, IsNullWhereThereIsNoMemory) {
  for (std::size_t spared = 0; spared < 2; ++spared) {
    const testing_support::FailingMemory failing(spared, 1);
    const testing_support::FailingMemory::Armed armed;
    const BlobRef blob = make_heap_blob(100);
    EXPECT_TRUE(blob == nullptr || !testing_support::FailingMemory::has_failed());
  }
  const BlobRef blob = make_heap_blob(100);
  ASSERT_NE(blob, nullptr);
  EXPECT_EQ(blob->size(), 100U);
  EXPECT_TRUE(blob->is_writable());
  EXPECT_FALSE(blob->is_shared());
  EXPECT_EQ(make_heap_blob(0)->size(), 0U);
}

TEST(Payload, CountsWhatIsAttached) {
  const BlobRef blob = make_heap_blob(100);
  const Attachments attachments{Attachment(blob), Attachment(blob, blob->bytes().first(10))};
  EXPECT_EQ(total_bytes(attachments), 110U);
  const Buffer bytes(5);
  EXPECT_EQ(Payload(bytes, attachments).size(), 115U);
  EXPECT_EQ(Payload(bytes).size(), 5U);
  EXPECT_EQ(Payload().size(), 0U);
}

}  // namespace
}  // namespace ipcbridge
