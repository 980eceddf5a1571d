#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace tributary {

/// Lets each of many in a few times at once, and all of them together a few more times: whoever asks for more is told so, and keeps nobody else out.
/// Lifetime: must outlive each Place. Threads: one loop.
class Quota {
 public:
  /// A place inside, left at the end.
  class Place {
   public:
    Place(Quota& quota, std::string key) : quota_(&quota), key_(std::move(key)) {}
    Place(Place&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (quota_ != nullptr) quota_->leave(key_);
    }

   private:
    Quota* quota_;
    std::string key_;
  };

  Quota(std::size_t each, std::size_t all) : each_(each), all_(all) {}
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  bool is_full() const { return inside_ >= all_; }
  /// nullopt: this one, or all together, have as many as they may.
  std::optional<Place> enter(const std::string& key) {
    const auto found = by_key_.find(key);
    if (is_full() || (found == by_key_.end() ? 0 : found->second) >= each_) return std::nullopt;
    ++inside_;
    ++by_key_[key];
    return Place(*this, key);
  }

 private:
  void leave(const std::string& key) {
    --inside_;
    const auto found = by_key_.find(key);
    if (--found->second == 0) by_key_.erase(found);
  }

  const std::size_t each_;
  const std::size_t all_;
  std::size_t inside_ = 0;
  std::map<std::string, std::size_t> by_key_;  ///< of those that are inside only
};

}  // namespace tributary
