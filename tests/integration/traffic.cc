#include "tests/integration/traffic.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/check.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

// One way of asking.
class Asker {
 public:
  virtual ~Asker() = default;
  virtual client::Result<client::PutAnswer> Put(const std::string& key,
                                                const std::string& value) = 0;
  virtual client::Result<client::GetAnswer> Get(const std::string& key) = 0;
  virtual client::Result<client::IncrementAnswer> Increment(const std::string& key) = 0;
};

client::Options OptionsAt(const Cluster& cluster, int first) {
  std::vector<std::string> endpoints;
  for (int i = 0; i < cluster.size(); ++i) {
    endpoints.push_back(cluster.address((first + i) % cluster.size() + 1));
  }
  return {.endpoints = std::move(endpoints),
          .timeout = std::chrono::seconds(30),
          .try_timeout = std::chrono::milliseconds(200)};
}

class CallByCall final : public Asker {
 public:
  explicit CallByCall(const client::Options& options) {
    auto client = client::Client::Open(options);
    KVD_CHECK(client.ok(), "open a client");
    client_.emplace(*std::move(client));
  }

  client::Result<client::PutAnswer> Put(const std::string& key, const std::string& value) override {
    return client_->Put(key, value);
  }
  client::Result<client::GetAnswer> Get(const std::string& key) override {
    return client_->Get(key);
  }
  client::Result<client::IncrementAnswer> Increment(const std::string& key) override {
    return client_->Increment(key);
  }

 private:
  std::optional<client::Client> client_;
};

class Pipelined final : public Asker {
 public:
  explicit Pipelined(client::Pipeline& pipeline) : pipeline_(pipeline) {}

  client::Result<client::PutAnswer> Put(const std::string& key, const std::string& value) override {
    return pipeline_.Put(key, value).get();
  }
  client::Result<client::GetAnswer> Get(const std::string& key) override {
    return pipeline_.Get(key).get();
  }
  client::Result<client::IncrementAnswer> Increment(const std::string& key) override {
    return pipeline_.Increment(key).get();
  }

 private:
  client::Pipeline& pipeline_;
};

}  // namespace

class Traffic::Actor {
 public:
  Actor(Traffic& traffic, std::unique_ptr<Asker> asker, int number)
      : traffic_(traffic),
        asker_(std::move(asker)),
        register_(fmt::format("register-{}", number)),
        counter_(fmt::format("counter-{}", number)) {}

  void Run() {
    while (!traffic_.stopping_) {
      Write();
      Saw(asker_->Get(register_));
      Count();
    }
  }

  void ExpectNothingLost(const client::Client& reader) {
    Saw(reader.Get(register_));
    const auto counted = reader.Get(counter_);
    ASSERT_TRUE(counted.ok()) << counted.error().message;
    const int64_t sum = counted->entry ? std::stoll(counted->entry->value) : 0;
    EXPECT_GE(sum, counted_) << counter_ << ": an increment is lost";
    EXPECT_LE(sum, counted_ + maybe_counted_) << counter_ << ": an increment was applied twice";
  }

  [[nodiscard]] uint64_t answered() const { return answered_; }

 private:
  void Write() {
    const auto put = asker_->Put(register_, std::to_string(++sent_));
    if (!put.ok()) return traffic_.Fail(put.error().message);
    Saw("put", sent_, put->version);
    ++answered_;
  }

  void Saw(const client::Result<client::GetAnswer>& get) {
    if (!get.ok()) return traffic_.Fail(get.error().message);
    const uint64_t value = get->entry ? std::stoull(get->entry->value) : 0;
    Saw("get", value, get->entry ? get->entry->version : 0);
    ++answered_;
  }

  void Count() {
    const auto sum = asker_->Increment(counter_);
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
  const std::unique_ptr<Asker> asker_;
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
  auto pipeline = client::Pipeline::Open(OptionsAt(cluster, 0));
  KVD_CHECK(pipeline.ok(), "open a pipeline");
  pipeline_ = std::make_unique<client::Pipeline>(*std::move(pipeline));
  for (int i = 0; i < clients; ++i) {
    std::unique_ptr<Asker> asker;
    if (i % 2 == 0) {
      asker = std::make_unique<CallByCall>(OptionsAt(cluster, i));
    } else {
      asker = std::make_unique<Pipelined>(*pipeline_);
    }
    actors_.push_back(std::make_unique<Actor>(*this, std::move(asker), i));
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
