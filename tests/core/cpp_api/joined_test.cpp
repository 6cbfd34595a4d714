#include "core/cpp_api/joined.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

Buffer bytes(const std::vector<unsigned>& values) {
  Buffer made;
  for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

Attachments attached(const std::vector<Buffer>& contents) {
  Attachments made;
  for (const Buffer& each : contents) {
    made.emplace_back(make_heap_blob(each.size()));
    std::copy(each.begin(), each.end(), made.back().bytes.begin());
  }
  return made;
}

const Buffer kFirst = bytes({1, 2, 3});
const Buffer kSecond = bytes({4});

TEST(JoinedValue, HasEachAttachmentWhereItStands) {
  const Buffer value = bytes({0x92, 0xd6, 9, 0, 0, 0, 0, 0x81, 0xa1, 'k', 0xd6, 9, 0, 0, 0, 1});
  const Buffer whole = bytes({0x92, 0xc6, 0, 0, 0, 3, 1, 2, 3, 0x81, 0xa1, 'k', 0xc6, 0, 0, 0, 1, 4});
  EXPECT_EQ(joined(value, attached({kFirst, kSecond})), whole);
}

TEST(JoinedValue, HasTheRightSizesOfWhatContainsThem) {
  // A SET of an ARRAY with its data.
  const Buffer value = bytes({0xc7, 13, 2, 0x91, 0xc7, 9, 10, 0x93, 0xa0, 0x90, 0xd6, 9, 0, 0, 0, 0});
  const Buffer whole =
      bytes({0xc9, 0, 0, 0, 18, 2, 0x91, 0xc9, 0, 0, 0, 11, 10, 0x93, 0xa0, 0x90, 0xc6, 0, 0, 0, 3, 1, 2, 3});
  EXPECT_EQ(joined(value, attached({kFirst})), whole);
}

TEST(JoinedValue, HasTheStreamOfATable) {
  const Buffer whole = bytes({0xc9, 0, 0, 0, 11, 11, 0x92, 0xa1, 'k', 0xc6, 0, 0, 0, 3, 1, 2, 3});
  const Buffer value = bytes({0xc7, 9, 11, 0x92, 0xa1, 'k', 0xd6, 9, 0, 0, 0, 0});
  EXPECT_EQ(joined(value, attached({kFirst})), whole);
}

TEST(JoinedValue, KeepsAllElseAsItIs) {
  const Buffer value =
      bytes({0xdc, 0,    15,   0xc0, 0xc3, 0xcc, 200,  0xcd, 1, 2, 0xd3, 1,    2, 3, 4, 5,    6,    7,
             8,    0xca, 1,    2,    3,    4,    0xcb, 1,    2, 3, 4,    5,    6, 7, 8, 0xe0, 0x7f, 0xd9,
             1,    'x',  0xc4, 1,    9,    0xd7, 0xff, 1,    2, 3, 4,    5,    6, 7, 8, 0xdf, 0,    0,
             0,    1,    0xa1, 'a',  0x90, 0xc7, 3,    8,    1, 2, 3,    0xd6, 9, 0, 0, 0,    0});
  Buffer whole(value.begin(), value.end() - 6);
  for (const std::byte each : bytes({0xc6, 0, 0, 0, 3, 1, 2, 3})) whole.push_back(each);
  EXPECT_EQ(joined(value, attached({kFirst})), whole);
}

TEST(JoinedValue, IsNoneWhereTheAttachmentsAreOthers) {
  const Buffer value = bytes({0x91, 0xd6, 9, 0, 0, 0, 0});
  EXPECT_TRUE(joined(value, attached({kFirst, kSecond})).empty()) << "one too many";
  EXPECT_TRUE(joined(bytes({0x91, 0xd6, 9, 0, 0, 0, 1}), attached({kFirst})).empty()) << "another";
  EXPECT_TRUE(joined(bytes({0x92, 0xd6, 9, 0, 0, 0, 0, 0xd6, 9, 0, 0, 0, 0}), attached({kFirst})).empty()) << "twice";
}

TEST(JoinedValue, IsNoneOfBytesThatAreNoValue) {
  const Buffer value = bytes({0x92, 0xd6, 9, 0, 0, 0, 0, 0x81, 0xa1, 'k', 0xd6, 9, 0, 0, 0, 1});
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_TRUE(joined(ConstBytes(value).first(size), attached({kFirst, kSecond})).empty()) << size;
  }
  EXPECT_TRUE(joined(bytes({0xc1, 0xd6, 9, 0, 0, 0, 0}), attached({kFirst})).empty());
  EXPECT_TRUE(joined(bytes({0xc7, 6, 2, 0xd6, 9, 0, 0, 0, 0, 0xc0}), attached({kFirst})).empty()) << "bytes left over";
  EXPECT_TRUE(joined(Buffer(100'000, std::byte{0x91}), attached({kFirst})).empty()) << "without an end";
}

}  // namespace
}  // namespace ipcbridge
