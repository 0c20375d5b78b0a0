// A tour of the client library: write a value, write it again only if nobody else has, read it
// back, count, ask where it lives, delete it.
//
//   kvd_example ENDPOINT        for example: kvd_example 127.0.0.1:7400

#include <cstdio>
#include <string>

#include "client/client.h"
#include "common/hash.h"

namespace {

using kvd::client::Client;

// What a program should do with a failed operation depends on its kind; this one only explains.
int Complain(const char* doing, const kvd::client::Error& error) {
  std::fprintf(stderr, "kvd_example: %s: %s\n", doing, error.message.c_str());
  if (error.kind == kvd::client::ErrorKind::kOutcomeUnknown) {
    // The library has repeated it for as long as it was given. Whoever wants to go on repeats it
    // under the same id, with WriteOptions::request_id: it is applied at most once.
    const auto id = error.metadata.find("request_id");
    if (id != error.metadata.end()) {
      std::fprintf(stderr, "kvd_example: its request id is %s\n", id->second.c_str());
    }
  }
  return 1;
}

int Tour(const Client& client) {
  const std::string key = "kvd_example/greeting";

  const auto put = client.Put(key, "hello world");
  if (!put.ok()) return Complain("put", put.error());
  std::printf("put     version %llu\n", static_cast<unsigned long long>(put->version));

  const auto again = client.Put(key, "hello again", {.if_version = put->version});
  if (!again.ok()) return Complain("put", again.error());
  if (again->written()) {
    std::printf("put     version %llu\n", static_cast<unsigned long long>(again->version));
  } else {
    std::printf("put     somebody else was faster\n");  // An answer, not an error.
  }

  const auto sum = client.Increment("kvd_example/tours");
  if (!sum.ok()) return Complain("increment", sum.error());
  std::printf("tour    %lld\n", static_cast<long long>(sum->value));

  const auto get = client.Get(key);
  if (!get.ok()) return Complain("get", get.error());
  if (!get->entry) {
    std::printf("get     absent\n");  // An answer, not an error.
  } else {
    std::printf("get     %s\n", get->entry->value.c_str());
  }

  const auto ring = client.GetRing();
  if (!ring.ok()) return Complain("ring", ring.error());
  const auto partitions = static_cast<uint32_t>(ring->partitions.size());
  const uint32_t partition = kvd::PartitionOf(key, partitions).value;
  const uint32_t owner = ring->partitions[partition].owner;
  std::printf("ring    partition %u of %u, owned by %s\n", partition, partitions,
              ring->nodes[owner].name.c_str());

  const auto deleted = client.Delete(key);
  if (!deleted.ok()) return Complain("delete", deleted.error());
  std::printf("delete  %s\n", deleted->version ? "done" : "was absent");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: kvd_example ENDPOINT, for example: kvd_example 127.0.0.1:7400\n");
    return 2;
  }
  const auto client = Client::Open({.endpoints = {argv[1]}});
  if (!client.ok()) return Complain("open", client.error());
  return Tour(*client);
}
