#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/cpp_api/msgpack.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::text_of;

TEST(CppApiMessagePack, ReadsBackWhatItWrites) {
  for (const std::size_t size : {0U, 31U, 32U, 255U, 256U, 70000U}) {
    const std::string text(size, 'x');
    msgpack::Writer writer;
    writer.map(20);
    writer.text(text);
    writer.binary(bytes_of(text));
    const Buffer bytes = writer.take();
    msgpack::Reader reader(bytes);
    std::uint32_t count = 0;
    std::string_view read;
    ConstBytes binary;
    ASSERT_TRUE(reader.map(count) && reader.text(read) && reader.binary(binary) && reader.at_end());
    EXPECT_EQ(count, 20U);
    EXPECT_EQ(read, text);
    EXPECT_EQ(text_of(binary), text);
  }
}

// Every first byte, with everything, too little and nothing behind it.
TEST(CppApiMessagePack, SkipsAnyValueAndNeverReadsBeyondTheEnd) {
  for (unsigned first = 0; first < 256; ++first) {
    for (std::size_t size = 1; size < 64; ++size) {
      Buffer bytes(size, std::byte{0});
      bytes[0] = static_cast<std::byte>(first);
      msgpack::Reader reader(bytes);
      if (size == 63) {
        EXPECT_EQ(reader.skip(), first != 0xc1) << first;
      } else {
        reader.skip();
      }
    }
  }
  // 2^32 elements are announced, five bytes are there.
  const Buffer bomb = bytes_of("\xdd\xff\xff\xff\xff");
  EXPECT_FALSE(msgpack::Reader(bomb).skip());
}

}  // namespace
}  // namespace ipcbridge
