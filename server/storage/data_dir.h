// A node's data directory: whose it is, and that only one process uses it.
//
//   LOCK      held (flock) by the running process: pid, host, when it started
//   IDENTITY  cluster id, node UUID, names, format version, boot; replaced atomically, fsynced
//   TOPOLOGY  the newest topology this node keeps, a record of its owner's; replaced likewise
//   BOOTS     under which boots other nodes were heard; likewise
//   CONDEMNED why nothing here may be used again; present if so
//   CLEAN     present after a clean stop; removed, durably, before anything is written
//   RESERVE   room for the day the disk is full, see reserve.h
//   log/ data/   the log and the database
//
// Blank means an empty or missing directory. Data without an IDENTITY is refused, as is an IDENTITY
// of a newer format; whether it is the right cluster and node is checked with CheckBelongsTo().
// Nothing is ever adopted.
//
// Threading: confined to its opener.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/uuid.h"

namespace kvd::storage {

// One start of a process on this directory.
struct Boot {
  uint64_t counter = 0;  // Counts up by one per start.
  uint64_t nonce = 0;    // Random: tells two starts of copies of one directory apart.

  friend bool operator==(const Boot&, const Boot&) = default;
};

struct Identity {
  Uuid node_uuid;
  std::string node_name;
  std::string cluster_name;

  // Nil until the node has been bound to a cluster, by founding it or by answering its founder.
  Uuid cluster_id;
  Uuid founder_uuid;

  Boot boot;

  friend bool operator==(const Identity&, const Identity&) = default;
};

// IDENTITY's record: a format byte, the fields, a checksum. Decode refuses damage (DATA_LOSS) and a
// newer format (FAILED_PRECONDITION, naming both).
[[nodiscard]] std::string EncodeIdentity(const Identity& identity);
[[nodiscard]] StatusOr<Identity> DecodeIdentity(std::string_view bytes);

// FAILED_PRECONDITION, naming both values, unless `identity` has these names.
[[nodiscard]] Status CheckBelongsTo(const Identity& identity, std::string_view node_name,
                                    std::string_view cluster_name);

// What is kept for other rooms, who alone know what is in it, and tell by a checksum of their own
// whether it is damaged.
enum class KeptRecord : uint8_t { kTopology, kBoots };

class DataDir {
 public:
  // Creates (0700) and locks `path`, and reads its identity. Errors by code, each with what to do:
  //   UNAVAILABLE          locked by another process, which is named
  //   FAILED_PRECONDITION  data without an IDENTITY, of a newer format, or condemned
  //   DATA_LOSS            IDENTITY is damaged
  //   PERMISSION_DENIED    cannot create or open
  //   INTERNAL             any other I/O error
  [[nodiscard]] static StatusOr<std::unique_ptr<DataDir>> Open(const std::string& path);

  ~DataDir();  // Releases the lock.
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  // nullopt: blank.
  [[nodiscard]] const std::optional<Identity>& identity() const;

  // Replaces the identity, durable on return.
  [[nodiscard]] Status SetIdentity(const Identity& identity);

  // What Keep() last made durable, read from the disk; nullopt: nothing yet. INTERNAL,
  // PERMISSION_DENIED as for Open().
  [[nodiscard]] StatusOr<std::optional<std::string>> Read(KeptRecord which) const;

  // Replaces the record, durable on return.
  [[nodiscard]] Status Keep(KeptRecord which, std::string_view record);

  // From now on Open() refuses the directory, saying `why`; durable on return. Thread-safe.
  [[nodiscard]] Status Condemn(std::string_view why) const;

  // True if the directory was blank or the last process stopped cleanly: then nothing may be torn.
  [[nodiscard]] bool was_clean() const;

  // MarkRunning() before the first write of a run, MarkClean() after the last; durable on return.
  [[nodiscard]] Status MarkRunning();
  [[nodiscard]] Status MarkClean();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] std::string log_path() const;
  [[nodiscard]] std::string data_path() const;

 private:
  struct State;
  explicit DataDir(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kvd::storage
