#include "client/load/source.h"

namespace kvd::load {

Source::Source(const Options& options, RecordCount& records)
    : mix_(options.workload.mix),
      records_(records),
      choice_(options.workload.choice, records.count()),
      random_(Scatter(options.seed) + Scatter(options.caller)) {}

Operation Source::Next() {
  const Kind kind = mix_.Pick(random_);
  if (kind == Kind::kInsert) return {.kind = kind, .record = records_.BeginInsert()};
  return {.kind = kind, .record = choice_.Pick(records_.count(), random_)};
}

}  // namespace kvd::load
