// The workloads against table 2 of the YCSB paper.

#include "client/load/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::load {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Described(std::string_view name) {
  const auto workload = ParseWorkload(name);
  if (!workload.ok()) return Message(workload.status());
  return workload->name + ": " + workload->mix.ToString() + ", " +
         std::string(ChoiceName(workload->choice));
}

TEST(WorkloadTest, LettersMeanWhatTheyMeanInYcsb) {
  EXPECT_EQ(Described("a"), "a: 50% read 50% update, zipf");
  EXPECT_EQ(Described("b"), "b: 95% read 5% update, zipf");
  EXPECT_EQ(Described("c"), "c: 100% read, zipf");
  EXPECT_EQ(Described("d"), "d: 95% read 5% insert, latest");
  EXPECT_EQ(Described("f"), "f: 50% read 50% rmw, zipf");
  EXPECT_EQ(Described("A"), Described("a"));
}

TEST(WorkloadTest, ScansAreRefusedWithTheReasonAndNotFaked) {
  EXPECT_THAT(Described("e"), StartsWith("workload e scans, and kvd has no scans"));
}

TEST(WorkloadTest, UnknownOnesAreRefusedWithThoseThereAre) {
  EXPECT_THAT(Described("g"), StartsWith("'g' is not one of a, b, c, d, f, nor a mix"));
  EXPECT_THAT(Described(""), StartsWith("'' is not one of"));
  EXPECT_THAT(Described("ab"), HasSubstr("'ab' is not one of"));
}

TEST(WorkloadTest, ChoicesHaveNames) {
  EXPECT_EQ(*ParseChoice("uniform"), Choice::kUniform);
  EXPECT_EQ(*ParseChoice("zipf"), Choice::kZipf);
  EXPECT_EQ(*ParseChoice("latest"), Choice::kLatest);
  EXPECT_EQ(Message(ParseChoice("unifrom").status()),
            "'unifrom' is not one of uniform, zipf, latest; did you mean 'uniform'?");
}

}  // namespace
}  // namespace kvd::load
