#include "config/print.h"

namespace kvd::config {
namespace {

constexpr std::string_view kSample =
    R"yaml(# A kvd cluster file: one file, copied unchanged to every node. As it stands it runs three nodes on
# this machine:
#   kvd --config cluster.yaml --check-config
#   kvd --config cluster.yaml --node n1          and n2, n3, each in a terminal of its own
# Only version, cluster.name and nodes are required; other values shown are the defaults unless
# they say "example". Sizes: 512, 4KiB, 1MiB, 2GiB (KB and MB are powers of ten).
# Durations: 250ms, 5s, 10m, 2h, 7d.
version: 1                       # of this file's schema; required

cluster:                         # the same on all nodes, fixed when the cluster is founded
  name: demo                     # example; 1 to 32 of a-z, 0-9 and -
  # id: "6f1c2a9e-0b1d-4c3e-8f5a-112233445566"   # the founded cluster's id: join it, never found;
                                 #   so does kvd --join, and then nodes may list just the new one
  partitions: 256                # power of two, 16..16384; about 100 x the nodes there will ever be
  replication: 3                 # copies of each key, 1..7, at most the nodes listed; not given: 3
                                 #   as soon as there are 3 nodes

topology:                        # cluster-wide
  voters: auto                   # of the system group: auto, 1, 3 or 5
  heartbeat_interval: 100ms      # between nodes that share a partition; 20ms..200ms
  remove_after: 5m               # agreed silence before replicas are rebuilt elsewhere; 0: never
  handback_after: 10s            # health before a returned node owns again; at most 10m

nodes:                           # examples
  - name: n1                     # unique; a-z, 0-9 and -
    address: 127.0.0.1:7400      # what clients dial: host:port, [v6]:port or a DNS name
    peer_address: 127.0.0.1:7401 # what nodes dial; default: the host of address, port + 1
    listen: 127.0.0.1:7400       # where to bind, "0.0.0.0:7400" is everywhere; default: address
    peer_listen: 127.0.0.1:7401  # default: peer_address
    zone: rack-a                 # failure domain: a rack, a room; default: each node its own
  - { name: n2, address: "127.0.0.1:7410", zone: rack-b }
  - { name: n3, address: "127.0.0.1:7420", zone: rack-c }

defaults:                        # any key of nodes[] but name and address, for all nodes
  data_dir: /var/lib/kvd/${node} # ${node} is the node's name
  # http_listen: 127.0.0.1:7480  # /metrics /livez /readyz; "" turns it off; default: loopback,
                                 #   port of address + 80
  shards: 0                      # protocol threads; 0: 1 up to 4 cores, more above

# Without this section kvd speaks plaintext, and on loopback only. For addresses that other machines
# reach, make the files, remove the # in front of each line, and check again; or write, in so many
# words, tls: { allow_insecure: true }.
#
# tls:
#   mode: mutual                   # disabled, server or mutual
#   allow_insecure: false          # true: plaintext also on addresses that other machines reach
#   ca_file: /etc/kvd/tls/ca.pem
#   cert_file: /etc/kvd/tls/${node}.pem     # a new file is used within 5 s, after it was validated
#   key_file: /etc/kvd/tls/${node}.key      # must not be readable by others
#   uri_prefix: "kvd://demo/"    # roles by the certificate's URI: kvd://demo/{node,admin,client}/NAME
#                                #   default: kvd://, the cluster's name, /

# Needs tls.mode: mutual. Without rules clients read and write, and admins do everything; with rules
# the first match wins, and what matches none is denied.
#
# auth:
#   rules:
#     - { identity: "kvd://demo/client/app-*", allow: [read, write], prefix: "app/" }
#     - { identity: "kvd://demo/admin/*", allow: [read, write, admin] }

limits:
  max_key_bytes: 4KiB            # 4KiB at most
  max_value_bytes: 1MiB          # 4MiB at most
  max_inflight_bytes: 256MiB     # above it requests are refused as OVERLOADED, with a time to wait
  max_connections: 4096

timeouts:
  request: 2s                    # when a client sends no deadline
  request_max: 30s               # the longest deadline honoured
  peer_connect: 500ms
  drain_delay: 5s                # after SIGTERM: not ready, still serving
  drain_grace: 20s               # then: time for calls in flight

rebalance:                       # per node
  max_bytes_per_second: 16MiB
  max_concurrent: 2

storage:
  block_cache: 256MiB
  write_buffer: 32MiB            # flushed also every 60 s; bounds the replay after a crash
  compression: lz4               # none, lz4, zstd or snappy
  min_free: 5%                   # or a size; below it puts are refused, deletes go on

log:
  level: info                    # trace, debug, info, warn or error
  format: auto                   # text, json, journal; auto: journal under systemd, text on a
                                 #   terminal, else json
  file: ""                       # default: stderr
  keys: hashed                   # stored keys in log lines: hashed or plain

debug:
  reflection: auto               # gRPC reflection: true, false; auto: on loopback or mutual TLS
  channelz: false
)yaml";

}  // namespace

std::string_view Sample() {
  return kSample;
}

}  // namespace kvd::config
