#include "client/lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "client/connection.h"
#include "config/host_port.h"

namespace kvd::client {
namespace {

// gRPC's words for it name the address once more, and how it was looked up.
std::string WhyNotConnected(const std::string& grpc_message, bool tls) {
  if (grpc_message.find("onnection refused") != std::string::npos) return "connection refused";
  if (grpc_message.find("imed out") != std::string::npos ||
      grpc_message.find("imeout") != std::string::npos) {
    return "no answer";
  }
  return ExplainHandshake(grpc_message, tls);
}

}  // namespace

Lane* Lanes::Choose(std::string_view key, const std::set<const Lane*>& passed_over, Deadline now) {
  if (const std::string* owner = routes_.AddressOf(key)) {
    if (Lane* lane = Take(*owner, passed_over, /*silent_too=*/false, now)) return lane;
  }
  for (auto& [address, place] : places_) {
    const bool is_open = place.lane->state() == Lane::State::kOpen;
    if (is_open && !place.silent_since && !passed_over.contains(place.lane.get())) {
      return place.lane.get();
    }
  }
  std::vector<std::string> addresses;
  for (const Endpoint& endpoint : access_.endpoints) addresses.push_back(endpoint.at.ToString());
  for (std::string& address : routes_.Addresses()) addresses.push_back(std::move(address));
  for (const bool silent_too : {false, true}) {
    for (const std::string& address : addresses) {
      if (Lane* lane = Take(address, passed_over, silent_too, now)) return lane;
    }
  }
  return nullptr;
}

Lane* Lanes::Take(const std::string& address, const std::set<const Lane*>& passed_over,
                  bool silent_too, Deadline now) {
  Place* place = PlaceAt(address);
  if (place == nullptr || passed_over.contains(place->lane.get())) return nullptr;
  if (place->silent_since && !silent_too) return nullptr;
  switch (place->lane->state()) {
    case Lane::State::kOpen:
    case Lane::State::kOpening:
      return place->lane.get();
    case Lane::State::kClosing:
      return nullptr;
    case Lane::State::kClosed:
      break;
  }
  if (now < place->left_alone_until) return nullptr;
  place->lane->Open();
  return place->lane.get();
}

// nullptr: it must not be dialled.
Lanes::Place* Lanes::PlaceAt(const std::string& address) {
  const auto found = places_.find(address);
  if (found != places_.end()) return &found->second;
  const auto at = config::HostPort::Parse(address);
  if (!at.ok() || at->port == 0) return nullptr;
  if (!access_.tls && !access_.insecure && !at->is_loopback()) return nullptr;
  const auto channel = MakeChannel({.target = "dns:///" + at->ToString(),
                                    .authority = at->ToString(),
                                    .credentials = access_.credentials,
                                    .tls = access_.tls});
  Place& place = places_[address];
  place.lane = std::make_unique<Lane>(address, channel, queue_, listener_);
  return &place;
}

void Lanes::OnOpen(const Lane& lane) {
  has_connected_ = true;
  Find(lane).silent_since.reset();
}

void Lanes::OnSilence(Lane& lane, Deadline now) {
  std::optional<Deadline>& since = Find(lane).silent_since;
  if (!since) since = now;
  if (now - *since > kBrokenAfter) lane.Cancel();
}

void Lanes::OnAnswers(const Lane& lane, Deadline sent_at, Deadline now) {
  Place& place = Find(lane);
  place.silent_since.reset();
  place.hearing.OnAnswer(sent_at, now);
}

void Lanes::OnClosed(const Lane& lane, bool was_open, const std::string& grpc_message,
                     Deadline now) {
  Place& place = Find(lane);
  place.silent_since.reset();
  if (was_open) return;
  place.why_closed = WhyNotConnected(grpc_message, access_.tls);
  place.left_alone_until = now + kLeftAlone;
}

bool Lanes::IsAnyOpening() const {
  return std::ranges::any_of(places_, [](const auto& each) {
    const Lane::State state = each.second.lane->state();
    return state == Lane::State::kOpening || state == Lane::State::kClosing;
  });
}

std::string Lanes::WhyNobody() const {
  std::string whys;
  for (const auto& [address, place] : places_) {
    const bool is_opening = place.lane->state() == Lane::State::kOpening;
    const std::string_view why = is_opening ? "no answer" : std::string_view(place.why_closed);
    if (why.empty()) continue;
    whys += fmt::format("{}{} {}", whys.empty() ? "" : ", ", address, why);
  }
  return whys.empty() ? "out of time" : whys;
}

void Lanes::FlushAll() {
  for (auto& [address, place] : places_) place.lane->Flush();
}

void Lanes::CancelAll() {
  for (auto& [address, place] : places_) place.lane->Cancel();
}

bool Lanes::AreClosed() const {
  return std::ranges::all_of(
      places_, [](const auto& each) { return each.second.lane->state() == Lane::State::kClosed; });
}

}  // namespace kvd::client
