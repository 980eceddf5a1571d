#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/embedded/codec.hpp"
#include "clickhouse/embedded/engine.hpp"

namespace tributary::clickhouse::embedded {

/// Who a request comes from.
enum class Role { admin, tenant };

/// Made at each start. Tenants' queries come with the tenant's id besides, from whoever holds this password.
struct Credentials {
  static constexpr std::string_view kAdmin = "admin";
  static constexpr std::string_view kTenant = "limited_user";
  std::string admin_password;
  std::string tenant_password;
};

/// The head of a request, as ClickHouse's HTTP interface has it.
struct Head {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// What a request asks for, apart from its body.
struct Query {
  std::string path;
  std::string sql;  ///< of the URL; what the body holds follows it
  std::string user;
  std::string password;
  std::string id;        ///< the client's, or made up
  std::string database;  ///< empty: default
  std::string format;    ///< of the answer, and of an INSERT's data, where the statement names none
  Assignments parameters;  ///< param_x, for {x:Type}
  Assignments settings;    ///< what is left of the URL's parameters
  std::string project;   ///< SQL_project_id
  std::string branch;    ///< SQL_branch_id
  bool names_tenant = false;
  bool wait_end = false;  ///< the answer is sent once it is complete
  Encoding sent = Encoding::identity;      ///< of the request's body
  Encoding wanted = Encoding::identity;    ///< of the answer's
};

/// Throws EngineFailure with the code that ClickHouse has for it.
Query read_query(const Head& head);

/// A refusal in ClickHouse's form.
class EngineFailure : public std::runtime_error {
 public:
  EngineFailure(int code, std::string_view name, const std::string& message);
  const EngineError& error() const { return error_; }

 private:
  EngineError error_;
};

/// Throws EngineFailure (516) where there is no such user or the password is wrong. Takes as long in either case.
Role authenticate(const Query& query, const Credentials& credentials);

/// Settings for a tenant's session: those of the URL, none but the ones listed, and none above `most` (name → bound, which is also the default).
/// Throws EngineFailure that names the setting.
Assignments tenant_settings(const Query& query, const std::map<std::string, std::uint64_t>& most);
/// The setting that row policies compare with, see mapping/clickhouse_access.hpp. `tag` tells this query from all others.
std::string tenant_comment(const Query& query, std::string_view tag);

/// HTTP status that ClickHouse answers an error with.
unsigned status_of(int code);
/// Content-Type of a format.
std::string_view content_type(std::string_view format);
/// Of a tenant's statement that failed while it ran: the code and its name, and tenant_message() in place of the message.
EngineError safe_error(const EngineError& error);

}  // namespace tributary::clickhouse::embedded
