#include "server/partition/command.h"

#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"

namespace kvd::partition {
namespace {

constexpr uint8_t kFormat = 1;
enum Kind : uint8_t { kPut = 1, kDelete = 2, kIncrement = 3, kBatch = 4 };

Status Damaged() {
  return MakeStatus(StatusCode::kDataLoss, "log entry: fields are missing or too many");
}

Status TooNew(std::string_view what, uint8_t found, uint8_t known) {
  return MakeStatus(StatusCode::kFailedPrecondition,
                    fmt::format("log entry has {} {}, this kvd knows up to {}; run a newer kvd",
                                what, found, known));
}

class Encoder {
 public:
  std::string Encode(const Command& command) {
    out_.U8(kFormat).U8(command.id ? 1 : 0);
    if (command.id) {
      out_.U64(command.id->client).U64(command.id->sequence);
      out_.U64(command.id->done_below).U64(command.id->base);
    }
    std::visit(*this, command.mutation);
    return out_.Take();
  }

  void operator()(const PutMutation& put) {
    out_.U8(kPut);
    Condition(put.if_version);
    out_.String(put.key).String(put.value);
  }

  void operator()(const DeleteMutation& del) {
    out_.U8(kDelete);
    Condition(del.if_version);
    out_.String(del.key);
  }

  void operator()(const IncrementMutation& increment) {
    out_.U8(kIncrement).String(increment.key).U64(static_cast<uint64_t>(increment.by));
  }

  void operator()(const BatchMutation& batch) {
    out_.U8(kBatch).U32(static_cast<uint32_t>(batch.items.size()));
    for (const BatchMutation::Item& item : batch.items) std::visit(*this, item);
  }

 private:
  void Condition(const std::optional<Version>& if_version) {
    out_.U8(if_version ? 1 : 0);
    if (if_version) out_.U64(*if_version);
  }

  ByteWriter out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view payload) : in_(payload) {}

  StatusOr<Command> Decode() {
    Command command;
    const uint8_t format = in_.U8().value_or(0);
    if (!in_.ok() || format == 0) return Damaged();
    if (format > kFormat) return TooNew("format", format, kFormat);
    if (Flag()) command.id = Id();
    KVD_ASSIGN_OR_RETURN(command.mutation, AnyMutation());
    if (!in_.exhausted() || !canonical_) return Damaged();
    return command;
  }

 private:
  RequestId Id() {
    RequestId id;
    id.client = in_.U64().value_or(0);
    id.sequence = in_.U64().value_or(0);
    id.done_below = in_.U64().value_or(0);
    id.base = in_.U64().value_or(0);
    return id;
  }

  StatusOr<Mutation> AnyMutation() {
    const uint8_t kind = in_.U8().value_or(0);
    if (!in_.ok() || kind == 0) return Damaged();
    switch (kind) {
      case kPut:
        return Mutation(Put());
      case kDelete:
        return Mutation(Delete());
      case kIncrement: {
        std::string key = String();
        return Mutation(IncrementMutation{.key = std::move(key),
                                          .by = static_cast<int64_t>(in_.U64().value_or(0))});
      }
      case kBatch: {
        KVD_ASSIGN_OR_RETURN(BatchMutation batch, Batch());
        return Mutation(std::move(batch));
      }
      default:
        return TooNew("kind", kind, kBatch);
    }
  }

  // The count is not trusted: memory grows with the items that are there.
  StatusOr<BatchMutation> Batch() {
    BatchMutation batch;
    const uint32_t count = in_.U32().value_or(0);
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t kind = in_.U8().value_or(0);
      if (!in_.ok()) return Damaged();
      if (kind == kPut) {
        batch.items.emplace_back(Put());
      } else if (kind == kDelete) {
        batch.items.emplace_back(Delete());
      } else {
        return kind > kBatch ? TooNew("kind", kind, kBatch) : Damaged();
      }
    }
    return batch;
  }

  PutMutation Put() {
    PutMutation put;
    put.if_version = Condition();
    put.key = String();
    put.value = String();
    return put;
  }

  DeleteMutation Delete() {
    DeleteMutation del;
    del.if_version = Condition();
    del.key = String();
    return del;
  }

  std::optional<Version> Condition() {
    if (!Flag()) return std::nullopt;
    return in_.U64().value_or(0);
  }

  std::string String() { return std::string(in_.String().value_or("")); }

  bool Flag() {
    const uint8_t flag = in_.U8().value_or(0);
    canonical_ = canonical_ && flag <= 1;
    return flag == 1;
  }

  ByteReader in_;
  bool canonical_ = true;
};

}  // namespace

std::string EncodeCommand(const Command& command) {
  return Encoder().Encode(command);
}

StatusOr<Command> DecodeCommand(std::string_view payload) {
  return Decoder(payload).Decode();
}

}  // namespace kvd::partition
