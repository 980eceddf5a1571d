#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "postgres/params.hpp"
#include "postgres/timestamp.hpp"

namespace tributary::postgres {

/// A value that is not NULL, in PostgreSQL's binary format, with what is needed to decode it and to complain about it.
struct Value {
  Oid type;
  std::span<const std::byte> bytes;
  std::string_view column;
};

/// Decoders behind Result::get. The bytes may come from a stranger's server: each throws Error{protocol} on a type that does not fit and on
/// lengths that do not add up, and reads nothing outside of the value.
void decode(const Value& value, bool& out);
void decode(const Value& value, std::int16_t& out);
void decode(const Value& value, std::int32_t& out);
void decode(const Value& value, std::int64_t& out);
void decode(const Value& value, double& out);
void decode(const Value& value, std::string& out);
void decode(const Value& value, Uuid& out);
void decode(const Value& value, Timestamp& out);
void decode(const Value& value, std::vector<std::byte>& out);
void decode(const Value& value, std::vector<Uuid>& out);
void decode(const Value& value, std::vector<std::int64_t>& out);
void decode(const Value& value, std::vector<std::string>& out);

}  // namespace tributary::postgres
