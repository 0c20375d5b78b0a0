// Has the next segment of the log ready before it is needed, made of a segment that is needed no
// more where there is one: filling, syncing and renaming files takes longer than an append may
// wait.
//
// Owns: a thread, because what it does are waits for the disk and nothing else; in pieces on the
// thread that appends, they would stand between a batch and its acknowledgement.
//
// Threading: thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/status.h"
#include "server/storage/health.h"
#include "server/storage/segments/segment_file.h"

namespace kvd::storage {

class SegmentSupply {
 public:
  struct Options {
    std::string folder;
    uint64_t segment_bytes = 0;
    std::vector<std::string> spares = {};          // The names of such files in the folder.
    std::shared_ptr<SegmentFile> ready = nullptr;  // A segment that was made before; or null.
  };

  // What goes wrong off the way of an append is told to `health`, which must outlive this.
  SegmentSupply(Options options, Health& health);

  // Ends at once: what was asked for and is not done is left undone.
  ~SegmentSupply();
  SegmentSupply(const SegmentSupply&) = delete;
  SegmentSupply& operator=(const SegmentSupply&) = delete;

  // Begins to make segment `number`. No-op if that was asked for before.
  void Prepare(SegmentNumber number);

  // Segment `number`, once it is there. What is not filled by then is left to grow: an append waits
  // for one piece at most.
  [[nodiscard]] StatusOr<std::shared_ptr<SegmentFile>> Take(SegmentNumber number);

  // The file is no part of the log any more: keeps it as a spare or removes it. Files go one after
  // the other, each durably before the next, so that a crash never leaves a gap.
  void Retire(std::shared_ptr<SegmentFile> file);

 private:
  void Run();
  [[nodiscard]] Status Put(const std::shared_ptr<SegmentFile>& file);
  [[nodiscard]] StatusOr<std::shared_ptr<SegmentFile>> Make(SegmentNumber number);
  [[nodiscard]] SegmentFile::Filling HowToFill();

  const std::string folder_;
  const uint64_t segment_bytes_;
  Health& health_;
  std::vector<std::string> spares_;  // The thread's alone.

  // std, because abseil's analysis does not follow a condition variable.
  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<SegmentFile>> retired_;
  SegmentNumber wanted_ = 0;  // The last one asked for.
  SegmentNumber made_ = 0;    // The last one that was made, or could not be.
  StatusOr<std::shared_ptr<SegmentFile>> ready_;
  bool awaited_ = false;  // Somebody waits in Take().
  bool stopping_ = false;

  std::thread thread_;  // The last member: it uses the others.
};

// A header for a new segment, its salt drawn from the machine.
[[nodiscard]] SegmentHeader NewSegmentHeader(SegmentNumber number, uint64_t bytes);

}  // namespace kvd::storage
