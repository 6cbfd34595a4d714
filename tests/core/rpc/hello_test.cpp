#include "core/rpc/hello.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

Hello example() {
  Hello hello;
  hello.optional_features = feature::kShm;
  hello.limits = {1, 2, 3};
  hello.nonce.fill(std::byte{0xAB});
  hello.service = "calc";
  hello.methods = {"add", "math.sub", std::string(kMaxMethodBytes, 'x')};
  hello.language = Language::kPython;
  hello.name = "billing";
  return hello;
}

TEST(HelloMessage, SurvivesTheJourney) {
  const Hello sent = example();
  const Result<Hello> got = decode_hello(encode_hello(sent));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value().major, kProtocolMajor);
  EXPECT_EQ(got.value().minor, kProtocolMinor);
  EXPECT_EQ(got.value().optional_features, feature::kShm);
  EXPECT_EQ(got.value().limits.max_message_bytes, 1U);
  EXPECT_EQ(got.value().limits.max_pending_bytes, 2U);
  EXPECT_EQ(got.value().limits.max_pending_calls, 3U);
  EXPECT_EQ(got.value().nonce, sent.nonce);
  EXPECT_EQ(got.value().service, "calc");
  EXPECT_EQ(got.value().methods, sent.methods);
  EXPECT_EQ(got.value().language, Language::kPython);
  EXPECT_EQ(got.value().name, "billing");
}

// Frozen for ever (docs/protocol.md, "HELLO"): a change of this test is a change of every released version.
TEST(HelloMessage, HasTheseBytes) {
  Hello hello;
  hello.service = "s";
  hello.methods = {"m"};
  hello.language = Language::kJavaScript;
  hello.name = "n";
  const Buffer body = encode_hello(hello);
  ASSERT_EQ(body.size(), 104U + 3 + 3 + 3);
  EXPECT_EQ(as_text(ConstBytes(body).first(8)), "IBRIDGE1");
  EXPECT_EQ(load<std::uint16_t>(body.data() + 8), 1);
  EXPECT_EQ(load<std::uint16_t>(body.data() + 10), 0);
  EXPECT_EQ(load<std::uint32_t>(body.data() + 12), 104U);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 16), 4U) << "LARGE_MESSAGES";
  EXPECT_EQ(load<std::uint64_t>(body.data() + 24), 0U);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 32), 256ULL << 20);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 40), 64ULL << 20);
  EXPECT_EQ(load<std::uint32_t>(body.data() + 48), 1024U);
  EXPECT_EQ(load<std::uint32_t>(body.data() + 52), 1U);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 72), 0U);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 80), 256ULL << 10);
  EXPECT_EQ(load<std::uint32_t>(body.data() + 88), 8192U);
  EXPECT_EQ(load<std::uint32_t>(body.data() + 92), 1024U);
  EXPECT_EQ(load<std::uint64_t>(body.data() + 96), 2U);
  EXPECT_EQ(as_text(ConstBytes(body).subspan(104)), std::string("\x01\0s\x01\0m\x01\0n", 9));
}

TEST(HelloMessage, CutShortAnywhereIsRefused) {
  const Buffer whole = encode_hello(example());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Result<Hello> hello = decode_hello(ConstBytes(whole).first(size));
    ASSERT_FALSE(hello.ok()) << size;
    EXPECT_EQ(hello.error().code, Code::kDataLoss);
  }
}

TEST(HelloMessage, OfAnotherProtocolIsRefused) {
  Buffer body = encode_hello(example());
  body[0] = std::byte{'X'};
  EXPECT_EQ(decode_hello(body).error().code, Code::kDataLoss);
  EXPECT_FALSE(decode_hello(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).ok());
}

TEST(HelloMessage, FieldsOfALaterMinorVersionAreSkipped) {
  Buffer body = encode_hello(example());
  store(body.data() + 10, std::uint16_t{7});
  store(body.data() + 12, std::uint32_t{112});
  body.insert(body.begin() + 104, 8, std::byte{0xFF});
  append(body, as_bytes("and what follows the methods"));
  const Result<Hello> hello = decode_hello(body);
  ASSERT_TRUE(hello.ok());
  EXPECT_EQ(hello.value().methods, example().methods);
  EXPECT_TRUE(check_compatible(hello.value()).ok());
}

TEST(HelloMessage, WithoutALimitOfStreamsTakesNone) {
  Buffer body = encode_hello(example());
  store(body.data() + 12, std::uint32_t{80});
  body.erase(body.begin() + 80, body.begin() + 104);
  const Result<Hello> hello = decode_hello(body);
  ASSERT_TRUE(hello.ok());
  EXPECT_EQ(hello.value().limits.max_streams, 0U);
  EXPECT_EQ(hello.value().methods, example().methods);
  EXPECT_EQ(hello.value().language, Language::kUnknown);
  EXPECT_EQ(hello.value().name, "") << "nor is one looked for";
}

TEST(HelloMessage, OfAnotherMajorVersionIsReadAsFarAsItIsKnown) {
  Hello other = example();
  other.major = 9;
  other.minor = 4;
  Buffer body = encode_hello(other);
  body.resize(80);
  const Result<Hello> hello = decode_hello(body);
  ASSERT_TRUE(hello.ok());
  const Status status = check_compatible(hello.value());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kFailedPrecondition);
  EXPECT_NE(status.error().message.find("9.4"), std::string::npos);
  EXPECT_NE(status.error().message.find("1.0"), std::string::npos);
}

TEST(HelloMessage, ARequiredFeatureThatIsNotKnownIsRefusedAndAnOptionalOneIsNot) {
  Hello hello;
  hello.optional_features = ~0ULL;
  EXPECT_TRUE(check_compatible(hello).ok());
  hello.required_features = 1ULL << 40U;
  EXPECT_EQ(check_compatible(hello).error().code, Code::kFailedPrecondition);
}

TEST(HelloMessage, AnnouncedMethodsTakeNoMemoryAndHaveALimit) {
  Buffer body = encode_hello(Hello{});
  store(body.data() + 52, ~std::uint32_t{0});
  EXPECT_FALSE(decode_hello(body).ok());
  store(body.data() + 52, static_cast<std::uint32_t>(kMaxMethods));
  EXPECT_FALSE(decode_hello(body).ok());
}

TEST(HelloMessage, ANameThatIsTooLongIsRefused) {
  Hello hello;
  hello.methods = {std::string(kMaxMethodBytes + 1, 'x')};
  EXPECT_FALSE(decode_hello(encode_hello(hello)).ok());
}

TEST(UpgradeMessage, SurvivesTheJourney) {
  const Result<Upgrade> yes = decode_upgrade(encode_upgrade({true, Code::kOk, ""}));
  EXPECT_TRUE(yes.value().accepted);
  const Result<Upgrade> no = decode_upgrade(encode_upgrade({false, Code::kResourceExhausted, "the seals"}));
  EXPECT_FALSE(no.value().accepted);
  EXPECT_EQ(no.value().code, Code::kResourceExhausted);
  EXPECT_EQ(no.value().reason, "the seals");
  const Buffer lengthy = encode_upgrade({false, Code::kUnknown, std::string(5000, 'x')});
  EXPECT_EQ(decode_upgrade(lengthy).value().reason.size(), 1024U);
}

TEST(UpgradeMessage, MayHaveACodeOfALaterVersion) {
  Buffer body = encode_upgrade({false, Code::kUnknown, ""});
  body[1] = std::byte{200};
  EXPECT_EQ(decode_upgrade(body).value().code, Code::kUnknown);
}

TEST(UpgradeMessage, ThatIsNonsenseIsRefused) {
  EXPECT_FALSE(decode_upgrade({}).ok());
  EXPECT_FALSE(decode_upgrade(Buffer(1)).ok());
  Buffer body = encode_upgrade({true, Code::kOk, ""});
  body[0] = std::byte{2};
  EXPECT_FALSE(decode_upgrade(body).ok());
  EXPECT_FALSE(decode_upgrade(Buffer(2000)).ok());
}

}  // namespace
}  // namespace ipcbridge
