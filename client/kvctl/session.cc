#include "client/kvctl/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/kvctl/layout.h"

namespace kvd::kvctl {

Session::Session(Settings settings, Console& console)
    : settings_(std::move(settings)),
      console_(console),
      started_at_(std::chrono::steady_clock::now()),
      access_(settings_.client) {}

const client::Client* Session::Cluster() {
  if (client_) return &*client_;
  auto opened = client::Client::Open(access_);
  if (!opened.ok()) {
    Fail(opened.error());
    return nullptr;
  }
  client_.emplace(*std::move(opened));
  return &*client_;
}

void Session::Widen(const client::ClusterStatus& status) {
  client::Options options = settings_.client;
  for (const client::NodeStatus& node : status.nodes) {
    const bool is_new =
        std::ranges::find(options.endpoints, node.address) == options.endpoints.end();
    client::Options alone = settings_.client;
    alone.endpoints = {node.address};
    if (is_new && client::Client::Open(alone).ok()) options.endpoints.push_back(node.address);
  }
  if (options.endpoints.size() == settings_.client.endpoints.size()) return;
  auto opened = client::Client::Open(options);
  if (!opened.ok()) return;
  client_ = *std::move(opened);
  access_ = std::move(options);
}

std::optional<Duration> Session::TimeLeft() const {
  const Duration timeout = settings_.client.timeout;
  if (!limited_ || timeout == Duration::zero()) return std::nullopt;
  const Duration spent = std::chrono::steady_clock::now() - started_at_;
  // Zero would mean "no limit".
  return std::max<Duration>(timeout - spent, std::chrono::milliseconds(1));
}

bool Session::IsOutOfTime() const {
  const Duration timeout = settings_.client.timeout;
  return limited_ && timeout != Duration::zero() &&
         std::chrono::steady_clock::now() - started_at_ >= timeout;
}

ExitCode Session::Print(std::string_view result, std::string_view done) {
  const Status written = console_.WriteOut(result);
  if (written.ok()) return ExitCode::kDone;
  if (written.code() == StatusCode::kCancelled) return ExitCode::kError;
  std::string message = Message(written);
  if (!done.empty()) message += fmt::format("; {}", done);
  return Fail({.exit_code = ExitCode::kError, .reason = "LOCAL_FILE", .message = message});
}

ExitCode Session::Fail(const Failure& failure) {
  console_.WriteErr(json() ? FailureJson(failure) : FailureText(failure, settings_.err_colour));
  return failure.exit_code;
}

void Session::Note(std::string_view text) {
  if (!settings_.quiet && !json()) console_.WriteErr(fmt::format("kvctl: {}\n", Visible(text)));
}

void Session::Trace(std::string_view operation, const client::Served& served) {
  if (!settings_.verbose) return;
  console_.WriteErr(
      Visible(fmt::format("kvctl: {} at {} in {}: partition {}, owner {}, {}", operation,
                          served.endpoint, FormatLatency(served.took), served.partition.value,
                          served.owner, Plural(served.hops, "hop"))) +
      "\n");
}

}  // namespace kvd::kvctl
