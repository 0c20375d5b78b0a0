#include "config/host_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::config {
namespace {

using ::testing::HasSubstr;

std::string Refusal(std::string_view text) {
  const auto at = HostPort::Parse(text);
  return at.ok() ? "accepted as " + at->ToString() : Message(at.status());
}

TEST(HostPortTest, AddressesParseAndPrintBack) {
  for (const char* text :
       {"10.0.0.1:7400", "[fd00::3]:7400", "localhost:1", "db1.example.net:65535", "0.0.0.0:0",
        "[::]:7400", "my_host:80", "3com:80"}) {
    const auto at = HostPort::Parse(text);
    ASSERT_TRUE(at.ok()) << Message(at.status());
    EXPECT_EQ(at->ToString(), text);
  }
}

TEST(HostPortTest, EqualHostsAreEqualStrings) {
  EXPECT_EQ(HostPort::Parse("[FD00:0:0::3]:1")->ToString(), "[fd00::3]:1");
  EXPECT_EQ(HostPort::Parse("DB1.Example.NET:1")->host, "db1.example.net");
  EXPECT_EQ(CanonicalHost("FD00:0::3"), "fd00::3");
}

TEST(HostPortTest, RefusalSaysHowToWriteIt) {
  EXPECT_THAT(Refusal("10.0.0.1"), HasSubstr("has no port; write host:port"));
  EXPECT_THAT(Refusal("10.0.0.1:"), HasSubstr("has no port"));
  EXPECT_THAT(Refusal("[fd00::3]"), HasSubstr("has no port"));
  EXPECT_THAT(Refusal("[fd00::3]7400"), HasSubstr("has no port"));
  EXPECT_THAT(Refusal("fd00::3:7400"), HasSubstr("needs brackets"));
  EXPECT_THAT(Refusal("[fd00::3:7400"), HasSubstr("lacks its closing ']'"));
  EXPECT_THAT(Refusal("[10.0.0.1]:7400"), HasSubstr("does not hold an IPv6 address"));
  EXPECT_THAT(Refusal(":7400"), HasSubstr("write 0.0.0.0"));
  EXPECT_THAT(Refusal("*:7400"), HasSubstr("write 0.0.0.0"));
  EXPECT_THAT(Refusal("10.0.0.256:7400"), HasSubstr("four numbers, 0..255"));
  EXPECT_THAT(Refusal("10.1:7400"), HasSubstr("four numbers, 0..255"));
  EXPECT_THAT(Refusal("-a:7400"), HasSubstr("host name"));
  EXPECT_THAT(Refusal("a..b:7400"), HasSubstr("host name"));
  EXPECT_THAT(Refusal(std::string(64, 'a') + ":7400"), HasSubstr("host name"));
  EXPECT_THAT(Refusal("http://a:7400"), HasSubstr("brackets"));
  EXPECT_EQ(Refusal("a:0700"),
            "port '0700' has a leading zero, which YAML reads as octal; write 700");
  EXPECT_EQ(Refusal("a:65536"), "'65536' is not a port: 1..65535");
  EXPECT_THAT(Refusal("a:-1"), HasSubstr("not a whole number"));
  EXPECT_THAT(Refusal(std::string("a\0b:1", 5)), HasSubstr("'a\\x00b:1'"));
  EXPECT_THAT(Refusal(std::string("127.0.0.1\0x:1", 13)), HasSubstr("host name"));
}

TEST(HostPortTest, LoopbackIsWhatNoOtherMachineReaches) {
  for (const char* text : {"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(HostPort::Parse(text)->is_loopback()) << text;
  }
  for (const char* text : {"10.0.0.1:1", "0.0.0.0:1", "[::]:1", "127.example.net:1"}) {
    EXPECT_FALSE(HostPort::Parse(text)->is_loopback()) << text;
  }
}

}  // namespace
}  // namespace kvd::config
