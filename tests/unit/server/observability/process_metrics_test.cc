// This very process, as the operating system sees it.

#include "server/observability/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace kvd::observability {
namespace {

// A number of the page of now; -1: it is not there.
double Shown(const std::string& name) {
  MetricsPage page;
  AddProcessMetrics(page);
  const std::string text = "\n" + page.Text();
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

TEST(ProcessMetricsTest, WorkCostsCpuTime) {
  const double before = Shown("process_cpu_seconds_total");
  ASSERT_GE(before, 0);
  uint64_t sum = 0;
  while (Shown("process_cpu_seconds_total") == before) {
    for (uint64_t i = 0; i < 1'000'000; ++i) sum += i * i;
  }
  EXPECT_NE(sum, 0U);
}

TEST(ProcessMetricsTest, MemoryInUseIsResident) {
  const double before = Shown("process_resident_memory_bytes");
  constexpr size_t kBytes = size_t{64} << 20U;
  const std::vector<char> used(kBytes, 'x');
  EXPECT_GT(Shown("process_resident_memory_bytes"), before + 0.9 * kBytes);
  EXPECT_GT(Shown("process_virtual_memory_bytes"), Shown("process_resident_memory_bytes"));
  EXPECT_EQ(used.back(), 'x');
}

TEST(ProcessMetricsTest, TheStartIsInThePastAndAfterTheMachines) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LT(Shown("process_start_time_seconds"), now + 1);
  EXPECT_GT(Shown("process_start_time_seconds"), now - 600);
}

TEST(ProcessMetricsTest, OpenFilesAreCounted) {
  const double before = Shown("process_open_fds");
  FILE* file = std::fopen("/dev/null", "r");
  EXPECT_EQ(Shown("process_open_fds"), before + 1);
  std::fclose(file);
  EXPECT_EQ(Shown("process_open_fds"), before);
  EXPECT_GT(Shown("process_max_fds"), before);
  EXPECT_GE(Shown("process_threads"), 1);
}

}  // namespace
}  // namespace kvd::observability
