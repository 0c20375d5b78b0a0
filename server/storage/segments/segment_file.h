// One file of the log. Files are filled ahead with zeros, or recycled, so that what is written into
// them changes no metadata of the file system: a synced write is then one write to the disk.
//
// Threading: thread-safe; the bytes of one place are written by one thread and read after that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "server/storage/files.h"
#include "server/storage/segments/batch.h"

namespace kvd::storage {

// "0000000012.segment". A spare is a file that may become a segment: its content means nothing.
[[nodiscard]] std::string SegmentName(SegmentNumber number);
[[nodiscard]] std::optional<SegmentNumber> NumberOfSegment(std::string_view name);
[[nodiscard]] std::string SpareName(SegmentNumber number);
[[nodiscard]] bool IsSpare(std::string_view name);

class SegmentFile {
 public:
  // Opens a file that is there, and reads its header. Errors name the path: as record.h for the
  // header, as files.h for the rest.
  [[nodiscard]] static StatusOr<std::shared_ptr<SegmentFile>> Open(const std::string& path);

  // What becomes of a file that is being filled.
  enum class Filling : uint8_t {
    kGoOn,
    kLeave,  // It is needed now: it will grow.
    kStop    // It is not needed any more.
  };

  // Makes the file `from` of `folder` segment `header.number`, durable on return: brings it to
  // `header.filled_bytes` with zeros, creating it if it is not there, and renames it. Where the
  // disk has no room for that, or nobody has the time, the file is made without, and will grow.
  // Asks between pieces of 512 KiB how to go on. CANCELLED: stopped.
  [[nodiscard]] static StatusOr<std::shared_ptr<SegmentFile>> Make(
      const std::string& folder, const std::string& from, SegmentHeader header,
      const std::function<Filling()>& how);

  SegmentFile(std::string path, std::unique_ptr<FileHandle> file, const SegmentHeader& header)
      : path_(std::move(path)), file_(std::move(file)), header_(header) {}

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] SegmentNumber number() const { return header_.number; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // DATA_LOSS if the file ends before.
  [[nodiscard]] StatusOr<std::string> Read(uint64_t offset, uint64_t bytes) const;

  // Durable on return.
  [[nodiscard]] Status WriteSynced(uint64_t offset, std::string_view bytes) const;

 private:
  const std::string path_;
  const std::unique_ptr<FileHandle> file_;
  const SegmentHeader header_;
};

}  // namespace kvd::storage
