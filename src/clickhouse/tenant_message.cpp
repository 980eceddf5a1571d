#include "clickhouse/tenant_message.hpp"

namespace tributary::clickhouse {

std::string tenant_message(int code, std::string_view message) {
  switch (code) {
    case 62:  // SYNTAX_ERROR
      return std::string(message);
    // Those of a server would count rows in them, some of which can be others'.
    case 158:  // TOO_MANY_ROWS
      return "The query reads more rows than it may.";
    case 159:  // TIMEOUT_EXCEEDED
      return "The query takes longer than it may.";
    case 164:  // READONLY
      return "The query may only read, and change no setting.";
    case 396:  // TOO_MANY_ROWS_OR_BYTES
      return "The result has more rows or bytes than it may have.";
    case 636:  // CANNOT_EXTRACT_TABLE_STRUCTURE
      return "The structure of the data cannot be told.";
    default:
      return "Error during execution of this query.";
  }
}

}  // namespace tributary::clickhouse
