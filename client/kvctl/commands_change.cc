#include "client/kvctl/commands_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/admin.h"
#include "client/kvctl/follow.h"
#include "client/kvctl/interrupt.h"
#include "client/kvctl/render_jobs.h"
#include "client/kvctl/render_plan.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

using client::Change;
using client::Job;

constexpr Duration kAskAgainEvery = std::chrono::milliseconds(500);

// How many nodes a newcomer is told of: one would do, if it does not stop.
constexpr size_t kNodesToJoin = 3;

// Empty if it was not given.
std::string TextOf(const CommandLine& line, std::string_view option) {
  const std::string* value = line.Value(option);
  return value == nullptr ? "" : *value;
}

bool IsYes(std::string answer) {
  std::ranges::transform(answer, answer.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return answer == "y" || answer == "yes";
}

// How the node that has to call in is brought to do so. `address`: where it is meant to be.
std::string HowToStart(const std::string& node, const std::string& address,
                       const client::ClusterStatus& status) {
  std::vector<std::string> peers;
  for (const client::NodeStatus& member : status.nodes) {
    if (member.state != client::NodeState::kUp || member.peer_address.empty()) continue;
    if (peers.size() < kNodesToJoin) peers.push_back(member.peer_address);
  }
  return fmt::format("start it{} with  kvd --config FILE --node {} --join {}",
                     address.empty() ? "" : " at " + address, node,
                     peers.empty() ? "HOST:PORT" : fmt::format("{}", fmt::join(peers, ",")));
}

// Several nodes that join may share a job.
bool Makes(const Job& job, const Change& change) {
  if (job.id == 0 || job.has_ended() || job.kind != client::KindOf(change)) return false;
  return std::ranges::all_of(client::NodesOf(change), [&](const std::string& node) {
    return std::ranges::find(job.nodes, node) != job.nodes.end();
  });
}

// One change, from the command line to its job.
class Changer {
 public:
  Changer(Session& session, const CommandLine& line, Change change)
      : session_(session),
        line_(line),
        change_(std::move(change)),
        follows_(line.Has("wait") || session.settings().on_terminal) {}

  // REQUIRES: session.Cluster() is not null.
  ExitCode Run() {
    if (line_.Has("plan")) return ShowPlan();
    if (const auto missing = MissingConsent()) return session_.Fail(*missing);
    if (HasNothingToDo()) {
      session_.Note("nothing to do: the replicas are spread as evenly as the zones permit");
      return ExitCode::kDone;
    }
    session_.LiftDefaultTimeout();
    if (ShowsPlan()) {
      if (const auto job = FindUnderWay()) {
        session_.Note(fmt::format("under way already: {}", JobTitle(*job)));
        return Attend(*job);
      }
      if (const ExitCode shown = ShowPlan(); shown != ExitCode::kDone) return shown;
      if (!consented() && !Agrees()) return session_.Fail(Declined());
    }
    return Start();
  }

 private:
  [[nodiscard]] client::Admin admin() { return client::Admin(*session_.Cluster()); }

  // A lost node is confirmed by its name.
  [[nodiscard]] bool consented() const {
    return session_.settings().yes || std::holds_alternative<client::Remove>(change_);
  }

  [[nodiscard]] bool ShowsPlan() const {
    const Settings& settings = session_.settings();
    const bool is_read = settings.on_terminal && !session_.json() && !settings.quiet;
    return is_read || !consented();
  }

  [[nodiscard]] std::optional<Failure> MissingConsent() const {
    const std::string_view command = line_.command->name;
    if (const auto* remove = std::get_if<client::Remove>(&change_)) {
      const std::string* confirmed = line_.Value("confirm");
      if (confirmed == nullptr) {
        return UsageFailure(fmt::format(
            "remove: what only {0} holds is lost; to go on, confirm its name: --confirm {0}",
            config::InQuotes(remove->node)));
      }
      if (*confirmed == remove->node) return std::nullopt;
      return UsageFailure(fmt::format("remove: --confirm says {}, and the node is {}",
                                      config::InQuotes(*confirmed),
                                      config::InQuotes(remove->node)));
    }
    if (consented() || session_.settings().may_ask) return std::nullopt;
    return UsageFailure(fmt::format(
        "{}: nobody can be asked here; add --yes to begin, or --plan to see what it would do",
        command));
  }

  // A ring that is even is what was asked for. If nobody says so, whoever begins says why not.
  [[nodiscard]] bool HasNothingToDo() {
    if (!std::holds_alternative<client::Rebalance>(change_)) return false;
    const auto plan = admin().PlanChange(change_, {.timeout = LookTime(session_)});
    return plan.ok() && plan->copies == 0;
  }

  // The job that makes the change already: somebody else asked for it, or who does now detached.
  std::optional<Job> FindUnderWay() {
    const auto jobs = admin().ListJobs(std::nullopt, {.timeout = LookTime(session_)});
    if (!jobs.ok()) return std::nullopt;  // Whoever plans will say why.
    const auto it =
        std::ranges::find_if(*jobs, [&](const Job& job) { return Makes(job, change_); });
    if (it == jobs->end()) return std::nullopt;
    return *it;
  }

  ExitCode ShowPlan() {
    const auto plan = admin().PlanChange(change_, {.timeout = session_.TimeLeft()});
    if (!plan.ok()) return session_.Fail(plan.error());
    if (session_.json()) return session_.Print(PlanJson(change_, *plan));
    const auto ping = session_.Cluster()->Ping({.timeout = LookTime(session_)});
    return session_.Print(RenderPlan(change_, *plan, ping.ok() ? ping->cluster : ""));
  }

  // On standard output, which is known to be a terminal.
  bool Agrees() {
    if (session_.Print("Proceed? [y/N] ") != ExitCode::kDone) return false;
    const auto answer = session_.console().ReadLine();
    return answer.ok() && IsYes(*answer);
  }

  static Failure Declined() {
    return {.exit_code = ExitCode::kError, .reason = "DECLINED", .message = "not started"};
  }

  ExitCode Start() {
    const auto job = [&] {
      const LastWords words("kvctl: interrupted; it may have begun: kvctl jobs\n");
      return Ask(session_.TimeLeft());
    }();
    if (!job.ok()) return session_.Fail(job.error());
    if (job->id != 0) return Attend(*job);
    const client::ClusterStatus status = LookAround(session_);
    const std::string node =
        client::NodesOf(change_).empty() ? "" : client::NodesOf(change_).back();
    const std::string how = HowToStart(node, TextOf(line_, "address"), status);
    if (!follows_) return session_.Fail(NotCalledIn(*job, how));
    session_.Note(fmt::format("waiting for {} to call in: {}", node, how));
    if (session_.json()) {
      const ExitCode printed = session_.Print(JobJson(*job));
      if (printed != ExitCode::kDone) return printed;
    }
    return AwaitCallIn(*job, how);
  }

  client::Result<Job> Ask(std::optional<Duration> timeout) {
    return admin().StartChange(change_,
                               {.timeout = timeout, .asked_by = session_.settings().asked_by});
  }

  // Asks again until the node has called in.
  ExitCode AwaitCallIn(Job job, const std::string& how) {
    const LastWords words(fmt::format("{}kvctl: interrupted; it has not begun\n",
                                      session_.settings().animated ? "\n" : ""));
    Looking looking;
    while (job.id == 0) {
      if (session_.IsOutOfTime()) return session_.Fail(NotCalledIn(job, how));
      Rest(session_, kAskAgainEvery);
      auto again = Ask(LookTime(session_));
      if (again.ok()) {
        looking.OnAnswer();
        job = *std::move(again);
      } else if (const auto failure = looking.OnError(again.error())) {
        return session_.Fail(*failure);
      }
    }
    return Attend(job);
  }

  static Failure NotCalledIn(const Job& job, const std::string& how) {
    return {.exit_code = ExitCode::kRefused,
            .reason = "NOT_CALLED_IN",
            .message =
                fmt::format("not begun: {}; {}",
                            job.reason.empty() ? "its node has not called in" : job.reason, how)};
  }

  // The job has begun.
  ExitCode Attend(const Job& job) {
    if (follows_) return FollowJob(session_, job);
    if (session_.json()) return session_.Print(JobJson(job));
    return session_.settings().quiet ? ExitCode::kDone : session_.Print(JobLine(job) + "\n");
  }

  Session& session_;
  const CommandLine& line_;
  const Change change_;
  const bool follows_;
};

ExitCode ChangeCluster(Session& session, const CommandLine& line, Change change) {
  if (session.Cluster() == nullptr) return ExitCode::kUsage;
  return Changer(session, line, std::move(change)).Run();
}

}  // namespace

ExitCode Join(Session& session, const CommandLine& line) {
  return ChangeCluster(session, line,
                       client::Join{.node = line.arguments[0], .zone = TextOf(line, "zone")});
}

ExitCode Leave(Session& session, const CommandLine& line) {
  return ChangeCluster(session, line,
                       client::Leave{.node = line.arguments[0],
                                     .accept_fewer_copies = line.Has("accept-fewer-replicas")});
}

ExitCode Remove(Session& session, const CommandLine& line) {
  return ChangeCluster(session, line,
                       client::Remove{.node = line.arguments[0],
                                      .accept_fewer_copies = line.Has("accept-fewer-replicas")});
}

ExitCode Replace(Session& session, const CommandLine& line) {
  return ChangeCluster(
      session, line,
      client::Replace{
          .node = line.arguments[0], .by = line.arguments[1], .zone = TextOf(line, "zone")});
}

ExitCode Rebalance(Session& session, const CommandLine& line) {
  return ChangeCluster(session, line, client::Rebalance{});
}

}  // namespace kvd::kvctl
