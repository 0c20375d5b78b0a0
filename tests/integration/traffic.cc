#include "tests/integration/traffic.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

client::Client OpenAt(const Cluster& cluster, int first) {
  std::vector<std::string> endpoints;
  for (int i = 0; i < cluster.size(); ++i) {
    endpoints.push_back(cluster.address((first + i) % cluster.size() + 1));
  }
  auto client = client::Client::Open({.endpoints = std::move(endpoints),
                                      .timeout = std::chrono::seconds(30),
                                      .try_timeout = std::chrono::milliseconds(200)});
  KVD_CHECK(client.ok(), "open a client");
  return *std::move(client);
}

}  // namespace

class Traffic::Actor {
 public:
  Actor(Traffic& traffic, client::Client client, int number)
      : traffic_(traffic),
        client_(std::move(client)),
        register_(fmt::format("register-{}", number)),
        counter_(fmt::format("counter-{}", number)) {}

  void Run() {
    while (!traffic_.stopping_) {
      Write();
      Read(client_);
      Count();
    }
  }

  void ExpectNothingLost(const client::Client& reader) {
    Read(reader);
    const auto counted = reader.Get(counter_);
    ASSERT_TRUE(counted.ok()) << counted.error().message;
    const int64_t sum = counted->entry ? std::stoll(counted->entry->value) : 0;
    EXPECT_GE(sum, counted_) << counter_ << ": an increment is lost";
    EXPECT_LE(sum, counted_ + maybe_counted_) << counter_ << ": an increment was applied twice";
  }

  [[nodiscard]] uint64_t answered() const { return answered_; }

 private:
  void Write() {
    const auto put = client_.Put(register_, std::to_string(++sent_));
    if (!put.ok()) return traffic_.Fail(put.error().message);
    Saw("put", sent_, put->version);
    ++answered_;
  }

  void Read(const client::Client& client) {
    const auto get = client.Get(register_);
    if (!get.ok()) return traffic_.Fail(get.error().message);
    const uint64_t value = get->entry ? std::stoull(get->entry->value) : 0;
    Saw("get", value, get->entry ? get->entry->version : 0);
    ++answered_;
  }

  void Count() {
    const auto sum = client_.Increment(counter_);
    if (!sum.ok()) {
      ++maybe_counted_;
      return traffic_.Fail(sum.error().message);
    }
    ++counted_;
    if (sum->value < counted_ || sum->value > counted_ + maybe_counted_) {
      traffic_.Report(fmt::format("{} is {} after {} increments", counter_, sum->value, counted_));
    }
    ++answered_;
  }

  // The register is `value` at `version`. What was seen once is never unseen.
  void Saw(const char* operation, uint64_t value, Version version) {
    const bool same = value == value_ && version == version_;
    const bool newer = value > value_ && version > version_ && value <= sent_;
    if (!same && !newer) {
      traffic_.Report(fmt::format("{} of {} answers {} at version {}, after {} at version {}",
                                  operation, register_, value, version, value_, version_));
    }
    value_ = std::max(value_, value);
    version_ = std::max(version_, version);
  }

  Traffic& traffic_;
  client::Client client_;
  const std::string register_;
  const std::string counter_;
  uint64_t sent_ = 0;
  uint64_t value_ = 0;  // The newest acknowledged or seen.
  Version version_ = 0;
  int64_t counted_ = 0;
  int64_t maybe_counted_ = 0;
  std::atomic<uint64_t> answered_ = 0;
};

Traffic::Traffic(const Cluster& cluster, int clients) {
  for (int i = 0; i < clients; ++i) {
    actors_.push_back(std::make_unique<Actor>(*this, OpenAt(cluster, i), i));
  }
  for (const auto& actor : actors_) threads_.emplace_back([&actor] { actor->Run(); });
}

Traffic::~Traffic() {
  Stop();
}

void Traffic::Await(uint64_t more) const {
  std::vector<uint64_t> until;
  for (const auto& actor : actors_) until.push_back(actor->answered() + more);
  EXPECT_TRUE(Eventually([&] {
    for (size_t i = 0; i < actors_.size(); ++i) {
      if (actors_[i]->answered() < until[i]) return false;
    }
    return true;
  })) << "some client is not served any more";
}

void Traffic::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<std::string> Traffic::failures() const {
  absl::MutexLock lock(&mu_);
  return failures_;
}

std::vector<std::string> Traffic::anomalies() const {
  absl::MutexLock lock(&mu_);
  return anomalies_;
}

void Traffic::ExpectNothingLost(const client::Client& reader) const {
  for (const auto& actor : actors_) actor->ExpectNothingLost(reader);
}

void Traffic::Fail(std::string what) {
  absl::MutexLock lock(&mu_);
  failures_.push_back(std::move(what));
}

void Traffic::Report(std::string anomaly) {
  absl::MutexLock lock(&mu_);
  anomalies_.push_back(std::move(anomaly));
}

}  // namespace kvd::testing
