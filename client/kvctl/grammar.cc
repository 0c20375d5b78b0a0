#include "client/kvctl/grammar.h"

#include <algorithm>

namespace kvd::kvctl {
namespace {

constexpr OptionSpec kKeyEncoding{
    .name = "key-encoding", .value = "hex|base64", .text = "KEY is given in hex or base64"};

constexpr OptionSpec kRequestId{
    .name = "request-id", .value = "ID", .text = "repeat a write of unknown outcome (rc 7)"};

std::vector<OptionSpec> MakeGlobalOptions() {
  return {
      {"endpoints", 'e', "HOST:PORT[,..]", "KVCTL_ENDPOINTS", "default 127.0.0.1:7400", true},
      {"cluster-file", 0, "FILE", "KVCTL_CLUSTER_FILE", "endpoints and CA from a kvd cluster file"},
      {"cacert", 0, "FILE", "KVCTL_CACERT", "use TLS, trust this CA"},
      {"cert", 0, "FILE", "KVCTL_CERT", "client certificate"},
      {"key", 0, "FILE", "KVCTL_KEY", "its private key"},
      {"insecure", 0, "", "", "plaintext to other machines"},
      {"timeout", 't', "DUR", "KVCTL_TIMEOUT", "whole command, default 5s; 0: none"},
      {"output", 'o', "FORMAT", "KVCTL_OUTPUT", "text json table raw hex base64"},
      {"color", 0, "WHEN", "", "auto always never; NO_COLOR works too"},
      {"quiet", 'q', "", "", "no results of writes, only errors"},
      {"verbose", 'v', "", "", "time, owner and hops, on stderr"},
      {"debug", 0, "", "", "gRPC's own log, on stderr"},
      {"yes", 'y', "", "", "begin what would be asked about"},
      {"no-input", 0, "", "", "ask nothing, fail instead"},
      {"help", 'h', "", "", "help, also of one command"},
      {"version", 'V', "", "", "kvctl's version"},
  };
}

std::vector<CommandSpec> DataCommands() {
  return {
      {.name = "put",
       .alias = "set",
       .usage = "KEY VALUE | KEY - | KEY --file FILE | KEY --empty",
       .text = "write a value",
       .more = "The value is the argument, standard input (-), a file, or empty. Standard\n"
               "input is never read unless asked. A key or value that begins with a dash\n"
               "goes after --. Prints OK once the write is durable; rc 4 if a condition did\n"
               "not hold, rc 7 if it is not known whether the value was written: --request-id\n"
               "with the id that is then printed writes it at most once.",
       .examples = {"kvctl put greeting \"hello world\"", "kvctl put photo:1 --file cat.jpg",
                    "date | kvctl put now -", "kvctl put lock me --if-absent"},
       .min_arguments = 1,
       .max_arguments = 2,
       .options = {{"file", 0, "FILE", "", "the value is the file's content"},
                   {"empty", 0, "", "", "the value has 0 bytes"},
                   {"if-absent", 0, "", "", "only if the key does not exist"},
                   {"if-version", 0, "N", "", "only if the key is at version N; 0: absent"},
                   {"print-version", 0, "", "", "print the version written, not OK"},
                   kRequestId,
                   kKeyEncoding}},
      {.name = "get",
       .alias = "",
       .usage = "KEY",
       .text = "read a value",
       .more = "Writes exactly the bytes that were put, and a newline only on a terminal. What\n"
               "is not text is not written to a terminal. rc 3 if the key does not exist.",
       .examples = {"kvctl get greeting", "kvctl get photo:1 --out cat.jpg",
                    "kvctl get greeting --with-meta", "kvctl get colour --default blue",
                    "kvctl get greeting --consistency stale"},
       .min_arguments = 1,
       .max_arguments = 1,
       .options = {{"out", 0, "FILE", "", "write the value to a file"},
                   {"with-meta", 0, "", "", "version, partition and owner as well"},
                   {"default", 0, "TEXT", "", "the value of a key that does not exist"},
                   {"consistency", 0, "HOW", "", "linearizable, or stale: any replica answers"},
                   kKeyEncoding}},
      {.name = "del",
       .alias = "rm",
       .usage = "KEY...",
       .text = "delete keys",
       .more = "rc 3 if a key does not exist; the others are deleted. A condition or a request\n"
               "id goes with one KEY.",
       .examples = {"kvctl del greeting", "kvctl del a b c --missing-ok",
                    "kvctl del lock --if-version 17"},
       .min_arguments = 1,
       .max_arguments = CommandSpec::kAnyNumber,
       .options = {{"missing-ok", 0, "", "", "an absent key is no error"},
                   {"if-version", 0, "N", "", "only if the key is at version N"},
                   kRequestId,
                   kKeyEncoding}},
      {.name = "incr",
       .alias = "",
       .usage = "KEY [BY]",
       .text = "add to a number",
       .more = "Adds 1, or BY, to a value that is a decimal 64-bit integer, and prints the sum.\n"
               "A key that does not exist counts as 0. rc 2 if the value is no number or the\n"
               "sum does not fit; nothing is written then.",
       .examples = {"kvctl incr visits", "kvctl incr stock:42 -5"},
       .min_arguments = 1,
       .max_arguments = 2,
       .takes_numbers = true,
       .options = {kRequestId, kKeyEncoding}},
      {.name = "exists",
       .alias = "",
       .usage = "KEY...",
       .text = "rc 0 if every key exists, else rc 3",
       .more = "Prints nothing, unless -o json: then an object per key.",
       .examples = {"kvctl exists greeting && echo yes"},
       .min_arguments = 1,
       .max_arguments = CommandSpec::kAnyNumber,
       .options = {kKeyEncoding}},
  };
}

std::vector<CommandSpec> ClusterCommands() {
  return {
      {.name = "status",
       .alias = "",
       .usage = "",
       .text = "the cluster on one screen",
       .more = "rc 0 if it is healthy, 12 if it is degraded, 5 if nobody answers.",
       .examples = {"kvctl status"},
       .options = {}},
      {.name = "ring",
       .alias = "locate",
       .usage = "[KEY]",
       .text = "who owns every partition, or where a key lives",
       .more = "One letter per partition, in order: the letter is the owner. -o table prints\n"
               "one line per partition, -o json one object per partition.",
       .examples = {"kvctl ring", "kvctl ring greeting", "kvctl ring -o json"},
       .max_arguments = 1,
       .options = {kKeyEncoding}},
      {.name = "nodes",
       .alias = "",
       .usage = "",
       .text = "the nodes: state, zone, load, version",
       .more = "",
       .examples = {"kvctl nodes", "kvctl nodes -o json"},
       .options = {}},
      {.name = "ping",
       .alias = "",
       .usage = "[NODE]",
       .text = "who answers, and how fast",
       .more = "Without NODE the first endpoint that answers; with NODE that node, at the\n"
               "address the cluster knows.",
       .examples = {"kvctl ping", "kvctl ping n2"},
       .max_arguments = 1,
       .options = {}},
      {.name = "wait",
       .alias = "",
       .usage = "--ready [--nodes N] | --job ID",
       .text = "return once the cluster is healthy, or a job done",
       .more = "Looks at the cluster every 100 ms until --timeout. Then rc 12 if it is not\n"
               "healthy, 5 if nobody answered. A job takes its time, unless --timeout is given:\n"
               "rc 12 if it was aborted, or not done by then.",
       .examples = {"kvctl wait --ready --nodes 3 --timeout 60s", "kvctl wait --job 7"},
       .options = {{"ready", 0, "", "", "every node is up"},
                   {"nodes", 0, "N", "", "and there are at least N"},
                   {"job", 0, "ID", "", "the job has ended"}}},
  };
}

// What is said of all of them.
constexpr const char* kChanges =
    "On a terminal shows what it would do, asks, and follows the job to its end.\n"
    "Ctrl-C detaches, and the job goes on. Elsewhere it needs --yes, and prints the\n"
    "job. rc 10 if it is refused because it is unsafe, 12 if the job was aborted.";

constexpr OptionSpec kPlan{.name = "plan", .text = "show what it would do, and stop"};
constexpr OptionSpec kWait{.name = "wait", .text = "follow the job to its end"};
constexpr OptionSpec kZone{
    .name = "zone", .value = "Z", .text = "where it will be, for the plan alone"};
constexpr OptionSpec kAddress{
    .name = "address", .value = "HOST:PORT", .text = "where to start it, for what is said of that"};
constexpr OptionSpec kFewerReplicas{.name = "accept-fewer-replicas",
                                    .text = "even if too few nodes remain"};

std::vector<CommandSpec> ChangeCommands() {
  return {
      {.name = "join",
       .alias = "",
       .usage = "NAME [--zone Z] [--address HOST:PORT]",
       .text = "add a node",
       .more = kChanges,
       .examples = {"kvctl join n4 --zone rack-d", "kvctl join n4 --plan"},
       .min_arguments = 1,
       .max_arguments = 1,
       .options = {kZone, kAddress, kPlan, kWait}},
      {.name = "leave",
       .alias = "decommission",
       .usage = "NODE [--accept-fewer-replicas]",
       .text = "let a node hand over what it has, and stop",
       .more = kChanges,
       .examples = {"kvctl leave n2", "kvctl leave n2 --yes --wait"},
       .min_arguments = 1,
       .max_arguments = 1,
       .options = {kFewerReplicas, kPlan, kWait}},
      {.name = "remove",
       .alias = "",
       .usage = "NODE --confirm NODE [--accept-fewer-replicas]",
       .text = "give up a node that is lost",
       .more = "Its replicas are made anew from those of other nodes. On a terminal shows what\n"
               "it does, and follows the job to its end. Ctrl-C detaches, and the job goes on.\n"
               "rc 10 if it is refused because it is unsafe, 12 if the job was aborted.",
       .examples = {"kvctl remove n3 --confirm n3", "kvctl remove n3 --plan"},
       .min_arguments = 1,
       .max_arguments = 1,
       .options = {{"confirm", 0, "NODE", "", "its name once more"}, kFewerReplicas, kPlan, kWait}},
      {.name = "replace",
       .alias = "",
       .usage = "OLD NEW [--zone Z] [--address HOST:PORT]",
       .text = "put a new node in the place of another",
       .more = kChanges,
       .examples = {"kvctl replace n3 n4"},
       .min_arguments = 2,
       .max_arguments = 2,
       .options = {kZone, kAddress, kPlan, kWait}},
      {.name = "rebalance",
       .alias = "",
       .usage = "",
       .text = "spread the replicas as evenly as zones permit",
       .more = kChanges,
       .examples = {"kvctl rebalance --plan"},
       .options = {kPlan, kWait}},
      {.name = "jobs",
       .alias = "",
       .usage = "[ID] [--watch] [--abort]",
       .text = "the changes under way, and the latest that ended",
       .more = "With ID that one; rc 3 if there is none. A job that is aborted leads back to\n"
               "where it began.",
       .examples = {"kvctl jobs", "kvctl jobs 7 --watch", "kvctl jobs 7 --abort"},
       .max_arguments = 1,
       .options = {{"watch", 0, "", "", "until it has ended, or all have"},
                   {"abort", 0, "", "", "undo what it has done so far"}}},
  };
}

CommandSpec BenchCommand() {
  return {.name = "bench",
          .alias = "",
          .usage = "[--workload NAME] [--threads N] [--duration D] [--rate N]",
          .text = "put a load on the cluster, and measure it",
          .more =
              "Loads records first, unless they are there; then runs a workload of YCSB:\n"
              "  a  50% read 50% update     b  95% read 5% update     c  100% read\n"
              "  d  95% read 5% insert, of the latest records         f  50% read 50% rmw\n"
              "rmw writes only over the version that it read, and begins again if somebody\n"
              "else wrote. There is no workload e: kvd has no scans.\n"
              "\n"
              "What it writes are the keys bench/000000000000000000 and on, as many as there\n"
              "are records (workload d adds some). It touches no other key, and leaves the\n"
              "records for the next run; --clean deletes them, those of an earlier run too.\n"
              "\n"
              "Without --rate a thread does one operation after another. With it so many are\n"
              "due per second, and their latency counts from when they were due, whether or not\n"
              "a thread was free. Latencies are of what was answered, failures are counted\n"
              "beside them: then rc is 7 if the outcome of a write is unknown, else that of the\n"
              "first error. --timeout is of each operation. Ctrl-C ends the run and prints the\n"
              "figures so far.",
          .examples = {"kvctl bench --workload b --threads 32 --duration 30s",
                       "kvctl bench --workload c --threads 1,16,64 --pipeline",
                       "kvctl bench --mix read=80,update=20 --keys uniform --rate 5000",
                       "kvctl bench --no-load --no-run --clean"},
          .options = {{"workload", 0, "NAME", "", "a, b, c, d or f; default a"},
                      {"mix", 0, "KIND=%,..", "", "instead: shares of read, update, insert, rmw"},
                      {"keys", 0, "HOW", "", "zipf uniform latest; default as in YCSB"},
                      {"records", 0, "N", "", "default 100000"},
                      {"key-size", 0, "SIZE", "", "default 24"},
                      {"value-size", 0, "SIZE", "", "default 1KiB; random letters"},
                      {"threads", 0, "N[,N..]", "", "at once, default 16; several: a run each"},
                      {"duration", 0, "DUR", "", "of each run, default 10s"},
                      {"rate", 0, "N", "", "operations per second, of all threads together"},
                      {"pipeline", 0, "", "", "on a stream to each owner; else calls of one node"},
                      {"seed", 0, "N", "", "the same seed, the same operations; default 1"},
                      {"prefix", 0, "TEXT", "", "of the keys, bench/ or longer; default bench/"},
                      {"no-load", 0, "", "", "the records are there"},
                      {"no-run", 0, "", "", "only load, or clean"},
                      {"clean", 0, "", "", "delete the records afterwards"}}};
}

std::vector<CommandSpec> ToolCommands() {
  return {
      BenchCommand(),
      {.name = "version",
       .alias = "",
       .usage = "[--server]",
       .text = "kvctl's version",
       .more = "",
       .examples = {"kvctl version --server"},
       .options = {{"server", 0, "", "", "and that of the node that answers"}}},
      {.name = "help",
       .alias = "",
       .usage = "[COMMAND]",
       .text = "this page, or a command's",
       .more = "",
       .examples = {"kvctl help put"},
       .max_arguments = 1,
       .options = {}},
  };
}

std::vector<CommandSpec> MakeCommands() {
  std::vector<CommandSpec> all = DataCommands();
  for (auto* family : {&ClusterCommands, &ChangeCommands, &ToolCommands}) {
    for (CommandSpec& command : family()) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace

std::span<const OptionSpec> GlobalOptions() {
  static const std::vector<OptionSpec> options = MakeGlobalOptions();
  return options;
}

std::span<const CommandSpec> Commands() {
  static const std::vector<CommandSpec> commands = MakeCommands();
  return commands;
}

const CommandSpec* FindCommand(std::string_view name) {
  const auto commands = Commands();
  const auto it = std::ranges::find_if(commands, [&](const CommandSpec& command) {
    return command.name == name || (!command.alias.empty() && command.alias == name);
  });
  return it == commands.end() ? nullptr : &*it;
}

}  // namespace kvd::kvctl
