// What an operator sees of this process over HTTP: /metrics, /livez, /readyz, as `http_listen` has
// it. Asks no other node, so it answers without a majority; and, of a node that is stuck, that it
// is.
//
// Owns: the HTTP server, whose thread answers. Threading: Serve() and the destructor are the main
// thread's.
#pragma once

#include <memory>

#include "common/status.h"
#include "config/host_port.h"
#include "server/daemon/node_metrics.h"
#include "server/daemon/node_probe.h"
#include "server/observability/http_server.h"
#include "server/rpc/server.h"
#include "server/runtime/runtime.h"
#include "server/storage/rocks/rocks_store.h"
#include "server/storage/write_back.h"

namespace kvd::daemon {

class Observation {
 public:
  // What is looked at. All of it must outlive the observation; the runtime need not have started,
  // but must not be stopped before.
  struct Sources {
    runtime::Runtime& runtime;
    rpc::Server& server;
    const StorageMetrics& storage;
    const storage::WriteBackStore& store;
    const storage::StoreOnDisk& on_disk;
  };

  // Listens and answers. UNAVAILABLE if it cannot listen there.
  [[nodiscard]] static StatusOr<std::unique_ptr<Observation>> Serve(const config::HostPort& at,
                                                                    const Sources& sources);

  // Where it listens: with the port it got, where 0 was asked for.
  [[nodiscard]] const config::HostPort& address() const { return address_; }

 private:
  explicit Observation(const Sources& sources);

  [[nodiscard]] observability::HttpResponse Answer(const observability::HttpRequest& request);
  [[nodiscard]] observability::HttpResponse Metrics();

  const Sources sources_;
  NodeProbe probe_;  // The HTTP server's thread's.
  config::HostPort address_;
  std::unique_ptr<observability::HttpServer> http_;
};

}  // namespace kvd::daemon
