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

// [1, Map{"k": FUNCTION}, Set{OBJECT}, BIG_INT], by their types; those with values inside are gone into.
TEST(CppApiMessagePack, TellsOfExtensionsAtAnyDepth) {
  const Buffer bytes =
      bytes_of(std::string_view("\x94\x01\xc7\x0d\x01\x92\xa1k\xd7\x07\x80\0\0\0\0\0\0\x05"
                                "\xc7\x0f\x02\x91\xc7\x0b\x08\x80\0\0\0\0\0\0\x06\x91\xa1m\xd4\x03\x07",
                                39));
  std::string types;
  msgpack::Reader reader(bytes);
  EXPECT_TRUE(reader.walk([&](std::int8_t type, ConstBytes) {
    types += static_cast<char>('0' + type);
    return type <= 2;
  }));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(types, "17283");
}

// [ARRAY{["<f8", [1], the bytes of 8]}, FUNCTION]: nothing of an array is gone into, whatever its elements look like.
TEST(CppApiMessagePack, StepsOverArrays) {
  const Buffer bytes = bytes_of(std::string_view(
      "\x92\xc7\x11\x0a\x93\xa3<f8\x91\x01\xc4\x08\xd7\x07\x80\0\0\0\0\0\xd7\x07\x80\0\0\0\0\0\0\x05", 31));
  std::string types;
  msgpack::Reader reader(bytes);
  EXPECT_TRUE(reader.walk([&](std::int8_t type, ConstBytes contents) {
    types += std::to_string(type) + "," + std::to_string(contents.size()) + " ";
    return false;
  }));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(types, "10,17 7,8 ");
}

}  // namespace
}  // namespace ipcbridge
