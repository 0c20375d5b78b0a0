#include "client/load/source.h"

#include <gtest/gtest.h>

#include <vector>

namespace kvd::load {
namespace {

std::vector<Operation> First(int count, const Workload& workload, uint64_t seed, uint64_t caller) {
  RecordCount records(1000);
  Source source({.workload = workload, .seed = seed, .caller = caller}, records);
  std::vector<Operation> operations;
  for (int i = 0; i < count; ++i) operations.push_back(source.Next());
  return operations;
}

TEST(SourceTest, SameSeedGivesTheSameOperations) {
  const Workload a = *ParseWorkload("a");
  EXPECT_EQ(First(100, a, 1, 0), First(100, a, 1, 0));
  EXPECT_NE(First(100, a, 1, 0), First(100, a, 2, 0));
}

TEST(SourceTest, CallersOfOneSeedDoNotDoTheSame) {
  const Workload a = *ParseWorkload("a");
  EXPECT_NE(First(100, a, 1, 0), First(100, a, 1, 1));
  EXPECT_NE(First(100, a, 1, 1), First(100, a, 0, 2));
}

TEST(SourceTest, InsertsAreOfNewRecordsAndReadsOfThoseThatAreThere) {
  RecordCount records(1000);
  const Workload d = *ParseWorkload("d");
  Source source({.workload = d}, records);
  uint64_t inserted = 0;
  for (int i = 0; i < 1000; ++i) {
    const Operation operation = source.Next();
    if (operation.kind == Kind::kInsert) {
      EXPECT_EQ(operation.record, 1000 + inserted++);
    } else {
      EXPECT_LT(operation.record, 1000U) << "no insert has ended";
    }
  }
  EXPECT_GT(inserted, 20U);
}

}  // namespace
}  // namespace kvd::load
