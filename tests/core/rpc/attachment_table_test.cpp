#include "core/rpc/attachment_table.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

AttachmentTable sample() {
  AttachmentTable table;
  table.body = {100, 0, 0, 0};
  table.attachments = {{0, 0, 0, 0}, {5'000, 7, 4096, 3}, {kMost, kMost, kMost, ~0U}};
  return table;
}

bool same(const PartPlace& one, const PartPlace& other) {
  return one.bytes == other.bytes && one.blob == other.blob && one.offset == other.offset &&
         one.segment == other.segment;
}

TEST(AttachmentTable, IsReadAsItWasWritten) {
  const AttachmentTable table = sample();
  Buffer bytes = table.encode();
  EXPECT_EQ(bytes.size(), AttachmentTable::bytes(3));
  append(bytes, as_bytes("rest"));
  ConstBytes rest(bytes);
  const Result<AttachmentTable> read = AttachmentTable::decode(rest);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(as_text(rest), "rest");
  EXPECT_TRUE(same(read.value().body, table.body));
  ASSERT_EQ(read.value().attachments.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(same(read.value().attachments[i], table.attachments[i])) << i;
}

TEST(AttachmentTable, ThatIsCutShortIsMalformed) {
  const Buffer whole = sample().encode();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ConstBytes rest = ConstBytes(whole).first(size);
    EXPECT_EQ(AttachmentTable::decode(rest).error().code, Code::kDataLoss) << size;
    EXPECT_EQ(rest.size(), size) << "nothing was taken";
  }
}

TEST(AttachmentTable, OfMoreThanFitIntoAFrameIsMalformed) {
  AttachmentTable table;
  table.attachments.resize(AttachmentTable::kMaxAttachments);
  Buffer bytes = table.encode();
  EXPECT_LT(bytes.size(), 16U * 1024 - 1024);
  ConstBytes most(bytes);
  EXPECT_TRUE(AttachmentTable::decode(most).ok());
  table.attachments.resize(AttachmentTable::kMaxAttachments + 1);
  bytes = table.encode();
  ConstBytes more(bytes);
  EXPECT_FALSE(AttachmentTable::decode(more).ok());
  store(bytes.data(), ~0U);
  more = bytes;
  EXPECT_FALSE(AttachmentTable::decode(more).ok());
}

TEST(AttachmentTable, WhoseZerosAreNoneIsMalformed) {
  for (const std::size_t at : {4UL, 36UL, 68UL, 100UL, 132UL}) {
    Buffer bytes = sample().encode();
    bytes.at(at) = std::byte{1};
    ConstBytes rest(bytes);
    EXPECT_FALSE(AttachmentTable::decode(rest).ok()) << at;
  }
}

TEST(AttachmentTable, SumsStayAtTheirMost) {
  AttachmentTable table;
  table.body = {kMost - 10, 0, 0, 0};
  table.attachments = {{10, 0, 0, 0}};
  EXPECT_EQ(table.total(), kMost);
  table.attachments.push_back({1, 0, 0, 0});
  EXPECT_EQ(table.total(), kMost);
  EXPECT_EQ(table.shared(), 0U);
  table.attachments = {{kMost, 1, 0, 0}, {2, 2, 0, 0}};
  EXPECT_EQ(table.shared(), kMost);
  table.attachments = {{7, 1, 0, 0}, {2, 0, 0, 0}};
  EXPECT_EQ(table.shared(), 7U);
  table.body.blob = 1;
  EXPECT_EQ(table.shared(), kMost - 3);
}

}  // namespace
}  // namespace ipcbridge
