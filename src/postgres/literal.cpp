#include "postgres/connection.hpp"

namespace tributary::postgres {

std::string literal(const Uuid& value) { return "'" + value.to_string() + "'::uuid"; }

std::string literal(std::int64_t value) {
  const auto digits = std::to_string(value);  // a cast binds stronger than a sign, hence the parentheses
  return (value < 0 ? "(" + digits + ")" : digits) + "::bigint";
}

}  // namespace tributary::postgres
