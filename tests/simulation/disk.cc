#include "tests/simulation/disk.h"

#include <utility>

#include "common/check.h"
#include "server/storage/write_back.h"

namespace kvd::simulation {
namespace {

constexpr uint64_t kKeptBytes = 2000;  // Of a few partitions: some of it is handed on now and then.

}  // namespace

std::unique_ptr<storage::Store> Disk::NewFront() {
  return std::make_unique<storage::WriteBackStore>(*store_, kKeptBytes);
}

std::unique_ptr<Disk> Disk::Impostor(const Disk& lost) {
  auto disk = std::make_unique<Disk>(lost.node_uuid_);
  disk->binding_ = lost.binding_;
  disk->boot_ = lost.boot_;
  disk->kept_ = lost.kept_;
  const auto groups = lost.log_->Groups();
  KVD_CHECK(groups.ok(), "a log that nobody writes can be read");
  for (const storage::GroupExtent& extent : *groups) {
    storage::GroupWrite write{.group = extent.group};
    if (extent.removed != ReplicaId{}) write.remove = extent.removed;
    if (extent.replica != ReplicaId{}) write.create = {extent.replica, extent.initial};
    disk->log_->Write({&write, 1});
    KVD_CHECK(disk->log_->Sync().ok(), "a new disk is good");
  }
  disk->ReadImage();
  return disk;
}

void Disk::BeginWrite(std::vector<storage::GroupWrite> batch) {
  log_->Write(batch);
  underway_ = std::move(batch);
}

Status Disk::EndWrite() {
  KVD_RETURN_IF_ERROR(log_->Sync());
  for (const storage::GroupWrite& write : std::exchange(underway_, {})) Imagine(write);
  return OkStatus();
}

Status Disk::Truncate(std::span<const storage::Log::Prefix> prefixes) {
  KVD_RETURN_IF_ERROR(log_->TruncatePrefixes(prefixes));
  for (const auto& [group, through] : prefixes) {
    Image& image = image_[group];
    if (through < image.first) continue;
    const auto last = image.terms.find(through);
    image.previous_term = last == image.terms.end() ? 0 : last->second;
    image.first = through + 1;
    image.terms.erase(image.terms.begin(), image.terms.lower_bound(image.first));
  }
  return OkStatus();
}

void Disk::Imagine(const storage::GroupWrite& write) {
  Image& image = image_[write.group];
  if (write.remove) {
    image = Image();
    image.named.removed = *write.remove;
  }
  if (write.create) image.named.here = write.create->id;
  if (write.hard_state) image.hard_state = *write.hard_state;
  if (write.reset) {
    image.terms.clear();
    image.first = write.reset->index + 1;
    image.previous_term = write.reset->term;
  }
  if (write.entries.empty()) return;
  image.terms.erase(image.terms.lower_bound(write.entries.front().index), image.terms.end());
  for (const storage::Entry& entry : write.entries) image.terms[entry.index] = entry.term;
}

void Disk::ReadImage() {
  image_.clear();
  const auto groups = log_->Groups();
  KVD_CHECK(groups.ok(), "a log that was just opened can be read");
  for (const storage::GroupExtent& extent : *groups) {
    Image& image = image_[extent.group];
    image.named = {.here = extent.replica, .removed = extent.removed};
    image.hard_state = extent.hard_state;
    image.first = extent.first;
    image.previous_term = extent.previous_term;
    if (extent.last < extent.first) continue;
    const auto entries = log_->Read(extent.group, extent.first, extent.last, ~0ULL);
    KVD_CHECK(entries.ok(), "what is in the log can be read");
    for (const storage::Entry& entry : *entries) image.terms[entry.index] = entry.term;
  }
}

bool Disk::Holds(GroupId group, Index index, Term term) const {
  if (index == 0) return true;
  const auto found = image_.find(group);
  if (found == image_.end()) return false;
  const Image& image = found->second;
  if (index + 1 < image.first) return true;
  if (index + 1 == image.first) return image.previous_term == term;
  const auto entry = image.terms.find(index);
  return entry != image.terms.end() && entry->second == term;
}

storage::HardState Disk::HardStateOf(GroupId group) const {
  const auto found = image_.find(group);
  return found == image_.end() ? storage::HardState() : found->second.hard_state;
}

Disk::Named Disk::NamedOf(GroupId group) const {
  const auto found = image_.find(group);
  return found == image_.end() ? Named() : found->second.named;
}

void Disk::EndBind() {
  KVD_CHECK(binding_underway_.has_value(), "a binding is begun before it is ended");
  binding_ = *binding_underway_;
  binding_underway_.reset();
}

const std::optional<std::string>& Disk::Kept(storage::KeptRecord which) const {
  static const std::optional<std::string> kNothing;
  const auto found = kept_.find(which);
  return found == kept_.end() ? kNothing : found->second.synced;
}

void Disk::BeginKeep(storage::KeptRecord which, std::string record) {
  kept_[which].underway = std::move(record);
}

void Disk::EndKeep(storage::KeptRecord which) {
  Record& record = kept_[which];
  KVD_CHECK(record.underway.has_value(), "a record's write is begun before it is ended");
  record.synced = std::exchange(record.underway, std::nullopt);
}

std::unique_ptr<Disk> Disk::Copy() const {
  auto copy = std::make_unique<Disk>(node_uuid_);
  copy->log_ = log_->Copy();
  copy->store_ = store_->Copy();
  copy->front_ = copy->NewFront();
  copy->ReadImage();
  copy->binding_ = binding_;
  copy->kept_ = kept_;
  copy->boot_ = boot_;
  return copy;
}

void Disk::Crash(Random& random) {
  log_->Crash(/*tear_last_batch=*/random.Chance(500'000));
  underway_.clear();
  ReadImage();
  // A database may have flushed by itself.
  store_->Crash(random.Chance(300'000) ? random.Below(20) : 0);
  front_ = NewFront();
  if (binding_underway_ && random.Chance(500'000)) EndBind();
  binding_underway_.reset();
  for (auto& [which, record] : kept_) {
    if (record.underway && random.Chance(500'000)) EndKeep(which);
    record.underway.reset();
  }
}

void Disk::ForgetData() {
  log_ = std::make_unique<storage::MemoryLog>();
  store_ = std::make_unique<storage::MemoryStore>();
  front_ = NewFront();
  image_.clear();
}

}  // namespace kvd::simulation
