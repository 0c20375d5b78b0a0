#include "server/partition/mutation.h"

#include <fmt/format.h>

#include "common/bytes.h"

namespace kvd::partition {
namespace {

constexpr uint8_t kFormat = 1;
enum Kind : uint8_t { kPut = 1, kDelete = 2 };

Status Damaged() {
  return MakeStatus(StatusCode::kDataLoss, "log entry: fields are missing or too many");
}

Status TooNew(std::string_view what, uint8_t found, uint8_t known) {
  return MakeStatus(StatusCode::kFailedPrecondition,
                    fmt::format("log entry has {} {}, this kvd knows up to {}; run a newer kvd",
                                what, found, known));
}

}  // namespace

std::string EncodeMutation(const Mutation& mutation) {
  ByteWriter out;
  out.U8(kFormat);
  if (const auto* put = std::get_if<PutMutation>(&mutation)) {
    out.U8(kPut).String(put->key).String(put->value);
  } else {
    out.U8(kDelete).String(std::get<DeleteMutation>(mutation).key);
  }
  return out.Take();
}

StatusOr<Mutation> DecodeMutation(std::string_view payload) {
  ByteReader in(payload);
  const auto format = in.U8();
  const auto kind = in.U8();
  if (!in.ok()) return Damaged();
  if (*format != kFormat) return TooNew("format", *format, kFormat);
  if (*kind != kPut && *kind != kDelete) return TooNew("kind", *kind, kDelete);
  const auto key = in.String();
  if (*kind == kDelete) {
    if (!in.exhausted()) return Damaged();
    return Mutation(DeleteMutation{std::string(*key)});
  }
  const auto value = in.String();
  if (!in.exhausted()) return Damaged();
  return Mutation(PutMutation{std::string(*key), std::string(*value)});
}

}  // namespace kvd::partition
