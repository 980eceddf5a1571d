#include "dashboard/attempts.hpp"

namespace tributary::dashboard {

std::string Attempts::name_of(const std::string& client) const {
  return wrong_.size() < kMostClients || wrong_.contains(client) ? client : "";
}

std::chrono::milliseconds Attempts::wait(const std::string& client, Time now) const {
  const auto found = wrong_.find(name_of(client));
  if (found == wrong_.end() || found->second.count < kMost || now >= found->second.until) return std::chrono::milliseconds(0);
  return std::chrono::ceil<std::chrono::milliseconds>(found->second.until - now);
}

void Attempts::note_wrong(const std::string& client, Time now) {
  if (now >= next_tidying_) {
    std::erase_if(wrong_, [&](const auto& entry) { return now >= entry.second.until; });
    next_tidying_ = now + kFor;
  }
  auto& wrong = wrong_[name_of(client)];
  if (wrong.count == 0 || now >= wrong.until) wrong = {.count = 0, .until = now + kFor};
  ++wrong.count;
}

void Attempts::take_back(const std::string& client) {
  const auto found = wrong_.find(name_of(client));
  if (found != wrong_.end() && found->second.count > 0) --found->second.count;
}

}  // namespace tributary::dashboard
