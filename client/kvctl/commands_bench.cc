#include "client/kvctl/commands_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/kvctl/bench_plan.h"
#include "client/kvctl/follow.h"
#include "client/kvctl/interrupt.h"
#include "client/kvctl/layout.h"
#include "client/kvctl/live_line.h"
#include "client/kvctl/progress.h"
#include "client/kvctl/render_bench.h"
#include "client/load/records.h"
#include "client/load/run.h"
#include "client/load/sweep.h"
#include "client/pipeline.h"

namespace kvd::kvctl {
namespace {

constexpr Duration kBetweenLooks = std::chrono::milliseconds(200);

// Operations that hang when the run is interrupted are not waited for any longer.
constexpr Duration kLastAnswers = std::chrono::seconds(1);

// Shows how far one phase is.
class Display {
 public:
  explicit Display(Session& session) : session_(session), line_(session) {}

  [[nodiscard]] double PerSecond(uint64_t done) {
    return speedometer_.OnLook(done, stopwatch_.Elapsed());
  }

  void Show(const BenchProgress& progress) {
    const bool due = milestones_.OnLook(progress.percent, stopwatch_.Elapsed());
    const std::string title = progress.title + "   ";
    line_.Show(BarLine(title, progress.percent, progress.figures, session_.console().err_columns()),
               title + progress.figures, due);
  }

  void Erase() { line_.Erase(); }

  [[nodiscard]] Duration elapsed() const { return stopwatch_.Elapsed(); }

 private:
  Session& session_;
  LiveLine line_;
  Stopwatch stopwatch_;
  Milestones milestones_;
  Speedometer speedometer_;
};

class Bencher {
 public:
  Bencher(Session& session, BenchPlan plan)
      : session_(session), plan_(std::move(plan)), format_(plan_.format), records_(plan_.records) {}

  // Each phase if those before it did what they should.
  ExitCode Run() {
    ExitCode code = Connect();
    if (code == ExitCode::kDone && plan_.loads) code = Load();
    if (code == ExitCode::kDone && plan_.runs && !interruption_.asked()) code = RunAll();
    if (code == ExitCode::kDone && plan_.cleans && !interruption_.asked()) code = Clean();
    if (interruption_.asked()) interruption_.EndProcess();
    if (code != ExitCode::kDone) return code;
    const auto failure = BenchFailure(results_);
    return failure ? session_.Fail(*failure) : ExitCode::kDone;
  }

 private:
  // From here on whichever node answers is asked: the one named may be the one that is killed.
  ExitCode Connect() {
    if (session_.Cluster() == nullptr) return ExitCode::kUsage;
    const auto status = session_.Cluster()->GetStatus();
    if (!status.ok()) return session_.Fail(status.error());
    session_.Widen(*status);
    return ExitCode::kDone;
  }

  // What both sweeps have in common; `done` says what became of how many.
  template <typename Sweep>
  std::variant<load::Swept, Failure> SweepOver(const std::string& doing, Sweep sweep) {
    auto pipeline = client::Pipeline::Open(session_.access());
    if (!pipeline.ok()) return FromError(pipeline.error());
    Display display(session_);
    const load::Swept swept = sweep(*pipeline, [&](const load::Swept& so_far) {
      display.Show(SweepProgress(doing, so_far.looked_at, plan_.records,
                                 display.PerSecond(so_far.looked_at)));
      return !interruption_.asked();
    });
    display.Erase();
    took_ = display.elapsed();
    if (!swept.error) return swept;
    Failure failure = FromError(*swept.error);
    failure.message = fmt::format("{}: {}", doing, swept.error->message);
    return failure;
  }

  ExitCode Load() {
    const auto loaded =
        SweepOver("load", [&](client::Pipeline& pipeline, const load::Watch& watch) {
          return load::Fill(pipeline, format_, plan_.records, watch);
        });
    if (const auto* failure = std::get_if<Failure>(&loaded)) return session_.Fail(*failure);
    const auto& swept = std::get<load::Swept>(loaded);
    if (swept.changed > 0 || interruption_.asked()) {
      session_.Note(fmt::format("{} of {} written in {}, as {}", swept.changed,
                                Plural(plan_.records, "record"), FormatAge(took_), ShownKeys()));
    }
    return ExitCode::kDone;
  }

  ExitCode Clean() {
    const auto cleaned =
        SweepOver("clean", [&](client::Pipeline& pipeline, const load::Watch& watch) {
          return load::Clean(pipeline, format_, records_.count(), watch);
        });
    if (const auto* failure = std::get_if<Failure>(&cleaned)) return session_.Fail(*failure);
    session_.Note(fmt::format("{} deleted in {}, {}",
                              Plural(std::get<load::Swept>(cleaned).changed, "record"),
                              FormatAge(took_), ShownKeys()));
    return ExitCode::kDone;
  }

  [[nodiscard]] std::string ShownKeys() const { return fmt::format("{} and on", format_.Key(0)); }

  ExitCode RunAll() {
    if (!session_.json()) {
      const ExitCode printed = session_.Print(BenchTitle(plan_));
      if (printed != ExitCode::kDone) return printed;
    }
    for (const size_t callers : plan_.callers) {
      if (const auto failure = RunOne(callers)) return session_.Fail(*failure);
      if (session_.json()) {
        const ExitCode printed = session_.Print(BenchJson(plan_, results_.back()));
        if (printed != ExitCode::kDone) return printed;
      }
      if (interruption_.asked()) break;
    }
    if (session_.json()) return ExitCode::kDone;
    const ExitCode printed =
        session_.Print(BenchTable(plan_, results_, session_.settings().out_colour));
    for (const std::string& remark : BenchRemarks(results_)) session_.Note(remark);
    return printed;
  }

  std::optional<Failure> RunOne(size_t callers) {
    const load::Target target{.format = format_, .records = records_};
    if (plan_.pipelined) {
      auto started = load::StartPipelined(session_.access(), target, plan_.RunWith(callers));
      if (!started.ok()) return FromError(started.error());
      run_ = *std::move(started);
    } else {
      run_ = load::StartCalls(*session_.Cluster(), target, plan_.RunWith(callers));
    }
    Follow(callers);
    results_.push_back(
        {.callers = callers, .figures = run_->Look(), .interrupted = interruption_.asked()});
    // Whatever still hangs ends with the process.
    if (!interruption_.asked()) run_.reset();
    return std::nullopt;
  }

  // Until it has ended, or was interrupted.
  void Follow(size_t callers) {
    Display display(session_);
    while (!run_->Await(kBetweenLooks) && !interruption_.asked()) {
      const load::Figures figures = run_->Look();
      const double per_second = display.PerSecond(figures.tally.Total().answered());
      display.Show(RunProgress(callers, figures, plan_.length, per_second));
    }
    run_->Stop();
    (void)run_->Await(kLastAnswers);
    display.Erase();
  }

  Session& session_;
  const BenchPlan plan_;
  const load::RecordFormat format_;
  load::RecordCount records_;
  const Interruption interruption_;
  std::unique_ptr<load::Run> run_;
  std::vector<BenchResult> results_;
  Duration took_{};  // The latest sweep.
};

}  // namespace

ExitCode Bench(Session& session, const CommandLine& line) {
  auto plan = MakeBenchPlan(line);
  if (const auto* failure = std::get_if<Failure>(&plan)) return session.Fail(*failure);
  return Bencher(session, std::get<BenchPlan>(std::move(plan))).Run();
}

}  // namespace kvd::kvctl
