// grpc.health.v1.Health: whether clients should be sent here. gRPC has one built in, which would
// add threads that poll beside the event loop.
//
// Threading: everything happens on the event loop's thread; the methods hand it over.
#pragma once

#include <set>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/rpc/event_loop.h"

namespace kvd::rpc {

class HealthService {
 public:
  explicit HealthService(EventLoop& loop) : loop_(loop) {}

  // To be registered with the server.
  [[nodiscard]] grpc::health::v1::Health::AsyncService& service() { return service_; }

  // After the server and the loop started.
  void Start();

  // Of the server as a whole and of every service for clients. False at first.
  void SetServing(bool serving);

  // Tells whoever watches that nothing is served any more, and ends the watches, those to come as
  // well.
  void Stop();

 private:
  using ServingStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;
  class CheckCall;
  class Watch;

  [[nodiscard]] ServingStatus StatusOf(const std::string& service) const;
  void TellWatches();

  EventLoop& loop_;
  grpc::health::v1::Health::AsyncService service_;
  bool serving_ = false;
  bool stopping_ = false;
  std::set<Watch*> watches_;
};

}  // namespace kvd::rpc
