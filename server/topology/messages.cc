#include "server/topology/messages.h"

#include <fmt/format.h>

namespace kvd::topology {

std::optional<Refusal> CheckEnvelope(const Envelope& envelope, const Uuid& cluster_id,
                                     const NodeCard& self) {
  const auto differs = [](const Uuid& a, const Uuid& b) {
    return !a.is_nil() && !b.is_nil() && a != b;
  };
  if (differs(envelope.cluster_id, cluster_id)) {
    return Refusal{.reason = Reason::kWrongCluster,
                   .message = fmt::format("{} belongs to cluster {}, the sender to {}", self.name,
                                          cluster_id.ToString(), envelope.cluster_id.ToString()),
                   .metadata = {{"expected", cluster_id.ToString()},
                                {"actual", envelope.cluster_id.ToString()}}};
  }
  if (differs(envelope.to, self.uuid)) {
    return Refusal{
        .reason = Reason::kWrongNode,
        .message = fmt::format("this is {} ({}), the message is for {}", self.name,
                               self.uuid.ToString(), envelope.to.ToString()),
        .metadata = {{"expected", self.uuid.ToString()}, {"actual", envelope.to.ToString()}}};
  }
  return std::nullopt;
}

}  // namespace kvd::topology
