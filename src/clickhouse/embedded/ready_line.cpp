#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include "clickhouse/embedded/host.hpp"

namespace tributary::clickhouse::embedded {

std::string ReadyLine::to_string() const {
  return boost::json::serialize(boost::json::value{{"port", port},
                                                   {"admin_password", credentials.admin_password},
                                                   {"limited_user_password", credentials.tenant_password},
                                                   {"version", version},
                                                   {"serves_tenants", serves_tenants},
                                                   {"confined", confined},
                                                   {"proves", proves}});
}

std::optional<ReadyLine> ReadyLine::parse(std::string_view line) {
  boost::system::error_code error;
  const auto value = boost::json::parse(boost::json::string_view(line.data(), line.size()), error);
  if (error || !value.is_object()) return std::nullopt;
  try {
    const auto text = [&](const char* name) { return boost::json::value_to<std::string>(value.at(name)); };
    const auto* proves = value.as_object().if_contains("proves");
    return ReadyLine{.port = boost::json::value_to<std::uint16_t>(value.at("port")),
                     .credentials = {.admin_password = text("admin_password"), .tenant_password = text("limited_user_password")},
                     .version = text("version"),
                     .serves_tenants = value.at("serves_tenants").as_bool(),
                     .confined = value.at("confined").as_bool(),
                     .proves = proves != nullptr && proves->as_bool()};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace tributary::clickhouse::embedded
