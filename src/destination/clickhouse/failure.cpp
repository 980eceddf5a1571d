#include "destination/clickhouse/failure.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tributary::destination::clickhouse_target {
namespace {

/// Others take it just now, or these rows need more than there is.
constexpr std::string_view kOutOfMemory = "53200";

struct Meaning {
  int code;
  std::string_view sqlstate;
};

/// ErrorCodes.cpp of the server has the numbers.
constexpr std::array kMeanings{
    Meaning{6, "42804"},     // CANNOT_PARSE_TEXT
    Meaning{10, "42703"},    // NOT_FOUND_COLUMN_IN_BLOCK
    Meaning{16, "42703"},    // NO_SUCH_COLUMN_IN_TABLE
    Meaning{47, "42703"},    // UNKNOWN_IDENTIFIER
    Meaning{53, "42804"},    // TYPE_MISMATCH
    Meaning{60, "42P01"},    // UNKNOWN_TABLE
    Meaning{70, "42804"},    // CANNOT_CONVERT_TYPE
    Meaning{75, "53100"},    // CANNOT_WRITE_TO_FILE_DESCRIPTOR
    Meaning{81, "3D000"},    // UNKNOWN_DATABASE
    Meaning{159, "57014"},   // TIMEOUT_EXCEEDED
    Meaning{173, kOutOfMemory},  // CANNOT_ALLOCATE_MEMORY
    Meaning{192, "28000"},   // UNKNOWN_USER
    Meaning{193, "28000"},   // WRONG_PASSWORD
    Meaning{194, "28000"},   // REQUIRED_PASSWORD
    Meaning{195, "28000"},   // IP_ADDRESS_NOT_ALLOWED
    Meaning{202, "53300"},   // TOO_MANY_SIMULTANEOUS_QUERIES
    Meaning{236, "57P01"},   // ABORTED: the server stops
    Meaning{241, kOutOfMemory},  // MEMORY_LIMIT_EXCEEDED
    Meaning{242, "25006"},   // TABLE_IS_READ_ONLY
    Meaning{243, "53100"},   // NOT_ENOUGH_SPACE
    Meaning{497, "42501"},   // ACCESS_DENIED
    Meaning{516, "28000"},   // AUTHENTICATION_FAILED
    Meaning{745, "53000"},   // SERVER_OVERLOADED
};

std::string_view sqlstate_of(const clickhouse::Error& error) {
  using clickhouse::ErrorKind;
  if (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::deadline) return "08006";
  if (error.kind() == ErrorKind::protocol) return "08P01";
  if (error.kind() == ErrorKind::usage) return "22000";
  if (error.code() == 0) return error.details().http_status == 401 || error.details().http_status == 403 ? "28000" : "08004";
  const auto found = std::ranges::find(kMeanings, error.code(), &Meaning::code);
  return found == kMeanings.end() ? "XX000" : found->sqlstate;
}

}  // namespace

Failure to_failure(const clickhouse::Error& error) {
  return {.kind = error.retryable() ? FailureKind::unavailable : FailureKind::refused,
          .sqlstate = std::string(sqlstate_of(error)),
          .message = error.what()};
}

Failure to_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const clickhouse::Error& of_server) {
    return to_failure(of_server);
  } catch (const std::exception& defect) {
    return {.kind = FailureKind::refused, .sqlstate = "XX000", .message = std::string("a defect: ") + defect.what()};
  }
}

Failure timed_out() {
  return {.kind = FailureKind::unavailable,
          .sqlstate = "08006",
          .message = "the shared ClickHouse has not answered within the time that a batch may take"};
}

bool concerns_server(const Failure& failure) {
  if (failure.sqlstate == kOutOfMemory) return false;
  constexpr std::array<std::string_view, 5> kClasses{"08", "28", "3D", "53", "57"};
  return std::ranges::any_of(kClasses, [&](std::string_view prefix) { return failure.sqlstate.starts_with(prefix); });
}

}  // namespace tributary::destination::clickhouse_target
