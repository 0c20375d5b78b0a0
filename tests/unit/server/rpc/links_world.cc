#include "tests/unit/server/rpc/links_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/rpc/convert.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

constexpr uint8_t kNodes = 4;
constexpr uint8_t kSelf = 2;
constexpr Duration kPatience = std::chrono::seconds(60);

// Nobody is ever suspected: a peer is up if, and only if, the node was told that its link is.
node::Node::Options NodeOptions(const topology::Topology& topology) {
  node::Node::Options options;
  options.founding.self = topology.FindName(topology::NameOfNode(kSelf))->card;
  options.founding.boot = {.counter = 1, .nonce = 1};
  options.founding.terms = topology::TermsOf(kNodes);
  options.founding.topology = topology;
  options.founding.binding = {topology.cluster_id, topology::UuidOf(1)};
  options.peers.detector.floor = std::chrono::hours(1);
  options.peers.detector.ceiling = std::chrono::hours(2);
  return options;
}

std::string Metadata(const grpc::ServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

}  // namespace

DialledPeer::DialledPeer() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

DialledPeer::~DialledPeer() {
  server_->Shutdown(std::chrono::system_clock::now());
}

void DialledPeer::Refuse(const Refusal& refusal) {
  const absl::MutexLock lock(&mu_);
  refusal_ = refusal;
}

grpc::Status DialledPeer::Link(grpc::ServerContext* context,
                               grpc::ServerReaderWriter<peer_pb::Frame, peer_pb::Frame>* stream) {
  {
    const absl::MutexLock lock(&mu_);
    ++begun_;
    expected_ = Metadata(*context, "kvd-to");
    if (refusal_) return ToGrpc(*refusal_);
  }
  context->AddInitialMetadata("kvd-accepted", "1");
  stream->SendInitialMetadata();
  peer_pb::Frame frame;
  while (stream->Read(&frame)) {
  }
  const absl::MutexLock lock(&mu_);
  ++ended_;
  return grpc::Status::OK;
}

int DialledPeer::begun() const {
  const absl::MutexLock lock(&mu_);
  return begun_;
}

int DialledPeer::ended() const {
  const absl::MutexLock lock(&mu_);
  return ended_;
}

std::string DialledPeer::expected() const {
  const absl::MutexLock lock(&mu_);
  return expected_;
}

DiallingPeer::DiallingPeer(const std::string& address, const Introduction& introduction)
    : stub_(peer_pb::Peer::NewStub(
          grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {
  context_.AddMetadata("kvd-cluster", introduction.cluster_id);
  context_.AddMetadata("kvd-from", introduction.from);
  context_.AddMetadata("kvd-to", introduction.to);
  stream_ = stub_->Link(&context_);
}

DiallingPeer::~DiallingPeer() {
  if (ended_) return;
  context_.TryCancel();
  (void)AwaitEnd();
}

bool DiallingPeer::IsAccepted() {
  stream_->WaitForInitialMetadata();
  peer_pb::Frame frame;
  return stream_->Read(&frame);  // The node speaks at once.
}

grpc::Status DiallingPeer::AwaitEnd() {
  ended_ = true;
  peer_pb::Frame frame;
  while (stream_->Read(&frame)) {
  }
  return stream_->Finish();
}

void LinksWorld::Lines::Write(const LogLine& line) {
  const absl::MutexLock lock(&mu_);
  lines_.push_back(line.message);
}

int LinksWorld::Lines::Count(const std::string& text) const {
  const absl::MutexLock lock(&mu_);
  return static_cast<int>(std::ranges::count_if(
      lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

LinksWorld::LinksWorld()
    : topology_(topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(kNodes),
                                        topology::CardsOf(kNodes))),
      data_dir_(storage::DataDir::Open(temp_ / "n2").value()),
      runtime_({.node = NodeOptions(topology_),
                .flush_every = {},
                .measure_disk = [] { return runtime::DiskSpace(); },
                .on_fatal = [](const Status& status) { ADD_FAILURE() << Message(status); },
                .on_condemned = [](const std::string& why) { ADD_FAILURE() << why; },
                .on_removed = [] { ADD_FAILURE() << "nobody is removed here"; }},
               log_, *data_dir_, machines_, clock_, logger_),
      links_({.credentials = grpc::InsecureChannelCredentials(),
              .self = topology::UuidOf(kSelf),
              .redial_every = std::chrono::milliseconds(5)},
             loop_, runtime_, logger_) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  service_.Register(builder);
  server_ = loop_.Serve(builder);
  address_ = "127.0.0.1:" + std::to_string(port);
  service_.Start();
  loop_.Start();
  runtime_.Start(wire_);
}

LinksWorld::~LinksWorld() {
  service_.Stop();
  links_.Stop();
  server_->Shutdown(std::chrono::system_clock::now());
  loop_.AwaitReported();
  loop_.Stop();
  runtime_.Stop();
}

void LinksWorld::SetTargets(std::vector<node::LinkTarget> targets,
                            std::vector<topology::Removed> removed) {
  links_.SetTargets({.cluster_id = topology_.cluster_id,
                     .targets = std::move(targets),
                     .removed = std::move(removed)});
}

node::LinkTarget LinksWorld::Target(uint8_t number, const std::string& address) {
  return {.id = NodeId{number},
          .uuid = topology::UuidOf(number),
          .name = topology::NameOfNode(number),
          .peer_address = address,
          .dial = number > kSelf};
}

Introduction LinksWorld::IntroductionOf(uint8_t number) const {
  return {.cluster_id = topology_.cluster_id.ToString(),
          .from = topology::UuidOf(number).ToString(),
          .to = topology::UuidOf(kSelf).ToString()};
}

bool LinksWorld::AwaitLinked(uint8_t number, bool linked) {
  const auto is_so = [&](const node::Node& node) {
    const node::ClusterView view = node.ViewCluster(clock_.Now());
    const auto at = std::ranges::find(view.nodes, topology::UuidOf(number),
                                      [](const node::NodeView& each) { return each.card.uuid; });
    return at != view.nodes.end() && (at->state == node::NodeState::kUp) == linked;
  };
  return runtime_.WaitUntil(is_so, kPatience);
}

}  // namespace kvd::rpc
