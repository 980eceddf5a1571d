#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "postgres/params.hpp"

namespace tributary::postgres::detail {

/// The statements that one session of a server has prepared, by text and parameter types.
class PreparedStatements {
 public:
  /// What is not reused often enough to be worth the server's memory is not prepared: beyond this many, statements go unprepared.
  static constexpr std::size_t kLimit = 512;

  static std::string key(std::string_view sql, const Params& params);

  /// Null where it is not prepared.
  const std::string* find(const std::string& key) const;
  bool full() const { return names_.size() >= kLimit; }
  /// Enters it and returns its name: a hash of the text, the same on every connection, which helps who reads the server's log and
  /// poolers that share server sessions.
  const std::string& insert(const std::string& key);
  void erase(const std::string& key) { names_.erase(key); }

 private:
  std::unordered_map<std::string, std::string> names_;
};

}  // namespace tributary::postgres::detail
