#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tributary {

/// Lets each of many in a few times at once, and all of them together a few more times: whoever asks for more is told so, and keeps nobody else out.
/// Lifetime: copies share their places; a Place may outlive them all. Threads: one loop.
class Quota {
  struct State {
    std::size_t inside = 0;
    std::map<std::string, std::size_t> by_key;  ///< of those that are inside only

    void leave(const std::string& key) {
      --inside;
      const auto found = by_key.find(key);
      if (--found->second == 0) by_key.erase(found);
    }
  };

 public:
  /// A place inside, left at the end.
  class Place {
   public:
    Place(std::shared_ptr<State> state, std::string key) : state_(std::move(state)), key_(std::move(key)) {}
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (state_) state_->leave(key_);
    }

   private:
    std::shared_ptr<State> state_;  ///< null: moved from
    std::string key_;
  };

  Quota(std::size_t each, std::size_t all) : each_(each), all_(all) {}

  std::size_t most() const { return all_; }
  bool is_full() const { return state_->inside >= all_; }
  /// nullopt: this one, or all together, have as many as they may.
  std::optional<Place> enter(const std::string& key) {
    const auto found = state_->by_key.find(key);
    if (is_full() || (found == state_->by_key.end() ? 0 : found->second) >= each_) return std::nullopt;
    ++state_->inside;
    ++state_->by_key[key];
    return Place(state_, key);
  }

 private:
  std::size_t each_;
  std::size_t all_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace tributary
