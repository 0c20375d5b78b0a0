// What is counted and timed while kvd runs.
//
// Counters, gauges and histograms are plain members of whoever counts: there is no registry. Adding
// to one is a relaxed atomic add, so that it may stand on the way of every request; readers may see
// one of two related numbers before the other. At a scrape their owners write them on a page
// (metrics_page.h).
//
// Threading: thread-safe, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "common/durations.h"

namespace kvd::observability {

// Only grows, from 0 at the start of the process.
class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// As it is now.
class Gauge {
 public:
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(uint64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }

  // REQUIRES: that much was added before.
  void Subtract(uint64_t by) { value_.fetch_sub(by, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// How long things took, since the start of the process.
class Histogram {
 public:
  // A negative duration counts as none.
  void Observe(Duration took);

  [[nodiscard]] Durations value() const;

 private:
  std::array<Counter, Durations::kBounds.size() + 1> counts_;
  Counter sum_ns_;
};

}  // namespace kvd::observability
