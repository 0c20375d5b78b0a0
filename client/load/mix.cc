#include "client/load/mix.h"

#include <fmt/format.h>

#include <numeric>
#include <optional>
#include <vector>

#include "common/check.h"
#include "config/suggest.h"
#include "config/units.h"

namespace kvd::load {
namespace {

uint64_t SumOf(const Mix::Shares& shares) {
  return std::accumulate(shares.begin(), shares.end(), uint64_t{0});
}

Status Invalid(std::string_view message) {
  return MakeStatus(StatusCode::kInvalidArgument, message);
}

StatusOr<Kind> KindOf(std::string_view name) {
  std::vector<std::string> names;
  for (const Kind kind : kKinds) {
    if (KindName(kind) == name) return kind;
    names.emplace_back(KindName(kind));
  }
  if (name == "scan") return Invalid(kNoScans);
  const std::string hint = config::DidYouMean(name, names);
  return Invalid(
      fmt::format("{} is not one of read, update, insert, rmw{}", config::InQuotes(name), hint));
}

// Takes one "read=80" into `shares`.
Status Add(std::string_view part, std::array<std::optional<uint32_t>, kKinds.size()>& shares) {
  const size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return Invalid(fmt::format("{} is not KIND=PERCENT", config::InQuotes(part)));
  }
  KVD_ASSIGN_OR_RETURN(const Kind kind, KindOf(part.substr(0, equals)));
  KVD_ASSIGN_OR_RETURN(const uint64_t percent, config::ParseNumber(part.substr(equals + 1)));
  if (percent > 100) return Invalid(fmt::format("{} is more than 100%", config::InQuotes(part)));
  auto& share = shares[static_cast<size_t>(kind)];
  if (share) return Invalid(fmt::format("{} is there twice", KindName(kind)));
  share = static_cast<uint32_t>(percent);
  return OkStatus();
}

}  // namespace

Mix::Mix(Shares shares) : shares_(shares) {
  KVD_CHECK_OP(==, SumOf(shares_), uint64_t{100});
}

StatusOr<Mix> Mix::Parse(std::string_view text) {
  std::array<std::optional<uint32_t>, kKinds.size()> given{};
  while (true) {
    const size_t comma = text.find(',');
    KVD_RETURN_IF_ERROR(Add(text.substr(0, comma), given));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  Shares shares{};
  for (size_t i = 0; i < shares.size(); ++i) shares[i] = given[i].value_or(0);
  if (SumOf(shares) != 100) {
    return Invalid(fmt::format("the shares sum to {}%, not 100%", SumOf(shares)));
  }
  return Mix(shares);
}

Kind Mix::Pick(Random& random) const {
  uint64_t left = random.Below(100);
  for (const Kind kind : kKinds) {
    if (left < share(kind)) return kind;
    left -= share(kind);
  }
  KVD_CHECK(false, "the shares sum to 100");
  return Kind::kRead;
}

std::string Mix::ToString() const {
  std::string text;
  for (const Kind kind : kKinds) {
    if (!Has(kind)) continue;
    text += fmt::format("{}{}% {}", text.empty() ? "" : " ", share(kind), KindName(kind));
  }
  return text;
}

}  // namespace kvd::load
