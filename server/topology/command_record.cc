// EncodeCommand() and DecodeCommand().
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/topology/command.h"
#include "server/topology/fields.h"

namespace kvd::topology {
namespace {

constexpr uint8_t kFormat = 1;

void Write(ByteWriter& out, const AddMembers& command) {
  out.U32(static_cast<uint32_t>(command.cards.size()));
  for (const NodeCard& card : command.cards) WriteCard(out, card);
  out.String(command.asked_by);
}

void WriteDeparture(ByteWriter& out, const auto& command) {
  out.U32(command.node.value).U8(command.accept_fewer_copies ? 1 : 0).String(command.asked_by);
}
void Write(ByteWriter& out, const StartLeave& command) {
  WriteDeparture(out, command);
}
void Write(ByteWriter& out, const StartRemove& command) {
  WriteDeparture(out, command);
}

void Write(ByteWriter& out, const StartReplace& command) {
  out.U32(command.old.value);
  WriteCard(out, command.card);
  out.String(command.asked_by);
}

void Write(ByteWriter& out, const ReplaceWiped& command) {
  out.U32(command.old.value);
  WriteCard(out, command.card);
}

void Write(ByteWriter& out, const StartRebalance& command) {
  out.String(command.asked_by);
}

void Write(ByteWriter& out, const NoteCard& command) {
  out.U32(command.node.value);
  WriteCard(out, command.card);
}

void Write(ByteWriter& out, const SetVoters& command) {
  WriteNodes(out, command.voters);
}

void Write(ByteWriter& out, const FinishJoin& command) {
  out.U32(command.node.value);
}
void Write(ByteWriter& out, const FinishRemoval& command) {
  out.U32(command.node.value);
}
void Write(ByteWriter& out, const FinishJob& command) {
  out.U64(command.job.value);
}
void Write(ByteWriter& out, const AbortJob& command) {
  out.U64(command.job.value);
}

std::optional<NodeId> ReadNode(ByteReader& in) {
  const auto node = in.U32();
  return node ? std::optional(NodeId{*node}) : std::nullopt;
}

// One overload per kind, chosen by the type of its first argument.
template <typename T>
struct Kind {};

std::optional<Command> Read(Kind<AddMembers>, ByteReader& in) {
  auto cards = ReadCounted(in, [&in] { return ReadCard(in); });
  const auto asked_by = in.String();
  if (!cards || !asked_by) return std::nullopt;
  return AddMembers{*std::move(cards), std::string(*asked_by)};
}

template <typename Departure>
std::optional<Command> ReadDeparture(ByteReader& in) {
  const auto node = ReadNode(in);
  const auto accepts = in.U8();
  const auto asked_by = in.String();
  if (!in.ok() || *accepts > 1) return std::nullopt;
  return Departure{*node, *accepts == 1, std::string(*asked_by)};
}
std::optional<Command> Read(Kind<StartLeave>, ByteReader& in) {
  return ReadDeparture<StartLeave>(in);
}
std::optional<Command> Read(Kind<StartRemove>, ByteReader& in) {
  return ReadDeparture<StartRemove>(in);
}

std::optional<Command> Read(Kind<StartReplace>, ByteReader& in) {
  const auto old = ReadNode(in);
  auto card = ReadCard(in);
  const auto asked_by = in.String();
  if (!in.ok()) return std::nullopt;
  return StartReplace{*old, *std::move(card), std::string(*asked_by)};
}

template <typename WithCard>
std::optional<Command> ReadNodeAndCard(ByteReader& in) {
  const auto node = ReadNode(in);
  auto card = ReadCard(in);
  if (!card) return std::nullopt;
  return WithCard{*node, *std::move(card)};
}
std::optional<Command> Read(Kind<ReplaceWiped>, ByteReader& in) {
  return ReadNodeAndCard<ReplaceWiped>(in);
}
std::optional<Command> Read(Kind<NoteCard>, ByteReader& in) {
  return ReadNodeAndCard<NoteCard>(in);
}

std::optional<Command> Read(Kind<StartRebalance>, ByteReader& in) {
  const auto asked_by = in.String();
  if (!asked_by) return std::nullopt;
  return StartRebalance{std::string(*asked_by)};
}

std::optional<Command> Read(Kind<SetVoters>, ByteReader& in) {
  auto voters = ReadNodes(in);
  if (!voters) return std::nullopt;
  return SetVoters{*std::move(voters)};
}

template <typename OfNode>
std::optional<Command> ReadOfNode(ByteReader& in) {
  const auto node = ReadNode(in);
  if (!node) return std::nullopt;
  return OfNode{*node};
}
std::optional<Command> Read(Kind<FinishJoin>, ByteReader& in) {
  return ReadOfNode<FinishJoin>(in);
}
std::optional<Command> Read(Kind<FinishRemoval>, ByteReader& in) {
  return ReadOfNode<FinishRemoval>(in);
}

template <typename OfJob>
std::optional<Command> ReadOfJob(ByteReader& in) {
  const auto job = in.U64();
  if (!job) return std::nullopt;
  return OfJob{JobId{*job}};
}
std::optional<Command> Read(Kind<FinishJob>, ByteReader& in) {
  return ReadOfJob<FinishJob>(in);
}
std::optional<Command> Read(Kind<AbortJob>, ByteReader& in) {
  return ReadOfJob<AbortJob>(in);
}

constexpr size_t kKinds = std::variant_size_v<Command>;

template <size_t... kKind>
std::optional<Command> ReadKind(size_t kind, ByteReader& in, std::index_sequence<kKind...>) {
  using Reader = std::optional<Command> (*)(ByteReader&);
  static constexpr std::array<Reader, kKinds> kReaders = {[](ByteReader& bytes) {
    return Read(Kind<std::variant_alternative_t<kKind, Command>>{}, bytes);
  }...};
  return kReaders[kind](in);
}

}  // namespace

std::string EncodeCommand(const Command& command) {
  ByteWriter out;
  out.U8(kFormat).U8(static_cast<uint8_t>(command.index() + 1));
  std::visit([&out](const auto& one) { Write(out, one); }, command);
  out.U32(Checksum32(out.bytes()));
  return out.Take();
}

StatusOr<Command> DecodeCommand(std::string_view bytes) {
  const auto damaged = [](std::string_view what) {
    return MakeStatus(StatusCode::kDataLoss, fmt::format("topology command: {}", what));
  };
  const auto newer = [](std::string_view what, uint8_t value, size_t known) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("topology command has {} {}, this kvd knows {}; run a newer kvd",
                                  what, value, known));
  };
  if (bytes.size() < 6) return damaged("too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (ByteReader(bytes.substr(body.size())).U32() != Checksum32(body)) {
    return damaged("checksum mismatch");
  }
  ByteReader in(body);
  const uint8_t format = *in.U8();
  const uint8_t kind = *in.U8();
  if (format > kFormat) return newer("format", format, kFormat);
  if (format < kFormat || kind == 0) return damaged("no format or no kind");
  if (kind > kKinds) return newer("kind", kind, kKinds);
  auto command = ReadKind(kind - 1U, in, std::make_index_sequence<kKinds>());
  if (!command || !in.exhausted()) return damaged("fields are missing or too many");
  return *std::move(command);
}

}  // namespace kvd::topology
