#include "server/storage/segments/segment_supply.h"

#include <cstdio>
#include <random>
#include <utility>

#include "common/check.h"
#include "server/storage/files.h"

namespace kvd::storage {
namespace {

constexpr size_t kMaxSpares = 2;
constexpr const char* kNewName = "new-segment";

}  // namespace

SegmentHeader NewSegmentHeader(SegmentNumber number, uint64_t bytes) {
  std::random_device machine;
  const uint64_t salt = (uint64_t{machine()} << 32U) | machine();
  return {.number = number, .salt = salt, .filled_bytes = bytes};
}

SegmentSupply::SegmentSupply(Options options, Health& health)
    : folder_(std::move(options.folder)),
      segment_bytes_(options.segment_bytes),
      health_(health),
      spares_(std::move(options.spares)),
      wanted_(options.ready ? options.ready->number() : 0),
      made_(wanted_),
      ready_(std::move(options.ready)),
      thread_([this] { Run(); }) {}

SegmentSupply::~SegmentSupply() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void SegmentSupply::Prepare(SegmentNumber number) {
  const std::lock_guard lock(mu_);
  if (wanted_ >= number) return;
  wanted_ = number;
  changed_.notify_all();
}

StatusOr<std::shared_ptr<SegmentFile>> SegmentSupply::Take(SegmentNumber number) {
  Prepare(number);
  std::unique_lock lock(mu_);
  KVD_CHECK_OP(==, wanted_, number);
  awaited_ = true;
  changed_.wait(lock, [&] { return made_ == number; });
  awaited_ = false;
  return std::exchange(ready_, nullptr);
}

void SegmentSupply::Retire(std::shared_ptr<SegmentFile> file) {
  const std::lock_guard lock(mu_);
  retired_.push_back(std::move(file));
  changed_.notify_all();
}

SegmentFile::Filling SegmentSupply::HowToFill() {
  const std::lock_guard lock(mu_);
  if (stopping_) return SegmentFile::Filling::kStop;
  return awaited_ ? SegmentFile::Filling::kLeave : SegmentFile::Filling::kGoOn;
}

void SegmentSupply::Run() {
  std::unique_lock lock(mu_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !retired_.empty() || made_ < wanted_; });
    if (stopping_) return;
    if (!retired_.empty()) {  // First: it may be what the next one is made of.
      const std::shared_ptr<SegmentFile> file = std::move(retired_.front());
      retired_.pop_front();
      lock.unlock();
      if (const Status put = Put(file); !put.ok()) health_.Fail(put);
      lock.lock();
      continue;
    }
    const SegmentNumber number = wanted_;
    lock.unlock();
    auto made = Make(number);
    lock.lock();
    ready_ = std::move(made);
    made_ = number;
    changed_.notify_all();
  }
}

Status SegmentSupply::Put(const std::shared_ptr<SegmentFile>& file) {
  // Somebody may be reading it: then it goes, and its bytes stay for as long as they are open.
  const bool recycle = spares_.size() < kMaxSpares && file.use_count() == 1 &&
                       file->header().filled_bytes >= segment_bytes_;
  if (!recycle) return RemoveFile(file->path());
  const std::string name = SpareName(file->number());
  if (rename(file->path().c_str(), (folder_ + "/" + name).c_str()) != 0) {
    return ErrnoStatus("rename " + file->path());
  }
  spares_.push_back(name);
  return SyncFolder(folder_);
}

StatusOr<std::shared_ptr<SegmentFile>> SegmentSupply::Make(SegmentNumber number) {
  std::string from = kNewName;
  if (!spares_.empty()) {
    from = std::move(spares_.back());
    spares_.pop_back();
  }
  return SegmentFile::Make(folder_, from, NewSegmentHeader(number, segment_bytes_),
                           [this] { return HowToFill(); });
}

}  // namespace kvd::storage
