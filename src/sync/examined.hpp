#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/uuid.hpp"

namespace tributary::sync {

/// Which mappings of destinations were compared with what the source knows, at which watermark, since its last jump. Keeps the last 10,000 at least and 20,000
/// at most, lest it grow with the tenancies: others are asked again, a few at a time. A value; threads: one loop.
class Examined {
 public:
  using Key = std::tuple<Uuid, std::string, std::string>;  ///< tenancy, destination, mapping
  static constexpr std::size_t kFew = 10'000;

  bool contains(const Key& key, std::int64_t jump, std::int64_t watermark) const {
    return jump == jump_ && (holds(recent_, key, watermark) || holds(older_, key, watermark));
  }
  void add(Key key, std::int64_t jump, std::int64_t watermark) {
    if (jump != std::exchange(jump_, jump)) recent_.clear(), older_.clear();
    if (recent_.size() >= kFew) older_ = std::exchange(recent_, {});
    recent_.insert_or_assign(std::move(key), watermark);
  }

 private:
  using Watermarks = std::map<Key, std::int64_t>;

  static bool holds(const Watermarks& watermarks, const Key& key, std::int64_t watermark) {
    const auto found = watermarks.find(key);
    return found != watermarks.end() && found->second == watermark;
  }

  std::int64_t jump_ = -1;
  Watermarks recent_;
  Watermarks older_;
};

}  // namespace tributary::sync
