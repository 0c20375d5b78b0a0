// The data directory of a node that survived the loss of a majority, as `kvd recover` reads it and
// makes it part of what the cluster goes on as.
//
// What a start of kvd would put in order first (a torn write, the data of a replica that ended) is
// put in order by opening; nothing that it holds is changed before Rewrite().
//
// Threading: confined to its opener.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "server/daemon/failure.h"
#include "server/node/recovery.h"
#include "server/partition/state_machines.h"
#include "server/storage/data_dir.h"
#include "server/storage/log.h"
#include "server/storage/store.h"
#include "server/topology/salvage.h"

namespace kvd::daemon {

class Survivor {
 public:
  // Takes the directory for itself alone and reads it. Fails as a kvd on it would, and if it is of
  // no member of a cluster, or of another user's. A directory that is not there is not created.
  [[nodiscard]] static OrFailure<std::unique_ptr<Survivor>> Open(const std::string& path);

  // Leaves the directory as cleanly stopped if it was, or if it was rewritten.
  ~Survivor();
  Survivor(const Survivor&) = delete;
  Survivor& operator=(const Survivor&) = delete;

  [[nodiscard]] const std::string& path() const { return dir_->path(); }
  [[nodiscard]] const storage::Identity& identity() const { return *dir_->identity(); }
  [[nodiscard]] const topology::Topology& topology() const { return *recovery_.topology; }

  // What a recovery that was not finished had begun to make of this node; nullopt: there is none.
  [[nodiscard]] std::optional<Uuid> successor() const;

  // The copies here. `self`: this node.
  [[nodiscard]] std::vector<topology::FoundCopy> Copies(NodeId self) const;

  // Binds the node to the cluster it is to be of. From here on kvd refuses to start on the
  // directory until Finish(). Durable on return, like the other two; each may be repeated by
  // another process.
  [[nodiscard]] Status BindTo(const Uuid& cluster_id);

  // Makes the copies here what `salvage` says of them, all others end. REQUIRES: what Copies() said
  // is in it.
  [[nodiscard]] Status Rewrite(const topology::Salvage& salvage, NodeId self);

  // Puts the topology in force, and lets go of log and data.
  [[nodiscard]] Status Finish(const topology::Topology& topology);

 private:
  Survivor() = default;
  [[nodiscard]] Status Read();
  [[nodiscard]] const node::RecoveredReplica* Find(GroupId group) const;
  [[nodiscard]] Status Apply(const topology::GroupSalvage& group, const std::string& record);
  void Close();

  std::unique_ptr<storage::DataDir> dir_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<partition::StateMachines> machines_;
  node::Recovery recovery_;
  bool clean_ = false;  // Once it is closed nothing is torn.
};

}  // namespace kvd::daemon
