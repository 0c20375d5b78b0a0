#include "common/names.h"

#include <gtest/gtest.h>

#include <string>

namespace kvd {
namespace {

TEST(NodeNameTest, LabelsOfDnsInLowerCaseAreNames) {
  for (const char* name : {"n", "0", "n1", "rack-7", "a-", "n--1"}) EXPECT_TRUE(IsNodeName(name));
  EXPECT_TRUE(IsNodeName(std::string(63, 'n')));
}

TEST(NodeNameTest, NothingElseIs) {
  for (const char* name : {"", "-n", "N1", "n_1", "n.1", "n 1", "\xc3\xa9", "n\n"}) {
    EXPECT_FALSE(IsNodeName(name)) << name;
  }
  EXPECT_FALSE(IsNodeName(std::string(64, 'n')));
}

}  // namespace
}  // namespace kvd
