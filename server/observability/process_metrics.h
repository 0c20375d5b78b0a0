// What the operating system counts of this process, under the names that Prometheus' client
// libraries give it.
//
// Threading: thread-safe; reads /proc.
#pragma once

#include "server/observability/metrics_page.h"

namespace kvd::observability {

// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_start_time_seconds, process_open_fds, process_max_fds and process_threads; what /proc
// does not tell is left out.
void AddProcessMetrics(MetricsPage& page);

}  // namespace kvd::observability
