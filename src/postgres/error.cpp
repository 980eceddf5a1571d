#include "postgres/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/one_line.hpp"

namespace tributary::postgres {
namespace {

constexpr std::size_t kTextLimit = 2048;
constexpr std::size_t kStatementLimit = 200;
constexpr std::size_t kNameLimit = 64;

bool is_sqlstate(std::string_view text) {
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  return text.size() == 5 && std::ranges::all_of(text, fits);
}

template <std::size_t N>
bool has_class(std::string_view sqlstate, const std::array<std::string_view, N>& classes) {
  return std::find(classes.begin(), classes.end(), sqlstate.substr(0, 2)) != classes.end();
}

}  // namespace

Error::Error(Details details) : std::runtime_error(one_line(details.message, kTextLimit)), details_(std::move(details)) {
  details_.message = what();
  details_.detail = one_line(details_.detail, kTextLimit);
  details_.hint = one_line(details_.hint, kTextLimit);
  details_.statement = one_line(details_.statement, kStatementLimit);
  for (auto* name : {&details_.table, &details_.column, &details_.constraint}) *name = one_line(*name, kNameLimit);
  if (!is_sqlstate(details_.sqlstate)) details_.sqlstate.clear();
}

Error::Error(ErrorKind kind, std::string message)
    : Error([&] {
        Details details;
        details.kind = kind;
        details.message = std::move(message);
        return details;
      }()) {}

Error Error::in_doubt() const {
  auto details = details_;
  details.commit_in_doubt = true;
  return Error(std::move(details));
}

bool Error::retryable() const {
  // 08 connection, 40 rollback (deadlock, serialization), 53 resources, 55 object state (lock_timeout), 57 operator
  // intervention, 58 system, XX internal
  static constexpr std::array<std::string_view, 7> kClasses{"08", "40", "53", "55", "57", "58", "XX"};
  switch (kind()) {
    case ErrorKind::connection:
    case ErrorKind::deadline:
      return true;
    case ErrorKind::server:
      return has_class(sqlstate(), kClasses);
    case ErrorKind::protocol:
    case ErrorKind::usage:
      return false;
  }
  return false;
}

bool Error::may_blame_a_row() const {
  // 08 connection, 0A not supported, 25 transaction state, 26 prepared statement, 28 authorization, 3B savepoint, 3D database, 3F schema, 40 rollback,
  // 42 syntax or access rule, 53 resources, 55 object state, 57 operator intervention, 58 system, F0 configuration file, XX internal
  static constexpr std::array<std::string_view, 16> kOthers{"08", "0A", "25", "26", "28", "3B", "3D", "3F",
                                                            "40", "42", "53", "55", "57", "58", "F0", "XX"};
  return kind() == ErrorKind::server && !sqlstate().empty() && !has_class(sqlstate(), kOthers);
}

}  // namespace tributary::postgres
