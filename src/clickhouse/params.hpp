#pragma once
#include <boost/json/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.hpp"

namespace tributary::clickhouse {

/// Values for the places {name:Type} of a query. They are never part of its text: the server reads each by its place's type. What is written here for a C++
/// type is right for the ClickHouse types named beside it, and wrong values for a type are the server's error to tell.
/// Distinct objects: any thread.
class Params {
 public:
  Params& add(std::string_view name,
              std::string_view value);  ///< String, and any type in the text that it is written with (enums, dates)
  Params& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
  Params& add(std::string_view name, const std::string& value) { return add(name, std::string_view(value)); }
  Params& add(std::string_view name, bool value);  ///< Bool, UInt8
  Params& add(std::string_view name, int value) { return add(name, std::int64_t{value}); }
  Params& add(std::string_view name, std::int64_t value);  ///< integers that have room for it
  Params& add(std::string_view name, std::uint64_t value);
  Params& add(std::string_view name, double value);  ///< Float64; shortest text that reads back as the same number
  Params& add(std::string_view name, const Uuid& value);  ///< UUID
  /// DateTime64(3, 'UTC') or (6, 'UTC'), in UTC whatever the server's zone: the place must name the zone.
  Params& add(std::string_view name, std::chrono::sys_time<std::chrono::microseconds> value);
  Params& add(std::string_view name, std::span<const std::string> values);  ///< Array(String)
  Params& add(std::string_view name, std::span<const std::int64_t> values);  ///< Array(Int64)
  Params& add(std::string_view name, std::span<const Uuid> values);  ///< Array(UUID)
  Params& add_null(std::string_view name);  ///< Nullable(…)
  /// JSON: text, numbers, true and false (within others Bool), null as Nullable(…), arrays and objects within each other as Array(…) and Map(String, …).
  Params& add_json(std::string_view name, const boost::json::value& value);

  /// Names, and values in ClickHouse's escaped text.
  using Value = std::pair<std::string, std::string>;
  const std::vector<Value>& values() const { return values_; }

 private:
  Params& put(std::string_view name, std::string text);
  std::vector<Value> values_;
};

}  // namespace tributary::clickhouse
