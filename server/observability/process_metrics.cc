#include "server/observability/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace kvd::observability {
namespace {

// The fields of /proc/self/stat behind the command's name, which may hold anything; see proc(5),
// which numbers the first of them 3.
struct Stat {
  std::vector<std::string> fields;

  [[nodiscard]] double at(size_t number) const { return std::stod(fields.at(number - 3)); }
};

constexpr size_t kUserTime = 14, kSystemTime = 15, kThreads = 20, kStartTime = 22,
                 kVirtualBytes = 23, kResidentPages = 24;

std::optional<Stat> ReadStat() {
  std::string text;
  std::getline(std::ifstream("/proc/self/stat"), text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  Stat stat{{std::istream_iterator<std::string>(rest), {}}};
  if (stat.fields.size() <= kResidentPages - 3) return std::nullopt;
  return stat;
}

// When the machine started, in seconds since 1970.
std::optional<double> BootTime() {
  std::ifstream lines("/proc/stat");
  for (std::string word; lines >> word;) {
    double seconds = 0;
    if (word == "btime" && lines >> seconds) return seconds;
  }
  return std::nullopt;
}

void AddDescriptors(MetricsPage& page) {
  std::error_code error;
  const std::filesystem::directory_iterator open("/proc/self/fd", error);
  if (!error) {
    const auto count = std::distance(begin(open), end(open)) - 1;  // The listing's own.
    page.AddGauge("process_open_fds", "Number of open file descriptors.",
                  static_cast<double>(count));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  page.AddGauge("process_max_fds", "Maximum number of open file descriptors.",
                static_cast<double>(limit.rlim_cur));
}

}  // namespace

void AddProcessMetrics(MetricsPage& page) {
  AddDescriptors(page);
  const auto stat = ReadStat();
  if (!stat) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  page.AddCounter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                  (stat->at(kUserTime) + stat->at(kSystemTime)) / ticks);
  page.AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                stat->at(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  page.AddGauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
                stat->at(kVirtualBytes));
  page.AddGauge("process_threads", "Number of OS threads in the process.", stat->at(kThreads));
  if (const auto boot = BootTime()) {
    page.AddGauge("process_start_time_seconds",
                  "Start time of the process since unix epoch in seconds.",
                  *boot + stat->at(kStartTime) / ticks);
  }
}

}  // namespace kvd::observability
