// Changes of the cluster, from any node: who is a member, and where the copies are.
//
//   const kvd::client::Admin admin(client);
//   auto job = admin.StartChange(kvd::client::Leave{.node = "n2"}, {.asked_by = "alice@laptop"});
//
// A change is a job, which goes on by itself once it has begun. Every call may be repeated: what is
// under way already is answered with its job. So calls are tried again like reads, at all
// endpoints, and never end with ErrorKind::kOutcomeUnknown.
//
// Refused with UNSAFE_CHANGE, JOB_CONFLICT, NOT_FOUND (no such node, or job), NAME_IN_USE,
// NODE_REMOVED; without a majority of the system group with NO_MAJORITY.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/change.h"
#include "client/client.h"
#include "client/result.h"
#include "common/types.h"

namespace kvd::client {

struct ChangeOptions {
  std::optional<Duration> timeout{};
  std::string asked_by{};  // Who asks, as jobs will show it: at most 128 bytes.
};

// Threading: thread-safe, as Client.
class Admin {
 public:
  // Over the connections of `client`, which stay open as long as either of the two exists.
  explicit Admin(const Client& client);

  // Over connections of its own. Fails as Client::Open().
  static Result<Admin> Open(const Options& options);

  // What the change would do, if it began now. Changes nothing.
  Result<Plan> PlanChange(const Change& change, CallOptions options = {}) const;

  // Begins it. A job without a number waits for a node that has not called in.
  Result<Job> StartChange(const Change& change, const ChangeOptions& options = {}) const;

  // Leads back to where the job began; it is over when its state is kAborted.
  Result<Job> AbortJob(uint64_t job, CallOptions options = {}) const;

  // The jobs under way and the latest of those that ended, in order of number. With `job` that one
  // alone, refused with NOT_FOUND if there is none, or none any more.
  Result<std::vector<Job>> ListJobs(std::optional<uint64_t> job = std::nullopt,
                                    CallOptions options = {}) const;

  // What the groups of partitions consist of: of `partition`, refused with NOT_FOUND if there is
  // none; or of all those that are not as wished.
  Result<std::vector<Group>> ListGroups(std::optional<PartitionId> partition = std::nullopt,
                                        CallOptions options = {}) const;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace kvd::client
