// Has one operation answered by some endpoint: connects, sends, judges how the try ended, and tries
// again until there is an answer, a reason not to, or no time left.
//
// Threading: thread-safe. Run() blocks, and holds no lock while it waits for a node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/bases.h"
#include "client/failover.h"
#include "client/request_id.h"
#include "client/result.h"
#include "client/retry.h"
#include "client/write_ids.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace kvd::client {

class Caller {
 public:
  struct Options {
    std::vector<Endpoint> endpoints;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    bool tls = false;
    Duration try_timeout{};
  };

  // One operation.
  struct Plan {
    bool writes = false;
    bool persistent = false;                // See Retry::Options.
    Duration timeout{};                     // Zero: no limit.
    std::string_view key{};                 // Of a write: where its base belongs.
    std::optional<RequestId> request_id{};  // Of a write: the caller's own.
  };

  // One try, and what it needs: makes the call and says how it ended. The id is for writes only.
  using Send = std::function<grpc::Status(const Connection& at, grpc::ClientContext& context,
                                          const RequestId& id)>;

  // Where the answer came from.
  struct Answered {
    std::string endpoint;
    Duration took{};  // Of the try that was answered.
  };

  explicit Caller(Options options);

  Result<Answered> Run(const Plan& plan, const Send& send);

  // An index of the partition that an answer has shown to exist.
  void Learn(PartitionId partition, Index index) { bases_.Learn(partition, index); }
  void Learn(const Ring& ring) { bases_.Learn(ring); }

 private:
  class Operation;

  // Asks `at` for the ring, for the sake of its bases. True if it answered.
  bool FetchBases(const Connection& at, Deadline deadline);

  const Duration try_timeout_;
  Failover failover_;
  WriteIds write_ids_;
  Bases bases_;
};

}  // namespace kvd::client
