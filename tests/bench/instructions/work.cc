// A fixed amount of work on one thread, for whoever counts instructions: see check. Three nodes
// without network, RocksDB and threads: requests and frames as Protocol Buffers both ways,
// consensus, the key-value machine on a store in memory, and, by itself, the log on the disk.

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "kvd/v1/kv.pb.h"
#include "server/rpc/convert.h"
#include "server/rpc/wire_frame.h"
#include "server/storage/segments/segment_log.h"
#include "tests/unit/server/node/world.h"

namespace kvd {
namespace {

constexpr uint32_t kPartitions = 64;
constexpr uint32_t kKeys = 1000;
constexpr uint32_t kTogether = 64;
constexpr size_t kValueBytes = 100;

std::string KeyAt(uint32_t n) {
  std::string key = std::to_string(n % kKeys);
  return std::string(24 - key.size(), 'k') + key;
}

// What crosses a wire leaves as bytes and comes as bytes.
template <typename Message>
Message Across(const Message& message) {
  Message arrived;
  KVD_CHECK(arrived.ParseFromString(message.SerializeAsString()), "what was written can be read");
  return arrived;
}

bool FrameAcross(node::World::Sent& sent) {
  static rpc::WireFrame writing;
  static rpc::WireFrame reading;
  rpc::Write(std::move(sent.frame), writing.Renew());
  const std::string bytes = writing.frame().SerializeAsString();
  KVD_CHECK(reading.Renew().ParseFromString(bytes), "what was written can be read");
  auto arrived = rpc::Take(reading.frame());
  KVD_CHECK(arrived.has_value(), "a frame of ours is well-formed");
  sent.frame = *std::move(arrived);
  return true;
}

node::Operation PutAt(uint32_t n) {
  kvd::v1::PutRequest request;
  request.set_key(KeyAt(n));
  request.set_value(std::string(kValueBytes, static_cast<char>('a' + n % 26)));
  request = Across(request);
  return std::get<node::Operation>(rpc::FromProto(request));
}

node::Operation GetAt(uint32_t n) {
  kvd::v1::GetRequest request;
  request.set_key(KeyAt(n));
  request = Across(request);
  return std::get<node::Operation>(rpc::FromProto(request));
}

class Cluster {
 public:
  Cluster() : world_({.partitions = kPartitions}) { world_.SetFilter(FrameAcross); }

  // `operations` calls, `together` at once, each at the owner of its key.
  template <typename Response>
  void Call(const std::function<node::Operation(uint32_t)>& make, uint32_t operations,
            uint32_t together) {
    for (uint32_t done = 0; done < operations; done += together) {
      std::vector<node::CallId> calls;
      for (uint32_t i = 0; i < together; ++i) {
        calls.push_back(node::CallId{++last_call_});
        node::Operation operation = make(done + i);
        const PartitionId partition = world_.PartitionOfKey(operation.key);
        const NodeId owner = world_.topology().PreferredOwner(partition).node;
        world_.at(owner).OnCall(calls.back(), std::move(operation), std::nullopt, world_.now());
      }
      world_.Settle();
      world_.Pass(std::chrono::milliseconds(5));
      for (const node::CallId call : calls) Answer<Response>(call);
    }
  }

 private:
  template <typename Response>
  void Answer(node::CallId call) {
    const node::Answer* answer = world_.AnswerTo(call);
    KVD_CHECK(answer != nullptr, "a call is answered within 5 ms");
    KVD_CHECK(!std::holds_alternative<Refusal>(answer->result), world_.OutcomeOf(call));
    Response response;
    rpc::ToProto(*answer, response);
    (void)Across(response);
  }

  node::World world_;
  uint64_t last_call_ = uint64_t{1} << 40U;  // Apart from the world's own.
};

void Put(uint32_t operations, uint32_t together) {
  Cluster().Call<kvd::v1::PutResponse>(PutAt, operations, together);
}

void Get(uint32_t operations, uint32_t together) {
  Cluster cluster;
  cluster.Call<kvd::v1::PutResponse>(PutAt, kKeys, kTogether);
  cluster.Call<kvd::v1::GetResponse>(GetAt, operations, together);
}

// Entries of as many groups as go together, one each, as one synced batch.
void Append(uint32_t operations, uint32_t together) {
  std::string name = (std::filesystem::temp_directory_path() / "kvd_work_XXXXXX").string();
  KVD_CHECK(mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
  {
    auto opened = storage::OpenSegmentLog(name + "/log", {});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    Index index = 0;
    for (uint32_t done = 0; done < operations; done += together) {
      ++index;
      std::vector<storage::GroupWrite> writes;
      for (uint32_t group = 0; group < together; ++group) {
        writes.push_back({.group = GroupId{group}});
        writes.back().entries.push_back(
            {.index = index, .term = 1, .payload = std::string(kValueBytes + 60, 'e')});
      }
      KVD_CHECK(opened->log->Append(writes).ok(), "the log takes entries");
    }
  }
  std::filesystem::remove_all(name);
}

using Work = std::function<void(uint32_t)>;

std::map<std::string, Work> AllWork() {
  return {{"put", [](uint32_t n) { Put(n, 1); }},
          {"put-64-together", [](uint32_t n) { Put(n, kTogether); }},
          {"get", [](uint32_t n) { Get(n, 1); }},
          {"get-64-together", [](uint32_t n) { Get(n, kTogether); }},
          {"log-64-together", [](uint32_t n) { Append(n, kTogether); }}};
}

int Run(const std::vector<std::string>& args) {
  const std::map<std::string, Work> all = AllWork();
  if (args.size() == 1 && args[0] == "list") {
    for (const auto& [name, work] : all) std::cout << name << "\n";
    return EXIT_SUCCESS;
  }
  const auto work = args.size() == 2 ? all.find(args[0]) : all.end();
  const long operations = work == all.end() ? 0 : std::strtol(args[1].c_str(), nullptr, 10);
  if (operations <= 0 || operations > 1'000'000) {
    std::cerr << "instructions list, or instructions WORK OPERATIONS, of 1 to 1000000\n";
    return 64;
  }
  work->second(static_cast<uint32_t>(operations));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace kvd

int main(int argc, char** argv) {
  return kvd::Run(std::vector<std::string>(argv + 1, argv + argc));
}
