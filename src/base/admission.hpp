#pragma once
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace tributary {

/// Who of those that wait goes in next: at most `all` are inside, and of each key at most `each`. Keys take turns, and who waits behind others of its own
/// key holds up nobody else's. A decision only: whoever is admitted is told by the caller. Threads: one at a time.
template <class Item>
class Admission {
 public:
  struct Admitted {
    std::string key;
    Item item;
  };

  Admission(std::size_t each, std::size_t all) : each_(each), all_(all) {}

  void wait(const std::string& key, Item item) {
    auto& group = groups_[key];
    group.waiting.push_back(std::move(item));
    line_up(key, group);
  }

  /// Inside from now until leave(). nullopt: nobody may go in.
  std::optional<Admitted> next() {
    if (inside_ >= all_ || line_.empty()) return std::nullopt;
    const auto key = std::move(line_.front());
    line_.pop_front();
    auto& group = groups_.at(key);
    group.in_line = false;
    Admitted admitted{.key = key, .item = std::move(group.waiting.front())};
    group.waiting.pop_front();
    ++group.inside;
    ++inside_;
    line_up(key, group);
    return admitted;
  }

  /// REQUIRES: one of this key is inside.
  void leave(const std::string& key) {
    const auto found = groups_.find(key);
    --found->second.inside;
    --inside_;
    line_up(key, found->second);
    if (found->second.inside == 0 && found->second.waiting.empty()) groups_.erase(found);
  }

  std::size_t inside() const { return inside_; }

 private:
  struct Group {
    std::size_t inside = 0;
    std::deque<Item> waiting;
    bool in_line = false;
  };

  void line_up(const std::string& key, Group& group) {
    if (group.in_line || group.waiting.empty() || group.inside >= each_) return;
    group.in_line = true;
    line_.push_back(key);
  }

  std::size_t each_;
  std::size_t all_;
  std::size_t inside_ = 0;
  std::map<std::string, Group> groups_;  ///< of those that are inside or wait
  std::deque<std::string> line_;  ///< keys of which somebody may go in
};

}  // namespace tributary
